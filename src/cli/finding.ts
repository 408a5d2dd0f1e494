/** Something that a doctor has to say; docs/cli.md. */
export interface Finding {
  /** A note needs nobody; a warning may cost something later; an error does now. */
  level: 'note' | 'warning' | 'error'
  /** A word for programs, stable. */
  kind: string
  /** Absolute, where it is about a file or folder. */
  path?: string
  what: string
  /** What to do. */
  hint: string
  /** What `--repair` does about it: take rights from others, remove what nobody finished. */
  repair?: 'mode' | 'remove'
}
