/** File events, as a hint. A watcher may miss, repeat or delay events, or be absent: correctness rests on the timed scan. */
export interface Watch {
  /** Calls `hint` with the path of what changed at or below `folder`. Never throws; a watcher that breaks goes silent. */
  folder(folder: string, hint: (path: string) => void, options?: WatchOptions): Watcher
}

export interface WatchOptions {
  /** How many levels below `folder` are watched: 0 is its own entries only. All of them when not given. */
  depth?: number
}

export interface Watcher {
  close(): Promise<void>
}
