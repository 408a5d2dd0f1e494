import { deepEqual } from 'node:assert/strict'

/** One thing that is owed. `run` rejects with an AssertionError when it is not kept: any test runner will do. */
export interface Case {
  title: string
  run: () => Promise<void>
}

/** What is named in `expected` is so in `actual`, which may hold more. */
export function like(actual: unknown, expected: Readonly<Record<string, unknown>>): void {
  const found = Object.fromEntries(Object.keys(expected).map(key => [key, (actual as Record<string, unknown>)?.[key]]))
  deepEqual(found, expected)
}
