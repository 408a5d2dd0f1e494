import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue } from '../../src/index.ts'
import { CliWorld } from './run-cli.ts'

let desk: CliWorld

beforeEach(() => {
  desk = new CliWorld()
})
afterEach(() => desk.end())

/** Ten messages: three done, two dead, one held for long by nobody; the others wait. */
async function fill(): Promise<string[]> {
  const queue = await openQueue({ spool: desk.spool })
  const receipts = await queue.sendMessages(
    Array.from({ length: 9 }, (_, i) => `order ${i}`),
    { channel: 'orders', headers: { shop: 'berlin' } }
  )
  const { id } = await queue.sendMessage('a parcel', { channel: 'parcels' })
  const messages = await queue.poll({ channel: 'orders', max: 5, wait: '10s' })
  await Promise.all([
    ...messages.slice(0, 3).map(message => message.ack()),
    ...messages.slice(3).map(message => message.reject('no such shop'))
  ])
  await queue.peek({ channel: 'parcels' })
  await queue.close()
  return [...receipts.map(receipt => receipt.id), id]
}

test('E10 F14: one grammar of filters picks messages in ls, dead, purge and replay, looking changes nothing; ids come as arguments and from standard input', async () => {
  const ids = await fill()
  const states = async () => (await desk.run(['ls', '--json'])).stdout.toString()
  const before = await states()
  const listed = async (...args: string[]) => {
    const { stdout } = await desk.run(['ls', '--entries', '--json', ...args])
    const rows = stdout
      .toString()
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
    return rows.filter(({ room }) => room === 'inbox').map(({ id }) => ids.indexOf(id))
  }
  expect(await listed('--state', 'done')).toEqual([0, 1, 2])
  expect(await listed('--state', 'pending', '--match', 'order')).toEqual([5, 6, 7, 8])
  expect(await listed('--header', 'shop=berlin', '--match', 'order ?', '--older-than', '1h')).toEqual([])
  expect(await listed('--newer-than', '1h', '--channel', 'parcels')).toEqual([9])
  expect(await listed(ids[4]!, ids[7]!)).toEqual([4, 7])
  expect(await states()).toBe(before)

  // Everything must be said to be meant.
  for (const command of ['purge', 'replay', 'dead redrive', 'dead rm']) {
    const { code, stderr } = await desk.run(command.split(' '))
    expect({ code, stderr }, command).toMatchObject({ code: 2, stderr: expect.stringContaining('--all') })
  }
  expect(await desk.run(['purge', '--older-than', '-5m'])).toMatchObject({ code: 2 })
  expect(await desk.run(['dead', 'redrive', '--all', '--rate', 'fast'])).toMatchObject({ code: 2 })

  expect(await desk.run(['purge', 'orders'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('did you mean --channel orders?')
  })
  const moved = async (...args: string[]) => JSON.parse((await desk.run([...args, '--json'])).stdout.toString())
  expect(await moved('purge', '--match', 'order 7', '--dry-run')).toMatchObject({
    moved: 1,
    dryRun: true,
    ids: [ids[7]]
  })
  for (const [words, count] of [
    [['dead', 'redrive', '--channel', 'orders'], 2],
    [['dead', 'rm', '--all'], 2],
    [['replay', ids[0]!, ids[8]!], 1]
  ] as const)
    expect(await moved(...words, '--dry-run'), words.join(' ')).toMatchObject({ moved: count, dryRun: true })
  expect(await states()).toBe(before)
  expect(await moved('purge', '--match', 'order 7')).toMatchObject({ moved: 1, dryRun: false })
  expect(await moved('dead', 'redrive', '--channel', 'orders')).toMatchObject({ moved: 2, dryRun: false })
  expect(await moved('replay', ids[0]!, ids[8]!)).toMatchObject({ moved: 1, dryRun: false })
  expect((await desk.run(['clean', '--dry-run'])).code).toBe(1)

  const queue = await openQueue({ spool: desk.spool })
  const rest = await queue.poll({ channel: 'orders', max: 100 })
  await queue.close()
  expect(rest.map(({ body, redelivered }) => [body, redelivered])).toEqual([
    ['order 5', false],
    ['order 6', false],
    ['order 8', false],
    ['order 3', true],
    ['order 4', true],
    ['order 0', true]
  ])
})

test('F14: ids from standard input are moved as if they had been typed', async () => {
  const ids = await fill()
  const { code, stderr } = await desk.run(['dead', 'rm', '-'], `${ids[3]}\n\n${ids[0]}\n${ids[4]}`)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '2 messages dropped\n' })
  expect(await desk.run(['dead', 'ls'])).toMatchObject({ code: 1 })
  expect((await desk.run(['dead', 'ls', '--state', 'dropped'])).stdout.toString()).toContain(ids[3])
})
