import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { Output } from '../../src/cli/output.ts'
import { progressText, startProgress } from '../../src/cli/progress.ts'
import { SimWorld } from '../../src/system/sim/index.ts'

/** Streams of a command, and what was written to each. */
function streams(terminal: { stdout?: boolean; stderr?: boolean }) {
  const make = (isTTY: boolean | undefined) => Object.assign(new PassThrough(), { isTTY: isTTY === true, columns: 60 })
  const [stdout, stderr] = [make(terminal.stdout), make(terminal.stderr)]
  const said = () => stderr.read()?.toString() ?? ''
  return { stdout, stderr, said }
}

test('a bar is drawn on stderr at a terminal, not before half a second, at most every 100 ms, and taken away at the end', async () => {
  const { clock } = new SimWorld({ seed: 1 })
  const { said, ...both } = streams({ stderr: true })
  const progress = startProgress(new Output(both, { json: false }), { label: 'purge', total: 1_000, clock })
  progress.advance(10)
  expect(said()).toBe('')
  await clock.advance(500)
  progress.advance(240)
  progress.advance(250)
  expect(said()).toBe('\r\u001b[Kpurge [######                  ] 25 %  250/1000  500/s  1 s')
  await clock.advance(100)
  progress.advance(0)
  expect(said()).toContain('500/1000')
  progress.end()
  expect(said()).toBe('\r\u001b[K')
  progress.end()
  expect(said()).toBe('')
})

test('nothing is drawn into a pipe, nor with --json', async () => {
  const { clock } = new SimWorld({ seed: 1 })
  for (const [terminal, json] of [
    [{ stderr: false }, false],
    [{ stderr: true }, true]
  ] as const) {
    const { said, ...both } = streams(terminal)
    const progress = startProgress(new Output(both, { json }), { label: 'purge', clock })
    await clock.advance(1_000)
    progress.advance(10)
    progress.end()
    expect(said()).toBe('')
  }
})

test('what is printed at the terminal meanwhile takes the place of the bar', async () => {
  const { clock } = new SimWorld({ seed: 1 })
  const { said, ...both } = streams({ stdout: true, stderr: true })
  const out = new Output(both, { json: false })
  const progress = startProgress(out, { label: 'send', clock })
  await clock.advance(1_000)
  progress.advance(10)
  expect(said()).toBe('\r\u001b[Ksend 10  10/s')
  await out.line('an id')
  out.note('a note')
  expect(said()).toBe('\r\u001b[Ka note\n')
})

test.each([
  [{ done: 0, ms: 0 }, 'x 0  0/s'],
  [{ done: 5, total: 0, ms: 1_000 }, 'x 5  5/s'],
  [{ done: 30, total: 20, ms: 1_000 }, 'x [########################] 100 %  30/20  30/s  0 ms left'],
  [{ done: 10, total: 20, ms: 1_000, columns: 10 }, 'x [######']
])('%j is drawn as %s', (state, text) => {
  expect(progressText({ label: 'x', columns: 80, ...state })).toBe(text)
})
