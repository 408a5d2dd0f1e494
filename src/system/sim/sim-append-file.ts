import type { AppendFile } from '../files.ts'
import type { SimStep } from './sim-calls.ts'
import type { SimFile } from './sim-disk.ts'
import { simError } from './sim-error.ts'
import type { SimCall, SimFault } from './sim-faults.ts'
import type { SimFiles } from './sim-files.ts'

interface Place {
  host: SimFiles
  view: { run<T>(step: SimStep<T>): Promise<T>; close(path: string): Promise<void> }
  file: SimFile
  path: string
  /** What its writes count as, for faults, when they are part of another call. */
  call?: SimCall
}

/** A simulated file that is written. Fails as a real one does: short, late, and with bytes that are there until the power cut. */
export class SimAppendFile implements AppendFile {
  readonly #place: Place
  #broken: unknown

  constructor(place: Place) {
    this.#place = place
  }

  write(chunks: Uint8Array[], position: number): Promise<void> {
    return this.#guard(() => this.#write({ call: 'write', data: joined(chunks), position, synced: false }))
  }

  writeSynced(chunks: Uint8Array[], position: number): Promise<void> {
    return this.#guard(() => this.#write({ call: 'writeSynced', data: joined(chunks), position, synced: true }))
  }

  sync(): Promise<void> {
    return this.#guard(() => this.#sync('sync'))
  }

  async preallocate(from: number, to: number): Promise<void> {
    const call = 'preallocate'
    const zeros = Buffer.alloc(Math.max(0, to - from))
    await this.#guard(() => this.#write({ call, data: zeros, position: from, synced: false }), 'ENOSPC')
    await this.#guard(() => this.#sync(call))
  }

  close(): Promise<void> {
    return this.#place.view.close(this.#place.path)
  }

  async #guard(act: () => Promise<void>, harmless?: string): Promise<void> {
    const { path } = this.#place
    if (this.#broken) throw simError('EIO', `${path} takes no more after an earlier error`, this.#broken)
    try {
      await act()
    } catch (error) {
      if (harmless === undefined || (error as NodeJS.ErrnoException).code !== harmless) this.#broken ??= error
      throw error
    }
  }

  #write(what: { call: SimCall; data: Buffer; position: number; synced: boolean }): Promise<void> {
    const { host, view, path, call = what.call } = this.#place
    const { data, position, synced } = what
    const { content } = this.#place.file
    // Others may see the front of a long write before its end.
    const front = data.subarray(0, host.random.int(data.length + 1))
    return view.run({
      call,
      path,
      begin: () => {
        if (!host.readOnly) this.#put(front, position)
      },
      apply: fault => {
        if (fault) this.#fail(fault, data, { position, synced })
        if (host.readOnly) throw simError('EROFS', `read-only file system, '${path}'`)
        const bytes = this.#put(data, position)
        if (bytes < data.length) throw simError('ENOSPC', `${path}: wrote ${bytes} of ${data.length} bytes`)
      },
      ...(synced ? { commit: () => content.syncRange(position, position + data.length) } : {})
    })
  }

  #sync(what: SimCall): Promise<void> {
    const { view, path, call = what } = this.#place
    const { content } = this.#place.file
    return view.run({
      call,
      path,
      apply: fault => {
        if (!fault) return
        content.forget()
        throw simError(fault.code, `simulated, ${fault.call} '${path}'`)
      },
      commit: () => content.syncAll()
    })
  }

  /** A write that goes wrong: a part of it is there, and of that the system may have given up what it could not store. */
  #fail(fault: SimFault, data: Buffer, how: { position: number; synced: boolean }): never {
    const { host, path, file } = this.#place
    // Often the write goes well and only its sync fails.
    const random = how.synced && host.random.chance(0.5) ? data.length : host.random.int(data.length + 1)
    const count = Math.min(data.length, fault.partialBytes ?? random)
    this.#put(data.subarray(0, count), how.position)
    if (how.synced && host.random.chance(0.5)) file.content.forget(how.position, how.position + count)
    throw simError(fault.code, `simulated, ${fault.call} '${path}': wrote ${count} of ${data.length} bytes`)
  }

  /** Writes as much as the disk takes. */
  #put(data: Buffer, position: number): number {
    const { host, file, path } = this.#place
    const { content } = file
    const count = Math.max(0, Math.min(data.length, content.bytes - position + host.freeBytes()))
    const bytes = content.bytes
    content.write(position, data.subarray(0, count))
    host.disk.grew(content.bytes - bytes)
    host.disk.changed(path)
    return count
  }
}

function joined(chunks: Uint8Array[]): Buffer {
  return Buffer.concat(chunks)
}
