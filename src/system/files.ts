/**
 * The disk, as the rest of dropr sees it. Nothing else imports node:fs.
 *
 * Every call rejects with a Node.js system error (`code` ENOSPC, EIO, EMFILE, ...) or resolves having done all it says.
 * Paths are absolute. No call follows a link in the last part of a path. Folders are made 0700, files 0600.
 */
export interface Files {
  /** Opens a file to read. ENOENT when there is none. */
  open(path: string): Promise<ReadFile>
  /** Makes a file to append to. EEXIST when there is one. Its name survives a power cut only after `syncFolder`. */
  create(path: string): Promise<AppendFile>
  /** Opens a file that exists, to append to it from where its owner says. ENOENT when there is none. */
  reopen(path: string): Promise<AppendFile>
  /**
   * Cuts a file that exists: the one place where a segment gets shorter (preallocated zeros only). Synced when resolved.
   * EINVAL when it is shorter already.
   */
  truncate(path: string, bytes: number): Promise<void>
  /** A whole small file. Rejects with EFBIG above `bytesMax`. */
  read(path: string, bytesMax: number): Promise<Buffer>
  /** Puts `data` in place of the file, all or nothing; durable, with its name, when resolved. */
  replace(path: string, data: string | Uint8Array): Promise<void>
  /** Makes one folder. False when it was there. ENOENT when its parent is not, ENOTDIR when something else has the name. */
  makeFolder(path: string): Promise<boolean>
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>
  /** What a folder holds, in no order. ENOENT when there is none. */
  list(path: string): Promise<FolderEntry[]>
  /** Undefined when there is nothing by that name. */
  stat(path: string): Promise<FileStat | undefined>
  /** A second name for a file (or socket). EEXIST when the name is taken: the primitive locks are made of. */
  link(from: string, to: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** ENOENT is not an error: redoing a removal is harmless. */
  remove(path: string): Promise<void>
  /** ENOENT is not an error; ENOTEMPTY is. */
  removeFolder(path: string): Promise<void>
  /** Bytes free for this user, and in all, on the file system that holds `path`; and its kind when known (`tmpfs`, `nfs`). */
  space(path: string): Promise<{ free: number; total: number; kind: string | undefined }>
}

export interface FolderEntry {
  name: string
  kind: 'file' | 'folder' | 'socket' | 'link' | 'other'
}

export interface FileStat {
  kind: FolderEntry['kind']
  bytes: number
  /** Bytes on disk: blocks, not length. */
  bytesUsed: number
  /** Permission bits, e.g. 0o600. */
  mode: number
  uid: number
}

export interface ReadFile {
  /**
   * Fills `into` from `position`; resolves with the bytes read, fewer only at the end of the file.
   *
   * @param fresh They are few and were written a moment ago: the system has them in memory, and to have another thread fetch
   * them from there takes ten times as long as to do it here.
   */
  read(into: Uint8Array, position: number, fresh?: boolean): Promise<number>
  bytes(): Promise<number>
  close(): Promise<void>
}

/**
 * Written by one owner, forward only. After a rejection it refuses everything but `close` (EIO, `cause` the first error),
 * except that `preallocate` which found the disk full (ENOSPC, EDQUOT, EFBIG) leaves it usable.
 */
export interface AppendFile {
  /** Writes all of `chunks` at `position`. A short write rejects with ENOSPC. In the page cache when resolved, not synced. */
  write(chunks: Uint8Array[], position: number): Promise<void>
  /** As `write`, and these bytes (not those of earlier `write` calls) and the file's length are synced when resolved. */
  writeSynced(chunks: Uint8Array[], position: number): Promise<void>
  /** Everything written so far is synced when resolved. */
  sync(): Promise<void>
  /** Fills [from, to) with zeros and syncs, so that later synced writes there need not change the file's length. */
  preallocate(from: number, to: number): Promise<void>
  close(): Promise<void>
}
