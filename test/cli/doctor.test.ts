import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DoctorOptions } from '../../src/cli/doctor.ts'
import { type RepairWorld, repairFindings } from '../../src/cli/doctor-repair.ts'
import type { Finding } from '../../src/cli/finding.ts'
import { runDoctor } from '../../src/cli/run-doctor.ts'
import { openQueue } from '../../src/index.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { setMode } from '../../src/system/set-mode.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { CliDesk, values } from './in-process.ts'

let desk: CliDesk

beforeEach(() => {
  desk = new CliDesk()
})
afterEach(() => desk.end())

/** The real disk, called by what it is not: a spool for a test may lie in memory. No time passes. */
function calm() {
  const system = nodeSystem()
  const { files, clock } = system
  const space = async (folder: string) => ({ ...(await files.space(folder)), free: 1e12, kind: 'ext4' })
  return { ...system, files: { ...files, space }, clock: { ...clock, sleep: () => Promise.resolve() } }
}

async function doctor(options: DoctorOptions = {}): Promise<{ code: number; found: Record<string, string>[] }> {
  const call = desk.call({ ...options, json: true })
  const code = await runDoctor(call, calm())
  return { code, found: values(call.printed()) }
}

async function spoolWithMessages(): Promise<string> {
  const queue = await openQueue({ spool: desk.spool })
  await queue.sendMessage('a', { channel: 'c' })
  await queue.sendMessage('b', { channel: 'c', delay: '1d' })
  await queue.close()
  const files = readdirSync(desk.spool, { recursive: true, encoding: 'utf8' })
  return path.join(desk.spool, files.find(name => /outbox.*\.seg$/.test(name))!)
}

test('G12: doctor has nothing to say of a spool as dropr makes it, the schedule too', async () => {
  await spoolWithMessages()
  expect(await doctor()).toEqual({ code: 0, found: [] })
})

test('B3: a segment that a crash left without its head is noted; one whose first bytes are damaged is warned of', async () => {
  const segment = await spoolWithMessages()
  const bytes = readFileSync(segment)
  for (const left of [
    bytes.subarray(0, 0),
    bytes.subarray(0, 40),
    Buffer.concat([bytes.subarray(0, 40), Buffer.alloc(4_056)])
  ]) {
    writeFileSync(segment, left)
    expect(await doctor()).toMatchObject({ code: 0, found: [{ level: 'note', kind: 'headless', path: segment }] })
  }
  for (const kind of ['head', 'headless']) {
    bytes[kind === 'head' ? 20 : 40]! ^= 1
    writeFileSync(segment, bytes)
    expect(await doctor()).toMatchObject({ code: 1, found: [{ level: 'warning', kind, path: segment }] })
  }
})

test('DISK-11: a flipped bit of node.json or FORMAT is warned of, and the rest is looked at all the same', async () => {
  await spoolWithMessages()
  for (const name of ['node.json', 'FORMAT']) {
    const file = path.join(desk.spool, name)
    const bytes = readFileSync(file)
    bytes[0]! ^= 1
    writeFileSync(file, bytes)
    expect(await doctor()).toMatchObject({ code: 1, found: [{ level: 'warning', kind: 'mended', path: file }] })
    bytes[0]! ^= 1
    writeFileSync(file, bytes)
  }
})

