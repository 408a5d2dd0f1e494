/** One fact a line. `fields` never hold payloads or tokens. The application may bring its own (pino's shape fits). */
export interface Log {
  /** Debug lines are written, so that what only they say is worth finding out. Not said: they are not. */
  readonly debugs?: boolean
  debug(fields: LogFields, text: string): void
  info(fields: LogFields, text: string): void
  warn(fields: LogFields, text: string): void
  error(fields: LogFields, text: string): void
}

export type LogFields = Readonly<Record<string, unknown>>

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined
}
