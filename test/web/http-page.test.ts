import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { closeAll, desk } from './desk.ts'
import { CURLS, shell } from './shell.ts'

afterEach(closeAll)

const PAGE = readFileSync(path.resolve(import.meta.dirname, '../../docs/http.md'), 'utf8')
const MARK = '=-=-= end of block'

/** The blocks of the page, each with what it is said to print. */
function blocksOf(page: string): { script: string; prints: string | undefined }[] {
  return [...page.matchAll(/```sh\n([\s\S]+?)```(?:\s+```text\n([\s\S]+?)```)?/g)].map(([, script, prints]) => ({
    script: script!,
    prints
  }))
}

/** What is printed fits what is shown, where `…` is anything. Who reads does not see where a line of curl's ends. */
function fits(printed: string, shown: string): boolean {
  const escaped = shown
    .trim()
    .split('…')
    .map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/\s+/g, '\\s*'))
  return new RegExp(`^\\s*${escaped.join('[\\s\\S]*?')}\\s*$`).test(printed)
}

test.each(CURLS)(
  'every line of docs/http.md works as it stands there, with %s',
  async curl => {
    const node = await desk({ compat: { psched: true } })
    const blocks = blocksOf(PAGE)
    expect(blocks.length).toBeGreaterThan(10)
    const script = blocks.map(block => `${block.script}\necho\necho '${MARK}'`).join('\n')
    const printed = await shell(curl, script.replace('http://127.0.0.1:7473', node.url), node.folder)
    const parts = printed.split(MARK)
    for (const [i, { script: lines, prints }] of blocks.entries()) {
      if (prints === undefined) continue
      expect(fits(parts[i]!, prints), `${lines}\nprinted\n${parts[i]}\ninstead of\n${prints}`).toBe(true)
    }
  },
  120_000
)

test('docs/http.md shows every route, and no line of curl stands outside a tested block', () => {
  const outside = PAGE.replaceAll(/```sh\n[\s\S]+?```/g, '')
  expect(outside).not.toMatch(/^\s*curl /m)
  const { paths } = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../docs/openapi.json'), 'utf8'))
  const missing = Object.keys(paths).filter(route => {
    const pattern = route.replaceAll(/\{(\w+)\}/g, '(?:\\$?[\\w%]+|\\{\\w+\\}|…)')
    return !new RegExp(pattern).test(PAGE)
  })
  expect(missing).toEqual([])
})
