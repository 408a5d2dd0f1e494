import { spawnSync } from 'node:child_process'
import { readdirSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { judgeClock, judgeDisk } from '../../src/cli/doctor-host.ts'
import { openQueue } from '../../src/index.ts'
import { CliWorld, until } from './run-cli.ts'

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

test('peek prints what the next poll gives, and leaves it there', async () => {
  await world.run(['send', 'c', 'hello', '--id', 'm1'])
  expect((await world.run(['peek', 'c'])).stdout.toString()).toBe('hello')
  const { value } = await world.json(['peek', 'c'])
  expect(value).toMatchObject({ id: 'm1', channel: 'c', body: 'hello', attempt: 1, deliveries: 0 })
  expect((await world.run(['peek', 'empty'])).code).toBe(1)
  expect((await world.run(['poll', 'c'])).stdout.toString()).toBe('hello')
})

test('F9: check is silent and 0 when well, and tells channel, depth and seconds behind when not', async () => {
  await world.run(['send', 'c', 'one'])
  await world.run(['send', 'c', 'two'])
  const well = await world.run(['check', '--max-age', '60', '--max-depth', '100'])
  expect([well.code, well.stdout.toString(), well.stderr]).toEqual([0, '', ''])
  const warned = await world.run(['check', '--max-depth', '1'])
  expect(warned.code).toBe(1)
  expect(warned.stdout.toString()).toMatch(/^WARNING: outbox peer \S+ channel c: 2 waiting, \d+ s behind\n$/)
  // Nothing is taken: what waits grows older than a second.
  const old = () => world.run(['check', '--max-age', '1', '--max-depth', '100'])
  await until(async () => (await old()).code === 1)
  expect((await old()).stdout.toString()).toMatch(
    /^WARNING: outbox peer \S+ channel c: 2 waiting, [1-9]\d* s behind\n$/
  )
  const { code, value } = await world.json(['check', '--critical-depth', '1'])
  expect([code, value.level, value.problems[0].depth]).toEqual([2, 'critical', 2])
})

test('show and explain find a message by its id, before and after it was taken', async () => {
  await world.run(['send', 'c', 'hello', '--id', 'm1', '--header', 'a=b', '--key', 'k1'])
  expect((await world.json(['show', 'm1'])).value).toMatchObject({
    state: 'pending',
    headers: { a: 'b' },
    key: 'k1',
    body: 'hello'
  })
  expect((await world.run(['explain', 'm1'])).stdout.toString()).toContain('waits until a poll here')
  await world.run(['poll', 'c'])
  expect((await world.run(['explain', 'm1'])).stdout.toString()).toContain('done: a consumer acknowledged it')
  expect((await world.run(['explain', 'nowhere'])).code).toBe(1)
})

test('show and explain find what is for later too', async () => {
  await world.run(['send', 'c', 'hello', '--id', 'm1', '--delay', '2h'])
  expect((await world.json(['show', 'm1'])).value).toMatchObject({ id: 'm1', state: 'scheduled', body: 'hello' })
  expect((await world.run(['show', 'm1'])).stdout.toString()).toMatch(/^id +m1\n[\s\S]*\n\nhello\n$/)
  expect((await world.run(['explain', 'm1'])).stdout.toString()).toMatch(
    /^schedule, channel c, .* due \S+Z, in 1 h 59 min\n$/
  )
  const { value } = await world.json(['explain', 'm1'])
  expect(value.nextTryAt).toBe(value.dueAt)
  expect((await world.run(['show', 'nowhere'])).code).toBe(1)
})

test('tail --all prints what came, finished or not, and takes nothing', async () => {
  await world.run(['send', 'c', '--lines'], 'one\ntwo')
  await world.run(['poll', 'c'])
  const { code, stdout } = await world.run(['tail', 'c', '--all', '--max', '2', '--json'])
  expect(code).toBe(0)
  const bodies = stdout
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).body)
  expect(bodies).toEqual(['one', 'two'])
  expect((await world.run(['poll', 'c'])).stdout.toString()).toBe('two')
})

test('B5: doctor lists a stray file and a cut segment, and has nothing to warn of where all is well', async () => {
  await world.run(['send', 'c', 'hello'])
  const before = (await world.run(['doctor', '--json'])).stdout.toString()
  expect(before).not.toMatch(/"kind":"(stray|cut|torn|damage|headless)"/)
  writeFileSync(path.join(world.spool, 'junk'), '')
  const segment = readdirSync(world.spool, { recursive: true, encoding: 'utf8' }).find(name =>
    /outbox.*seg$/.test(name)
  )!
  truncateSync(path.join(world.spool, segment), 120)
  const { code, stdout } = await world.run(['doctor'])
  expect(code).toBe(1)
  expect(stdout.toString()).toContain(`${path.join(world.spool, 'junk')}: a file that dropr did not make`)
  expect(stdout.toString()).toContain(path.join(world.spool, segment))
})

