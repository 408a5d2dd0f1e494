import { availableParallelism } from 'node:os'
import path from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Where it is set, every process of node reads all the certificates of the machine before its first line: 0.14 s of 0.18, four
// hundred times. The tests speak to nobody but themselves.
delete process.env.NODE_EXTRA_CA_CERTS

/** A file for .ci/run to count from; people read the default report. */
const report = process.env.DROPR_TEST_REPORT

const SRC = path.join(import.meta.dirname, 'src/')

/**
 * What tests import of src/ is what tsc made of it, which node reads by itself: each worker would else have vite rewrite and
 * evaluate 500 files anew. test/set-up.ts builds first.
 */
const compiled = {
  name: 'compiled',
  enforce: 'pre' as const,
  resolveId(source: string, importer: string | undefined): string | undefined {
    if (importer === undefined || !/^\.{1,2}\/.*\.ts$/.test(source)) return undefined
    const file = path.resolve(path.dirname(importer), source)
    if (!file.startsWith(SRC)) return undefined
    return path.join(import.meta.dirname, 'dist/src', file.slice(SRC.length).replace(/ts$/, 'js'))
  }
}

/** Small files that take long, for they wait for processes of theirs: at the end each would leave the other workers idle. */
const LONG =
  /\/test\/(?:bench|demo|cli\/schedule-kills|rows\/endurance|sim\/simulation|web\/(?:worker|languages|http-page))\.test\.ts$/

/** Where nothing is known of earlier runs vitest begins with the largest files; those above come before them. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = (file: TestSpecification) => LONG.test(file.moduleId)
    return [...sorted.filter(isLong), ...sorted.filter(file => !isLong(file))]
  }
}

/** A sequencer given here would take the place of the one that shuffles. */
const shuffled = process.argv.some(arg => arg.startsWith('--sequence'))

export default defineConfig({
  plugins: [compiled],
  test: {
    globalSetup: ['test/set-up.ts'],
    server: { deps: { external: [/\/dist\/src\//] } },
    include: ['test/**/*.test.ts'],
    // No bound of any test: those that have one measure it. Whoever waits for what never comes has said so after a minute (`until`).
    testTimeout: 120_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // A worker lives long and its tests make much garbage: room for it halves what collecting costs, a tenth of all the time.
    execArgv: ['--min-semi-space-size=16', '--max-semi-space-size=64', '--initial-old-space-size=1024'],
    // One process a worker, not one a file: what a file imports is read and compiled once, a third of all the time. Whoever
    // changes the process (its umask, a prototype) puts it back; two runs with --sequence.shuffle show who did not.
    isolate: false,
    // By default one fewer than there are cores; but a test that waits for its daemons leaves one idle.
    maxWorkers: availableParallelism() + 1,
    ...(shuffled ? {} : { sequence: { sequencer: LongFirst } }),
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {})
  }
})
