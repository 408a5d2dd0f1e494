import { dirname } from 'node:path'
import { OutboxBlobs } from '../spool/outbox-blobs.ts'
import type { System } from '../system/system.ts'
import type { Finding } from './finding.ts'

/** Files of large bodies that no message owns, or not yet. */
export async function examineBlobs(system: System, spool: string, paths: readonly string[]): Promise<Finding[]> {
  const socket = (name: string) => `${spool}/run/${name}.sock`
  const blobs = new OutboxBlobs({ spool: { system, socket }, next: () => 0 })
  const sent = paths.filter(path => path.startsWith(`${spool}/outbox/`) || path.startsWith(`${spool}/schedule/`))
  const findings: Finding[] = []
  for (const folder of new Set(sent.map(dirname))) {
    for (const { path } of await blobs.over(folder)) {
      const what = 'a large body whose sender ended before it had written the message'
      const hint = 'It goes by itself when the daemons run.'
      findings.push({ level: 'note', kind: 'blob-alone', path, what, hint })
    }
  }
  for (const path of paths.filter(path => path.endsWith('.part'))) {
    const bytes = (await system.files.stat(path))?.bytes ?? 0
    const what = `${bytes} bytes of a large body that is coming in, or whose sender went away`
    const hint = 'The server gives it up when nothing more of it came for blobIdleMsMax.'
    findings.push({ level: 'note', kind: 'blob-part', path, what, hint })
  }
  return findings
}
