import { defineConfig } from 'vitest/config'

/** A file for .ci/run to count from; people read the default report. */
const report = process.env.DROPR_TEST_REPORT

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    fileParallelism: true,
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {})
  }
})
