import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Where it is set, every process of node reads all the certificates of the machine before its first line: 0.14 s of 0.18, four
// hundred times. The tests speak to nobody but themselves.
delete process.env.NODE_EXTRA_CA_CERTS

/** A file for .ci/run to count from; people read the default report. */
const report = process.env.DROPR_TEST_REPORT

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // One process a worker, not one a file: what a file imports is read and compiled once, a third of all the time. Whoever
    // changes the process (its umask, a prototype) puts it back; two runs with --sequence.shuffle show who did not.
    isolate: false,
    // By default one fewer than there are cores; but a test that waits for its daemons leaves one idle.
    maxWorkers: availableParallelism() + 1,
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {})
  }
})
