import { dirname } from 'node:path'
import type { Files } from '../../src/system/files.ts'
import { MemoryFiles } from '../conformance/memory-files.ts'

/** Where the messages of a test lie: our files, or a storage that a stranger wrote. What a row says of behaviour holds in both. */
export const STORES = ['files', 'memory'] as const
export type Store = (typeof STORES)[number]

/** A memory in which there is a spool's parent. */
export async function memoryFor(spool: string): Promise<MemoryFiles> {
  const files = new MemoryFiles()
  const parts = dirname(spool).split('/').filter(Boolean)
  for (const i of parts.keys()) await files.makeFolder(`/${parts.slice(0, i + 1).join('/')}`)
  return files
}

/**
 * A storage as one simulated process has it: each call takes its time, and once the process is dead none begins or ends.
 *
 * @param pause Never over when the process is dead.
 */
export function asProcess(files: Files, pause: () => Promise<void>): Files {
  const slow = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name)
        if (typeof value !== 'function') return value
        return async (...args: unknown[]) => {
          await pause()
          try {
            const result: unknown = await Reflect.apply(value, of, args)
            return name === 'open' || name === 'create' || name === 'reopen' ? slow(result as object) : result
          } finally {
            await pause()
          }
        }
      }
    })
  return slow(files)
}
