import { spawnSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import path from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { terminalWidth } from '../../src/cli/columns.ts'
import { runTop, watch } from '../../src/cli/run-top.ts'
import { type PeerSample, rowsOf, type Sample } from '../../src/cli/top-sample.ts'
import { screenLines, topText } from '../../src/cli/top-text.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { CliDesk, values } from './in-process.ts'
import { CliWorld } from './run-cli.ts'

const ENTERED = '\u001b[?1049h'
const LEFT = '\u001b[?1049l'

const peer = (name: string, acked: number, depth = 0): PeerSample => ({ name, state: 'ok', acked, backlog: { depth } })
const channel = (name: string, counts: Partial<Record<'pending' | 'done', number>>) => ({
  channel: name,
  pending: 0,
  leased: 0,
  delayed: 0,
  done: 0,
  dead: 0,
  expired: 0,
  ...counts
})
const sample = (ticks: number, parts: Partial<Sample> = {}): Sample => ({
  ticks,
  now: 1_000_000,
  running: true,
  node: 'berlin',
  uptimeMs: 5_000,
  peers: [],
  channels: [],
  workers: [],
  consumers: [],
  ...parts
})

test('rates are what was counted between two looks; who began to count anew has none, and the busiest come first', () => {
  const before = sample(0, {
    peers: [peer('a', 100), peer('b', 50)],
    channels: [channel('c', { pending: 10, done: 5 })]
  })
  const after = sample(2_000, {
    peers: [peer('a', 110), peer('b', 250), peer('d', 7), { ...peer('e', 1), pausedAt: 5 }],
    channels: [channel('c', { pending: 30, done: 25 })]
  })
  const { peers, channels } = rowsOf(before, after, 'rate')
  expect(peers.map(({ name, state, outPerSecond }) => [name, state, outPerSecond])).toEqual([
    ['b', 'ok', 100],
    ['a', 'ok', 5],
    ['d', 'ok', undefined],
    ['e', 'paused', undefined]
  ])
  expect(channels).toMatchObject([{ name: 'c', inPerSecond: 20, outPerSecond: 10, waiting: 30 }])
  expect(rowsOf(after, { ...before, ticks: 4_000 }, 'rate').peers[0]!.outPerSecond).toBeUndefined()
  expect(rowsOf(undefined, after, 'waiting').peers[0]!.outPerSecond).toBeUndefined()
})

test('a screen is never written beyond its size, whatever there is to show', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('注文', '\u001b[2J', 'orders'))
  const size = fc.record({ columns: fc.integer({ min: 1, max: 200 }), lines: fc.integer({ min: 1, max: 60 }) })
  fc.assert(
    fc.property(fc.array(text), fc.array(text), size, fc.boolean(), (peers, channels, screen, running) => {
      const after = sample(2_000, {
        running,
        peers: peers.map((name, i) => ({ ...peer(name, i, i), lastError: { code: 'X', text: name }, state: 'dead' })),
        channels: channels.map((name, i) => channel(name, { pending: i }))
      })
      const rows = rowsOf(sample(0), after, 'waiting')
      const view = { spool: '/spool', sample: after, rows, intervalMs: 2_000, sort: 'rate' as const, size: screen }
      const lines = screenLines(view)
      expect(lines.length).toBeLessThanOrEqual(screen.lines)
      for (const line of lines) expect(terminalWidth(line)).toBeLessThanOrEqual(screen.columns)
      expect(lines.join('')).not.toMatch(/\p{Cc}/u)
    })
  )
})

test('what does not fit on the screen is counted there', () => {
  const after = sample(0, { peers: Array.from({ length: 30 }, (_, i) => peer(`peer-${i}`, 0)) })
  const rows = rowsOf(undefined, after, 'rate')
  const size = { columns: 80, lines: 20 }
  const lines = screenLines({ spool: '/s', sample: after, rows, intervalMs: 2_000, sort: 'rate', size })
  expect(lines).toHaveLength(20)
  expect(lines.join('\n')).toMatch(/… \d+ more/)
  expect(lines.at(-1)).toMatch(/^q quit .* every 2s$/)
  expect(topText({ spool: '/s', sample: after, rows }).split('\n').length).toBe(33)
})

/** A terminal and a process that are none. */
function fakes() {
  const written: string[] = []
  const modes: boolean[] = []
  const killed: unknown[] = []
  const stdin = Object.assign(new EventEmitter(), {
    isTTY: true,
    resume: () => stdin,
    pause: () => stdin,
    setRawMode: (on: boolean) => {
      modes.push(on)
      return stdin
    }
  })
  const stdout = Object.assign(new EventEmitter(), {
    columns: 60,
    rows: 10,
    write: (text: string) => written.push(text) > 0
  })
  const signals = Object.assign(new EventEmitter(), {
    pid: 7,
    kill: (...args: unknown[]) => killed.push(args) > 0
  })
  const taken = () => written.splice(0).join('')
  return { terminal: { stdin, stdout, process: signals } as never, stdin, stdout, signals, modes, killed, taken }
}

