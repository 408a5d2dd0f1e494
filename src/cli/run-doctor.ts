import { dirname } from 'node:path'
import { DroprError } from '../errors.ts'
import { readFormat, readIdentity } from '../spool/spool-identity.ts'
import { checkSpoolFolder } from '../spool/spool-safety.ts'
import { silentLog } from '../system/log.ts'
import { nodeSystem } from '../system/node-system.ts'
import { setMode } from '../system/set-mode.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { loadCallConfig } from './call-config.ts'
import { printable } from './columns.ts'
import type { DoctorOptions } from './doctor.ts'
import { examineBlobs } from './doctor-blobs.ts'
import { examineCorrupt } from './doctor-corrupt.ts'
import { examineHost } from './doctor-host.ts'
import { examineMode } from './doctor-modes.ts'
import { type Repaired, repairFindings } from './doctor-repair.ts'
import { examineSegment } from './doctor-segments.ts'
import { examineTree } from './doctor-tree.ts'
import { EXIT } from './exit-codes.ts'
import type { Finding } from './finding.ts'
import { startProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

const LEVELS: readonly Finding['level'][] = ['error', 'warning', 'note']
const SICK = 1
const MENDED = 'Look at the disk and the memory of this machine: a second flipped bit could not be mended.'

export async function runDoctor(call: Call<DoctorOptions>, system: System = nodeSystem()): Promise<number> {
  const { options, out, spool } = call
  if (options.dryRun && !options.repair) throw new UsageError('--dry-run goes with --repair')
  if ((await system.files.stat(spool)) === undefined) throw new UsageError(`there is no spool at ${spool}`)
  const findings = [
    ...(await examineHost(system, spool)),
    ...(await examineSafety(system, spool)),
    ...(await examineFiles(call, system))
  ]
  findings.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level))
  const repaired = options.repair ? await repair(call, system, findings) : new Map<Finding, Repair>()
  const left = findings.filter(finding => !over(repaired.get(finding)))
  for (const finding of findings) {
    const { result, error } = repaired.get(finding) ?? {}
    if (out.json) await out.value({ ...finding, repaired: result, error })
    else if (left.includes(finding)) await out.line(textOf(finding, error))
  }
  if (left.length === 0 && !out.json) await out.line('nothing to say: the spool, its disk and the clock are well')
  return left.some(({ level }) => level !== 'note') ? SICK : EXIT.done
}

type Repair = { result: Repaired | 'would'; error?: string }

function over(repair: Repair | undefined): boolean {
  return repair?.result === 'done' || repair?.result === 'unneeded'
}

async function repair(call: Call<DoctorOptions>, system: System, findings: readonly Finding[]) {
  const { options, out } = call
  const say = async (verb: string, { path }: Finding, does: string) => {
    if (!out.json) await out.line(`${verb}: ${printable(path!)}: ${does}`)
  }
  if (options.dryRun) {
    const would = new Map<Finding, Repair>()
    for (const finding of findings) {
      if (finding.repair === undefined) continue
      await say('WOULD REPAIR', finding, finding.repair === 'mode' ? 'take rights from others' : 'remove')
      would.set(finding, { result: 'would' })
    }
    return would
  }
  const announce = (finding: Finding, does: string) => say('REPAIR', finding, does)
  return await repairFindings(findings, { system, setMode, announce })
}

/** Whether the folder can be trusted, and others have rights in it that they should not have. */
async function examineSafety(system: System, spool: string): Promise<Finding[]> {
  const { files } = system
  const findings = await examineMode(files, spool, 'folder')
  await checkSpoolFolder({ files, log: silentLog, path: spool, uid: process.getuid?.() }).catch((error: unknown) => {
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
  const onMended = (path: string) => {
    findings.push({
      level: 'warning',
      kind: 'mended',
      path,
      what: 'one of its bits is flipped: it is read as what was written',
      hint: MENDED
    })
  }
  const format = await readFormat(files, spool, onMended).catch(note)
  const identity = await readIdentity(files, spool, onMended).catch(note)
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
  findings.push(...(await examineBlobs(system, spool, tree.blobs)))
  const progress = startProgress(call.out, { label: 'doctor', total: tree.segments.length, clock: system.clock })
  try {
    for (const segment of tree.segments) {
      findings.push(...(await examineSegment(system, segment, identity.id)))
      progress.advance()
    }
  } finally {
    progress.end()
  }
  return findings
}

function findingOf(error: unknown, path: string): Finding {
  const what = error instanceof Error ? error.message : String(error)
  if (!(error instanceof DroprError)) throw error
  return { level: 'error', kind: error.code, path, what, hint: error.hint }
}

function textOf({ level, path, what, hint }: Finding, failed?: string): string {
  const repair = failed === undefined ? '' : `\n  It could not be repaired: ${printable(failed)}`
  return `${level.toUpperCase()}: ${path === undefined ? '' : `${printable(path)}: `}${printable(what)}\n  ${printable(hint)}${repair}`
}
