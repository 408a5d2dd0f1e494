import type { Files } from './files.ts'
import type { System } from './system.ts'

/**
 * A system whose messages lie somewhere else: all of the spool but `run/`, which holds sockets and needs a real folder. What is neither in
 * the spool nor above it is the user's: a body is saved to the disk.
 *
 * @param options.storage Passes the cases of `dropr/conformance`.
 * @param options.spool The absolute path of the spool. Its `run/` lies on the disk below the same path.
 */
export function withStorage(options: { system: System; storage: Files; spool: string }): System {
  const { system, storage, spool } = options
  const disk = system.files
  const run = `${spool}/run`
  const isIn = (folder: string, path: string) => path === folder || path.startsWith(`${folder}/`)
  const isAbove = (path: string) => path !== spool && isIn(path === '/' ? '' : path, spool)
  const at = (path: string) => (isAbove(path) || (isIn(spool, path) && !isIn(run, path)) ? storage : disk)
  const files: Files = {
    open: path => at(path).open(path),
    create: path => at(path).create(path),
    reopen: path => at(path).reopen(path),
    truncate: (path, bytes) => at(path).truncate(path, bytes),
    read: (path, bytesMax) => at(path).read(path, bytesMax),
    replace: (path, data) => at(path).replace(path, data),
    makeFolder: path => (path === run ? makeRun(options) : at(path).makeFolder(path)),
    syncFolder: async path => {
      await at(path).syncFolder(path)
      // The spool's name is there, and beside it perhaps a body that was saved.
      if (isAbove(path)) await disk.syncFolder(path)
    },
    list: path => at(path).list(path),
    stat: path => at(path).stat(path),
    link: (from, to) => at(from).link(from, to),
    rename: (from, to) => at(from).rename(from, to),
    remove: path => at(path).remove(path),
    removeFolder: path => at(path).removeFolder(path),
    space: path => at(path).space(path)
  }
  return { ...system, files }
}

/** In both: where the sockets are, and in the spool, which is looked through for what belongs to it. */
async function makeRun({ system, storage, spool }: Parameters<typeof withStorage>[0]): Promise<boolean> {
  await system.files.makeFolder(spool)
  await storage.makeFolder(`${spool}/run`)
  return system.files.makeFolder(`${spool}/run`)
}
