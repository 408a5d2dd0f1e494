import type { Limits } from '../limits.ts'
import type { System } from '../system/system.ts'
import type { Blocks } from './blocks.ts'
import type { Folders } from './folders.ts'
import type { Ids } from './ids.ts'

export interface JournalWriterOptions {
  system: System
  folders: Folders
  folder: string
  /** Unique among all who ever write here: `[a-z0-9]{1,32}`. */
  writer: string
  /** Spool id, 32 hex digits. */
  spool: string
  limits: Limits
  /** A segment of more frames is sealed too, however small they are: reading it frame by frame takes long. */
  segmentFramesMax?: number
  ids: Ids
  /** Marks do not wait for a commit of marks that is on its way: theirs may begin before that one ends, and is told of after it. */
  overlap?: boolean
  /** Where the memory for what waits comes from; its own when not given. */
  blocks?: Blocks
  /** Numbers of segments up to this one are not used again, though their files are gone. */
  above?: number
  /** The folder is removed when it is empty, by whoever may, and made again. */
  folderGoes?: boolean
  /** Called after each commit, before those who waited are told. `end`: how far that segment is synced or written. */
  onCommit?: (at: { path: string; n: number; end: number }) => void
  /** Called while a small commit is on its way to the disk: it can be read already, most likely, and may still be lost. */
  onWriting?: (path: string) => void
  /** Called after a failed commit, before those who waited are told: an inbox takes back what it had assumed. */
  onFail?: () => void
  /** Called before a segment is sealed: what its seal is to hold, whole entries. Never rejects. */
  onSeal?: (n: number) => Promise<Buffer[]>
  /** Closing promises those who read in order that nothing more comes (P6), also after a failure: there is a seal, or it rejects. */
  endsWithSeal?: boolean
}
