import { dirname } from 'node:path'
import { DroprError } from '../errors.ts'
import { readFormat, readIdentity } from '../spool/spool-identity.ts'
import { checkSpoolFolder } from '../spool/spool-safety.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { loadCallConfig } from './call-config.ts'
import { printable } from './columns.ts'
import { examineCorrupt } from './doctor-corrupt.ts'
import { examineHost } from './doctor-host.ts'
import { examineSegment } from './doctor-segments.ts'
import { examineTree } from './doctor-tree.ts'
import { EXIT } from './exit-codes.ts'
import type { Finding } from './finding.ts'
import { UsageError } from './usage-error.ts'

const LEVELS: readonly Finding['level'][] = ['error', 'warning', 'note']
const SICK = 1

export async function runDoctor(call: Call<object>): Promise<number> {
  const { out, spool } = call
  const system = nodeSystem()
  if ((await system.files.stat(spool)) === undefined) throw new UsageError(`there is no spool at ${spool}`)
  const findings = [
    ...(await examineHost(system, spool)),
    ...(await examineSafety(system, spool)),
    ...(await examineFiles(call, system))
  ]
  findings.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level))
  for (const finding of findings) await (out.json ? out.value(finding) : out.line(textOf(finding)))
  if (findings.length === 0 && !out.json) await out.line('nothing to say: the spool, its disk and the clock are well')
  return findings.some(({ level }) => level !== 'note') ? SICK : EXIT.done
}

async function examineSafety(system: System, spool: string): Promise<Finding[]> {
  const findings: Finding[] = []
  const warn = (fields: object, text: string) => {
    const path = 'path' in fields ? String(fields.path) : spool
    findings.push({ level: 'warning', kind: 'mode', path, what: text, hint: `chmod 700 ${path}` })
  }
  const log = { ...system.log, warn }
  const { files } = system
  await checkSpoolFolder({ files, log, path: spool, uid: process.getuid?.() }).catch((error: unknown) => {
    findings.push(findingOf(error, spool))
  })
  return findings
}

async function examineFiles(call: Call<object>, system: System): Promise<Finding[]> {
  const { spool } = call
  const { files } = system
  const findings: Finding[] = []
  const note = (error: unknown) => {
    findings.push(findingOf(error, spool))
    return undefined
  }
  const format = await readFormat(files, spool).catch(note)
  const identity = await readIdentity(files, spool).catch(note)
  // Not a spool at all: everything in it would be a stray.
  if (format === undefined || identity === undefined) {
    const hint = `Without FORMAT and node.json this is no spool: was ${dirname(spool)} meant, or is a copy to be restored?`
    const what = 'it has no readable FORMAT or node.json'
    return [...findings, { level: 'error', kind: 'no-identity', path: spool, what, hint }]
  }
  const config = await loadCallConfig(call, files).catch(note)
  const tree = await examineTree(files, spool)
  findings.push(...tree.findings, ...(await examineCorrupt(files, `${spool}/corrupt`)))
  for (const peer of config === undefined ? [] : tree.peers) {
    if (peer === identity.node || config!.peers.has(peer)) continue
    const what = `the peer ${peer} is not configured: what is for it is kept and not sent`
    const hint = 'Name it in dropr.json; where only `dropr up --peer` names it, all is well.'
    findings.push({ level: 'note', kind: 'peer-unknown', path: `${spool}/outbox/${peer}`, what, hint })
  }
  for (const segment of tree.segments) findings.push(...(await examineSegment(system, segment, identity.id)))
  return findings
}

function findingOf(error: unknown, path: string): Finding {
  const what = error instanceof Error ? error.message : String(error)
  if (!(error instanceof DroprError)) throw error
  return { level: 'error', kind: error.code, path, what, hint: error.hint }
}

function textOf({ level, path, what, hint }: Finding): string {
  return `${level.toUpperCase()}: ${path === undefined ? '' : `${printable(path)}: `}${printable(what)}\n  ${printable(hint)}`
}
