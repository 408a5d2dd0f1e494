import type { Facts } from './talk.ts'

export const ROLES = ['client', 'server', 'scheduler'] as const
export type RoleName = (typeof ROLES)[number]

/** A daemon's work, as the process around it sees it: started, asked how it is, closed. */
export interface Role {
  /** What people want to know once it works: `{ listen: '127.0.0.1:7473' }`. */
  facts(): Facts
  /** Resolves when the role is well and moves; rejects with what is wrong; takes long when it is stuck. */
  health(): Promise<void>
  /** For `dropr status`: a JSON value. */
  status(): unknown
  /** Reads the configuration again; rejects, having changed nothing, when it is bad. */
  reload?(): Promise<void>
  /** Messages it has handled since it began, for `lifeMessagesMax`. */
  handled?(): number
  /** Finishes what is in hand, for at most `withinMs`. */
  close(options: { withinMs: number }): Promise<void>
}
