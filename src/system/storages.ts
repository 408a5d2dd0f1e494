import type { Files } from './files.ts'

/**
 * Gives the storage in which a spool lies; called whenever one is opened. Twice for the same spool it gives two ways to the same files.
 *
 * @param spool The absolute path of the spool.
 */
export type MakeStorage = (spool: string) => Files

/** The storage that is there without being registered. */
const DISK = 'disk'
const NAME = /^[a-z][a-z0-9-]{0,63}$/
const REGISTERED = new Map<string, MakeStorage>()

/**
 * Makes a storage known to this process by a name, for `openQueue({ storage: name })` and `startNode({ storage: name })`.
 *
 * @param name 1 to 64 of `a-z0-9-`, the first a letter.
 * @param make Its storage passes the cases of `dropr/conformance`.
 * @throws TypeError when the name is none, or is another storage's.
 */
export function registerStorage(name: string, make: MakeStorage): void {
  if (typeof name !== 'string' || !NAME.test(name))
    throw new TypeError('the name of a storage is 1 to 64 of a-z, 0-9 and -, and begins with a letter')
  if (typeof make !== 'function') throw new TypeError(`storage ${name} must be made by a function of the spool's path`)
  if (name === DISK || (REGISTERED.get(name) ?? make) !== make)
    throw new TypeError(`there is a storage ${name} already`)
  REGISTERED.set(name, make)
}

/**
 * A storage as the options of a queue give it.
 *
 * @returns Undefined for the disk.
 * @throws TypeError when nothing is registered by that name.
 */
export function storageOf(given: Files | string | undefined, spool: string): Files | undefined {
  if (typeof given !== 'string') return given
  if (given === DISK) return undefined
  const make = REGISTERED.get(given)
  if (make !== undefined) return make(spool)
  const known = [DISK, ...REGISTERED.keys()].join(', ')
  throw new TypeError(`no storage ${JSON.stringify(given)} is registered in this process; there is ${known}`)
}
