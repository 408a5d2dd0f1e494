/**
 * Lines between processes of one machine, over Unix sockets in the spool. Nothing else imports node:net for them.
 *
 * A socket is also how a process shows that it lives: connecting to a dead one's path is refused by the system, whatever became of its pid.
 */
export interface Sockets {
  /**
   * Listens on `path` (mode 0600). Does not keep the process alive.
   * Rejects with EADDRINUSE (the name is taken), SOCKET_PATH_LONG (off Linux, above 103 bytes).
   */
  listen(path: string, connected: (line: Line) => void): Promise<Listener>
  /** Rejects with ENOENT (no such name), ECONNREFUSED (its process is dead), EAGAIN (alive, queue full). */
  connect(path: string): Promise<Line>
}

export interface Listener {
  /** Stops listening, ends the connections and removes the path listened on; not other names linked to the socket. */
  close(): Promise<void>
}

/** A two-way line. What one end sends arrives in order at the other, or the line ends. */
export interface Line {
  /**
   * Sends one message, text without newline, at most 16 MiB. Silently nothing after the end.
   * A peer that does not read for so long that 64 MiB wait for it ends the line.
   */
  send(text: string): void
  /** Called for each message. Messages wait until it is set; setting it again hands the line over. */
  onMessage: (text: string) => void
  /** Called once, however the line ends (also by our own `end`), at once when set after that. */
  onEnd: () => void
  /** Sends what was given to `send`, then ends. No more messages arrive after this. */
  end(): void
  /** Keep the process alive while the line is open (default no). */
  ref(on: boolean): void
}

/** The longest message on a line, in UTF-8 bytes. A peer that sends more is cut. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024

/** @throws TypeError when `text` cannot be one message of a line. */
export function checkMessage(text: string): void {
  if (text.includes('\n')) throw new TypeError('a message on a line must not hold a newline')
  // No UTF-16 unit takes more than three bytes: most texts need not be measured.
  if (text.length * 3 > MESSAGE_BYTES_MAX && Buffer.byteLength(text) > MESSAGE_BYTES_MAX) {
    throw new TypeError(`a message on a line may have ${MESSAGE_BYTES_MAX} bytes, got more`)
  }
}