test('G10: systemd accepts the unit that service print prints', async context => {
  await world.run(['send', 'c', 'hello'])
  const { code, stdout } = await world.exec(['service', 'print', '--user', 'root'])
  expect(code).toBe(0)
  expect(stdout.toString()).toContain(`ReadWritePaths=${world.spool}\n`)
  const unit = path.join(world.folder, 'dropr.service')
  writeFileSync(unit, stdout)
  const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8', timeout: 10_000 })
  if (verified.error !== undefined) return context.skip('there is no systemd here to ask')
  expect(verified.stderr + verified.stdout).not.toContain('dropr.service')
})

test('bash completes commands, and the options of the one that was typed', async () => {
  const { stdout } = await world.run(['completion', 'bash'])
  const script = path.join(world.folder, 'dropr.bash')
  writeFileSync(script, stdout)
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash that reads it
  const words = 'COMP_WORDS=(dropr --json config s); COMP_CWORD=3; _dropr; echo "${COMPREPLY[@]}"'
  const typed = spawnSync('bash', ['-c', `source "${script}"; ${words}`], { encoding: 'utf8' })
  expect(typed.stdout).toBe('show\n')
})

test('dead ls and dead show tell the reason, the headers and the body of a message that was given up', async () => {
  const queue = await openQueue({ spool: world.spool })
  await queue.sendMessage('bad order', { channel: 'c', id: 'm1', headers: { a: 'b' } })
  const message = await queue.poll({ channel: 'c', wait: '5s' })
  await message!.reject('no such customer')
  await queue.close()
  const listed = await world.json(['dead', 'ls'])
  expect(listed).toMatchObject({ code: 0, value: { id: 'm1', channel: 'c', reason: 'no such customer', bytes: 9 } })
  const shown = await world.json(['dead', 'show', 'm1'])
  expect(shown.value).toMatchObject({ headers: { a: 'b' }, body: 'bad order', attempts: expect.any(Array) })
  expect((await world.run(['dead', 'show', 'm2'])).code).toBe(1)
  expect((await world.run(['check', '--max-dead', '0'])).stdout.toString()).toMatch(/^WARNING: dead channel c: 1 dead/)
})

test('doctor warns of network disks, of memory, and of a clock before 2020 or after 2090', () => {
  const kinds = ['nfs', 'cifs', 'tmpfs', 'ext4', undefined].map(kind => judgeDisk('/s', kind)[0]?.kind)
  expect(kinds).toEqual(['disk-network', 'disk-network', 'disk-memory', undefined, undefined])
  const clocks = [Date.UTC(2019, 11, 31), Date.UTC(2020, 0, 1), Date.UTC(2089, 11, 31), Date.UTC(2090, 0, 1)]
  expect(clocks.map(now => judgeClock(now).length)).toEqual([1, 0, 0, 1])
})

test('a channel paused from the shell hands out nothing, says so where its messages are shown, and is resumed', async () => {
  await world.run(['send', 'c', 'hello', '--id', 'm1'])
  expect((await world.json(['channel', 'pause', 'c'])).value).toEqual({ channel: 'c', paused: true, changed: true })
  expect((await world.run(['poll', 'c'])).code).toBe(1)
  expect((await world.json(['channel', 'ls'])).value).toMatchObject({ channel: 'c', states: { pending: 1 } })
  expect((await world.run(['explain', 'm1'])).stdout.toString()).toContain('its channel was paused')
  expect((await world.run(['channel', 'resume', 'c'])).stdout.toString()).toBe('c: resumed\n')
  expect((await world.run(['poll', 'c'])).stdout.toString()).toBe('hello')
})

test('a message held from the shell is shown as held and passed over until it is let go', async () => {
  await world.run(['send', 'c', 'one', '--id', 'm1'])
  await world.run(['send', 'c', 'two', '--id', 'm2'])
  expect((await world.json(['hold', 'm1'])).value).toEqual({ id: 'm1', held: true, found: 1 })
  expect((await world.run(['hold', 'nobody'])).code).toBe(1)
  expect((await world.run(['poll', 'c'])).stdout.toString()).toBe('two')
  expect((await world.run(['show', 'm1', '--json'])).stdout.toString()).toContain('"state":"held"')
  expect((await world.run(['explain', 'm1'])).stdout.toString()).toContain('held back')
  expect((await world.run(['unhold', 'm1', '--channel', 'c'])).stdout.toString()).toBe('m1: let go\n')
  expect((await world.run(['poll', 'c'])).stdout.toString()).toBe('one')
})
