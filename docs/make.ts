import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { makeProgram } from '../src/cli/main.ts'
import { SPOOL_README } from '../src/spool/spool-readme.ts'
import { manPages } from './man.ts'
import { openapiText } from './openapi.ts'
import { errorsPage, metricsPage, optionsPage } from './pages.ts'

/** `npm run docs`: writes the pages that are made from code. Runs as dist/docs/make.js. */
const root = path.resolve(import.meta.dirname, '../..')
writeFileSync(path.join(root, 'docs/errors.md'), errorsPage())
writeFileSync(path.join(root, 'docs/options.md'), optionsPage(await makeProgram()))
writeFileSync(path.join(root, 'docs/openapi.json'), openapiText())
writeFileSync(path.join(root, 'spool/README.md'), SPOOL_README)
const metrics = path.join(root, 'docs/metrics.md')
writeFileSync(metrics, metricsPage(readFileSync(metrics, 'utf8')))

const man = path.join(root, 'docs/man')
const pages = manPages(await makeProgram())
mkdirSync(man, { recursive: true })
for (const name of readdirSync(man)) if (!pages.has(name)) rmSync(path.join(man, name))
for (const [name, page] of pages) writeFileSync(path.join(man, name), page)
const manifest = path.join(root, 'package.json')
const { man: _, ...fields } = JSON.parse(readFileSync(manifest, 'utf8'))
const entries = Object.entries(fields).flatMap(([key, value]) => {
  const field = [key, value]
  return key === 'bin' ? [field, ['man', [...pages.keys()].map(name => `docs/man/${name}`)]] : [field]
})
writeFileSync(manifest, `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`)
