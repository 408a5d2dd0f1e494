import type { Range } from '../spool/range.ts'

/** What sending needs of a stream: the spool's StreamReader. */
export interface StreamSource {
  readonly stream: string
  readonly channel: string
  readonly priority: number
  /** Its file. */
  readonly path?: string
  /** The position after the last, once no more can come. */
  readonly ended: number | undefined
  /** How many positions have been seen, and that the last look found no more: a range up to there need not be read on. */
  readonly known?: number
  readonly idle?: boolean
  read(from: number, bytesMax: number): Promise<Range | undefined>
  /** Nobody reads the entries of this range any more. */
  done?(range: Range): void
  /** So many bytes of the file are said to be written. False when they were read already. */
  written?(end: number): boolean
}