test('top redraws at each interval, at a key and at a new size; stops and comes back with the terminal; and gives it back however it ends', async () => {
  for (const end of ['q', '\u0003', 'SIGINT', 'SIGTERM', 'SIGHUP']) {
    const { clock } = new SimWorld({ seed: 1 })
    const { terminal, stdin, stdout, signals, modes, killed, taken } = fakes()
    let looks = 0
    const take = async () => sample(clock.ticks(), { peers: [peer('tokyo', 100 * looks++)] })
    const system = { ...nodeSystem(), clock }
    const ended = watch({ spool: '/s', intervalMs: 2_000, system, terminal, sample: take })
    await clock.advance(10)
    const first = taken()
    expect([first.startsWith(ENTERED), first.includes('tokyo')]).toEqual([true, true])
    await clock.advance(2_000)
    expect([looks, taken()]).toEqual([2, expect.stringMatching(/tokyo +ok +50 /)])
    stdin.emit('data', Buffer.from(' '))
    await clock.advance(10)
    expect(looks).toBe(3)
    stdin.emit('data', Buffer.from('s'))
    expect(taken()).toContain('sort by rate')
    stdout.columns = 20
    stdout.emit('resize')
    expect(
      taken()
        .split('\r\n')
        .every(
          line =>
            terminalWidth(line.replaceAll('\u001b[K', '').replaceAll('\u001b[H', '').replaceAll('\u001b[J', '')) <= 20
        )
    ).toBe(true)
    signals.emit('SIGTSTP')
    expect(taken()).toContain(LEFT)
    expect(killed).toEqual([[7, 'SIGSTOP']])
    await clock.advance(4_000)
    expect(taken()).toBe('')
    signals.emit('SIGCONT')
    expect(taken()).toContain(ENTERED)
    if (end.startsWith('SIG')) signals.emit(end)
    else stdin.emit('data', Buffer.from(end))
    expect(await clock.until(ended)).toBe(0)
    expect(taken()).toContain(LEFT)
    expect(modes).toEqual([true, false, true, false])
    expect([...signals.eventNames(), ...stdin.eventNames(), ...stdout.eventNames()]).toEqual([])
  }
})

test('top that fails gives the terminal back, and so does a process that exits', async () => {
  const failing = fakes()
  const system = nodeSystem()
  const fail = () => Promise.reject(new Error('no'))
  await expect(
    watch({ spool: '/s', intervalMs: 100, system, terminal: failing.terminal, sample: fail })
  ).rejects.toThrow('no')
  expect(failing.taken()).toContain(LEFT)
  const { clock } = new SimWorld({ seed: 1 })
  const exiting = fakes()
  void watch({
    spool: '/s',
    intervalMs: 100,
    system: { ...system, clock },
    terminal: exiting.terminal,
    sample: async () => sample(0)
  })
  await clock.advance(10)
  exiting.signals.emit('exit')
  expect(exiting.taken()).toContain(LEFT)
})

test('without daemons top --once says so and ends with 3; an interval that makes no sense is refused', async () => {
  const desk = new CliDesk()
  try {
    const call = desk.call({ interval: '100ms', once: true, json: true })
    expect(await runTop(call)).toBe(3)
    expect(values(call.printed())).toEqual([
      { spool: desk.spool, running: false, intervalMs: 100, peers: [], channels: [], workers: [], consumers: [] }
    ])
    await expect(runTop(desk.call({ interval: '99ms' }))).rejects.toThrow('100ms to 1h')
    await expect(runTop(desk.call({ interval: '2h' }))).rejects.toThrow('100ms to 1h')
  } finally {
    desk.end()
  }
})

test('at a real terminal top takes the whole screen, and SIGTERM gives it back', async () => {
  const world = new CliWorld()
  try {
    const bin = path.resolve(import.meta.dirname, '../../bin/dropr.js')
    const command = `${process.execPath} ${bin} top --spool ${world.spool} --interval 100ms & sleep 1; kill $!; wait $!; echo code $?`
    const { stdout, error } = spawnSync('script', ['-qefc', command, '/dev/null'], {
      encoding: 'utf8',
      timeout: 20_000
    })
    if (error === undefined) {
      expect(stdout).toContain(ENTERED)
      expect(stdout).toContain('no daemons answer')
      expect(stdout.lastIndexOf(LEFT)).toBeGreaterThan(stdout.lastIndexOf(ENTERED))
      expect(stdout).toContain('code 0')
    }
  } finally {
    await world.end()
  }
})
