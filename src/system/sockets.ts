/**
 * Lines between processes of one machine, over Unix sockets in the spool. Nothing else imports node:net for them.
 *
 * A socket is also how a process shows that it lives: connecting to a dead one's path is refused by the system, whatever became of its pid.
 */
export interface Sockets {
  /** Listens on `path` (mode 0600, must not exist). Does not keep the process alive. */
  listen(path: string, connected: (line: Line) => void): Promise<Listener>
  /** Rejects with ENOENT (no such name), ECONNREFUSED (its process is dead), EAGAIN (alive, queue full). */
  connect(path: string): Promise<Line>
}

export interface Listener {
  /** Stops listening and ends the connections. Does not remove other names linked to the socket. */
  close(): Promise<void>
}

/** A two-way line. What one end sends arrives in order at the other, or the line ends. */
export interface Line {
  /** Sends one message, text without newline, at most 16 MiB. Silently nothing after the end. */
  send(text: string): void
  /** Set once, at once. Called for each message. */
  onMessage: (text: string) => void
  /** Set once, at once. Called once, however the line ends. */
  onEnd: () => void
  end(): void
  /** Keep the process alive while the line is open (default no). */
  ref(on: boolean): void
}
