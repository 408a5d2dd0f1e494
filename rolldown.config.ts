import { readFileSync } from 'node:fs'
import { defineConfig } from 'rolldown'

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> }

/**
 * What almost every command needs is one file: by themselves a daemon's parts were 50, an eighth to a fifth of its start. With
 * what fewer share, `dropr status` would read what it does not need.
 */
const CORE = /dist\/src\/(?:[^/]+\.js$|system\/(?!sim)|journal\/|spool\/|wire\/)/
const CORE_SHARED_MIN = 15

/**
 * Joins what tsc made into what is published, dist/lib: node looks for each of 240 files on its own, which was half of what it
 * takes a program to open a queue. Nothing is shortened or left out, and packages stay packages.
 */
export default defineConfig({
  input: { index: 'dist/src/index.js', conformance: 'dist/src/conformance/index.js', cli: 'dist/src/cli/main.js' },
  platform: 'node',
  external: Object.keys(dependencies),
  output: {
    dir: 'dist/lib',
    cleanDir: true,
    chunkFileNames: 'parts/[name].js',
    codeSplitting: { groups: [{ name: 'core', test: CORE, minShareCount: CORE_SHARED_MIN }] }
  }
})
