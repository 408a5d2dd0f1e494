import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChildExit, nodeChildren } from '../../src/system/child.ts'

const folder = mkdtempSync(join(tmpdir(), 'dropr-child-'))

afterAll(() => rmSync(folder, { recursive: true }))

// A child runs plain JavaScript: what it needs of ours is compiled for it.
beforeAll(() => {
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc')
  const options = ['--noCheck', '--target', 'es2023', '--module', 'nodenext', '--types', 'node', '--outDir', folder]
  execFileSync(process.execPath, [tsc, 'src/system/child.ts', '--ignoreConfig', ...options])
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})

const TALKS = `
import { nodeParent } from './child.js'
const parent = nodeParent()
parent.onMessage(message => {
  if (message === 'leave') return parent.leave()
  parent.send({ echo: message, arg: process.argv[2], env: process.env.DROPR_TEST })
})
parent.send('up')
`

const STARTS_ANOTHER = `
import { writeFileSync } from 'node:fs'
import { nodeChildren, nodeParent } from './child.js'
if (process.argv[2] === 'inner') {
  const parent = nodeParent()
  parent.onGone(() => writeFileSync(process.argv[3], 'gone'))
  parent.send('inner is up')
} else {
  nodeChildren.start({
    args: [process.argv[1], 'inner', process.argv[1] + '.gone'],
    onMessage: message => nodeParent().send(message),
    onExit: () => undefined
  })
}
`

let scripts = 0

function start(script: string) {
  const path = join(folder, `script-${++scripts}.js`)
  writeFileSync(path, script)
  const messages: unknown[] = []
  let told: (() => void) | undefined
  const exits: ((exit: ChildExit) => void)[] = []
  const exit = new Promise<ChildExit>(resolve => exits.push(resolve))
  const child = nodeChildren.start({
    args: [path, 'arg'],
    env: { DROPR_TEST: 'yes' },
    stdio: 'ignore',
    onMessage: message => {
      messages.push(message)
      told?.()
    },
    onExit: how => exits[0]?.(how)
  })
  const until = (count: number) =>
    new Promise<void>(resolve => {
      told = () => {
        if (messages.length >= count) resolve()
      }
      told()
    })
  return { path, child, exit, messages, until }
}

test('a child is given its arguments and environment, talks, and its end is told', async () => {
  const { child, exit, messages, until } = start(TALKS)
  await until(1)
  child.send({ a: 1 })
  await until(2)
  expect(messages).toEqual(['up', { echo: { a: 1 }, arg: 'arg', env: 'yes' }])
  expect(child.kill('SIGKILL')).toBe(true)
  expect(await exit).toEqual({ code: undefined, signal: 'SIGKILL' })
  child.send('nobody hears it')
  expect(child.kill('SIGTERM')).toBe(false)
})

test('a child that leaves its line ends, and gives its code', async () => {
  const { child, exit, until } = start(TALKS)
  await until(1)
  child.send('leave')
  expect(await exit).toEqual({ code: 0, signal: undefined })
})

test('a child is told when its parent was killed', async () => {
  const { path, child, exit, messages, until } = start(STARTS_ANOTHER)
  await until(1)
  expect(messages).toEqual(['inner is up'])
  child.kill('SIGKILL')
  await exit
  while (!existsSync(`${path}.gone`)) await new Promise(resolve => setTimeout(resolve, 5))
  expect(readFileSync(`${path}.gone`, 'utf8')).toMatch(/^(gone)?$/)
})
