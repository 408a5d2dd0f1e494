import fs from 'node:fs'
import type { AppendFile } from './files.ts'
import { type Back, call, done, systemError } from './node-calls.ts'

const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW, O_NONBLOCK, O_DSYNC } = fs.constants

/** On Linux a write through O_DSYNC is durable in one thread-pool hop instead of two. On macOS it does not reach the platter. */
const DSYNC = process.platform === 'linux' && typeof O_DSYNC === 'number' ? O_DSYNC : 0

const ZEROS = Buffer.alloc(1024 * 1024)

/** Full disks. Only `preallocate` may go on after them: what it could not fill holds no data. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

interface Identity {
  dev: bigint
  ino: bigint
}

/** A new file to append to, on the real disk. */
export function nodeAppendFile(path: string): Promise<AppendFile> {
  return opened(path, O_CREAT | O_EXCL)
}

/** One that is there. */
export function nodeReopenFile(path: string): Promise<AppendFile> {
  return opened(path, O_NONBLOCK)
}

async function opened(path: string, flags: number): Promise<AppendFile> {
  const fd = await call<number>(back => fs.open(path, flags | O_WRONLY | O_NOFOLLOW | DSYNC, 0o600, back))
  try {
    const found = await call<fs.BigIntStats>(back => fs.fstat(fd, { bigint: true }, back))
    if ((found.mode & 0o7777n) !== 0o600n) await done(back => fs.fchmod(fd, 0o600, back))
    return new NodeAppendFile(path, fd, found)
  } catch (error) {
    await done(back => fs.close(fd, back)).catch(() => undefined)
    throw error
  }
}

class NodeAppendFile implements AppendFile {
  readonly #path: string
  readonly #fd: number
  readonly #identity: Identity
  /** For writes that need not be synced one by one. On Linux a second descriptor, since O_DSYNC cannot be switched off. */
  #plainFd: Promise<number> | undefined
  /** What that resolved with. */
  #plainNow: number | undefined
  #broken: unknown

  constructor(path: string, fd: number, identity: Identity) {
    this.#path = path
    this.#fd = fd
    this.#identity = { dev: identity.dev, ino: identity.ino }
    this.#plainNow = DSYNC === 0 ? fd : undefined
    this.#plainFd = DSYNC === 0 ? Promise.resolve(fd) : undefined
  }

  async write(chunks: Uint8Array[], position: number): Promise<void> {
    const fd = this.#plainNow ?? (await this.#guard(() => this.#plain()))
    await this.#writeAll(fd, chunks, position)
  }

  async writeSynced(chunks: Uint8Array[], position: number): Promise<void> {
    await this.#writeAll(this.#fd, chunks, position)
    if (DSYNC === 0) await this.sync()
  }

  async sync(): Promise<void> {
    // Any descriptor of the file will do: what is synced is the file.
    await this.#guard(() => done(back => fs.fdatasync(this.#fd, back)))
  }

  async preallocate(from: number, to: number): Promise<void> {
    const fd = await this.#guard(() => this.#plain())
    for (let at = from; at < to; at += ZEROS.length) {
      const zeros = ZEROS.subarray(0, Math.min(ZEROS.length, to - at))
      await this.#writeAll(fd, [zeros], at, FULL)
    }
    await this.#guard(() => done(back => fs.fdatasync(fd, back)))
  }

  async close(): Promise<void> {
    const plain = DSYNC === 0 ? undefined : await this.#plainFd?.catch(() => undefined)
    try {
      if (plain !== undefined) await done(back => fs.close(plain, back))
    } finally {
      await done(back => fs.close(this.#fd, back))
    }
  }

  /** After a failed write or sync nobody knows what the file holds, and a later sync would say "ok" all the same. */
  async #guard<T>(act: () => Promise<T>, harmless?: ReadonlySet<string>): Promise<T> {
    if (this.#broken) throw this.#refusal()
    try {
      return await act()
    } catch (error) {
      this.#note(error, harmless)
      throw error
    }
  }

  /** `#guard` and the call in one promise: every commit passes here. */
  #writeAll(fd: number, chunks: Uint8Array[], position: number, harmless?: ReadonlySet<string>): Promise<void> {
    if (this.#broken) return Promise.reject(this.#refusal())
    return new Promise((resolve, reject) => {
      let bytes = 0
      for (const chunk of chunks) bytes += chunk.length
      const back: Back<number> = (failed, got) => {
        // The system writes short only when it has run out of room; trying again would hide where the file ends.
        const short = got === bytes ? null : systemError('ENOSPC', `${this.#path}: wrote ${got} of ${bytes} bytes`)
        const error = failed ?? short
        if (error === null) return resolve()
        this.#note(error, harmless)
        reject(error)
      }
      if (chunks.length === 1) fs.write(fd, chunks[0]!, 0, bytes, position, back)
      else fs.writev(fd, chunks, position, back)
    })
  }

  #refusal(): Error {
    return systemError('EIO', `${this.#path} takes no more after an earlier error`, this.#broken)
  }

  #note(error: unknown, harmless?: ReadonlySet<string>): void {
    if (!harmless?.has((error as NodeJS.ErrnoException).code ?? '')) this.#broken ??= error
  }

  #plain(): Promise<number> {
    this.#plainFd ??= this.#openPlain().then(fd => {
      this.#plainNow = fd
      return fd
    })
    return this.#plainFd
  }

  async #openPlain(): Promise<number> {
    const fd = await call<number>(back => fs.open(this.#path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, back))
    const found = await call<fs.BigIntStats>(back => fs.fstat(fd, { bigint: true }, back))
    if (found.ino === this.#identity.ino && found.dev === this.#identity.dev) return fd
    await done(back => fs.close(fd, back))
    throw systemError('ESTALE', `${this.#path} is another file than the one that was made here`)
  }
}