test('B4 DISK-15: doctor --repair takes rights from others and removes what nobody finished; a stray file is told and stays', async () => {
  const segment = await spoolWithMessages()
  const leftover = path.join(desk.spool, 'node.json.0123456789ab')
  const strays = ['junk', 'notes.new', 'schedule/in/.DS_Store', 'outbox/link', 'inbox/c/deep'].map(name =>
    path.join(desk.spool, name)
  )
  mkdirSync(strays[4]!, { recursive: true, mode: 0o700 })
  for (const stray of [leftover, ...strays.slice(0, 3)]) writeFileSync(stray, 'mine')
  symlinkSync('/etc', strays[3]!)
  chmodSync(segment, 0o644)
  chmodSync(path.join(desk.spool, 'outbox'), 0o770)

  const wrong = await doctor()
  expect(wrong.code).toBe(1)
  const kinds = (found: Record<string, string>[]) =>
    found.map(({ kind, path: at }) => `${kind} ${path.relative(desk.spool, at!)}`).sort()
  const told = [
    'leftover node.json.0123456789ab',
    'leftover notes.new',
    'mode outbox',
    `mode ${path.relative(desk.spool, segment)}`,
    'stray inbox/c/deep',
    'stray junk',
    'stray outbox/link',
    'stray schedule/in/.DS_Store'
  ]
  expect(kinds(wrong.found)).toEqual(told)

  const would = await doctor({ repair: true, dryRun: true })
  expect(would.code).toBe(1)
  expect(kinds(would.found)).toEqual(told)
  expect(would.found.filter(({ repaired }) => repaired === 'would')).toHaveLength(3)
  expect(existsSync(leftover)).toBe(true)

  const repaired = await doctor({ repair: true })
  expect(repaired.code).toBe(1)
  expect(kinds(repaired.found.filter(finding => finding.repaired === 'done'))).toEqual([told[0], told[2], told[3]])
  expect(existsSync(leftover)).toBe(false)
  expect([statSync(segment).mode & 0o777, statSync(path.join(desk.spool, 'outbox')).mode & 0o777]).toEqual([
    0o600, 0o700
  ])
  for (const stray of strays) expect(existsSync(stray), stray).toBe(true)
  expect(kinds((await doctor()).found)).toEqual([told[1], ...told.slice(4)])

  const text = desk.call({ repair: true, dryRun: true })
  chmodSync(segment, 0o640)
  await runDoctor(text, calm())
  expect(text.printed()).toContain(`WOULD REPAIR: ${segment}: take rights from others\n`)
  await expect(runDoctor(desk.call({ dryRun: true }), calm())).rejects.toThrow('goes with --repair')
  const queue = await openQueue({ spool: desk.spool })
  expect((await queue.poll({ channel: 'c', wait: '5s' }))?.body).toBe('a')
  await queue.close()
})

test('a file that grows between two looks has a writer: doctor leaves it alone', async () => {
  const world = new SimWorld({ seed: 1 })
  const system = world.node('berlin').process('doctor')
  const { files } = system
  await world.clock.until(files.makeFolder('/spool'))
  for (const name of ['a', 'b']) {
    const file = await world.clock.until(files.create(`/spool/${name}.0123456789ab`))
    await world.clock.until(file.write([Buffer.from('x')], 0))
    if (name === 'a') void world.clock.sleep(1_000).then(() => file.write([Buffer.from('y')], 1))
  }
  const said: string[] = []
  const repair: RepairWorld = {
    system,
    setMode,
    announce: async (finding, does) => void said.push(`${does} ${finding.path}`)
  }
  const findings = ['a', 'b', 'gone'].map(
    (name): Finding => ({
      level: 'note',
      kind: 'leftover',
      path: `/spool/${name}.0123456789ab`,
      what: '',
      hint: '',
      repair: 'remove'
    })
  )
  const results = await world.clock.until(repairFindings(findings, repair))
  expect([...results.values()].map(({ result }) => result)).toEqual(['unneeded', 'done', 'unneeded'])
  expect(said).toEqual(['remove /spool/b.0123456789ab'])
  expect((await world.clock.until(files.list('/spool'))).map(({ name }) => name)).toEqual(['a.0123456789ab'])
})

test('rights are never changed through a link', async () => {
  const target = path.join(desk.folder, 'target')
  writeFileSync(target, '', { mode: 0o644 })
  symlinkSync(target, path.join(desk.folder, 'link'))
  await expect(setMode(path.join(desk.folder, 'link'), 0o600)).rejects.toMatchObject({ code: 'ELOOP' })
  expect(statSync(target).mode & 0o777).toBe(0o644)
})
