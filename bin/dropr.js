#!/usr/bin/env node
import { main } from '../dist/lib/cli.js'

// Not `process.exitCode`: a socket kept alive somewhere must not hold up the shell.
process.exit(await main(process.argv.slice(2)))
