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

/** A storage as one process has it: once that is dead, no call of it ends, and none begins. */
export function asProcess(files: Files, isAlive: () => boolean): Files {
  const never = () => new Promise<never>(() => undefined)
  const gated = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name)
        if (typeof value !== 'function') return value
        return async (...args: unknown[]) => {
          if (!isAlive()) return never()
          const result: unknown = await Reflect.apply(value, of, args)
          if (!isAlive()) return never()
          return name === 'open' || name === 'create' || name === 'reopen' ? gated(result as object) : result
        }
      }
    })
  return gated(files)
}
