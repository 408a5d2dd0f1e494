import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { makeProgram } from '../src/cli/main.ts'
import { SPOOL_README } from '../src/spool/spool-readme.ts'
import { openapiText } from './openapi.ts'
import { errorsPage, metricsPage, optionsPage } from './pages.ts'

/** `npm run docs`: writes the pages that are made from code. Runs as dist/docs/make.js. */
const root = path.resolve(import.meta.dirname, '../..')
writeFileSync(path.join(root, 'docs/errors.md'), errorsPage())
writeFileSync(path.join(root, 'docs/options.md'), optionsPage(makeProgram()))
writeFileSync(path.join(root, 'docs/openapi.json'), openapiText())
writeFileSync(path.join(root, 'spool/README.md'), SPOOL_README)
const metrics = path.join(root, 'docs/metrics.md')
writeFileSync(metrics, metricsPage(readFileSync(metrics, 'utf8')))
