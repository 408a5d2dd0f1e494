import { test } from 'vitest'
import { type StoragePlace, storageCases } from '../../src/conformance/storage.ts'

/** The published suite, a test a case. */
export function testFiles(name: string, open: () => Promise<StoragePlace> | StoragePlace): void {
  for (const { title, run } of storageCases(open)) test(`B8: ${name}: ${title}`, run)
}
