import { execFileSync } from 'node:child_process'

/** Before the first test: they import what is built, and start it. */
export function setup(): void {
  execFileSync('node_modules/.bin/tsc', ['--noCheck'], { stdio: 'inherit' })
}
