import { expect, test } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import { type Message, Reject } from '../../src/index.ts'
import type { Owner } from '../../src/server/owner.ts'
import { SimNodes } from '../rows/sim-nodes.ts'
import { STORES, type Store } from '../rows/stores.ts'

interface Failed {
  code?: string
  message: string
  cause?: { state?: string }
}

/** Two whole nodes, whose roles can go down and come again. */
async function pair(seed: number, { strangers = [], store = 'files' }: { strangers?: string[]; store?: Store } = {}) {
  const limits = { retryMsMax: 2_000, attemptsMax: 1 }
  const sim = new SimNodes({ seed, names: ['a', 'b'], limits, store })
  for (const pair of strangers) sim.strangers.add(pair)
  const running = new Map<string, (Client | Owner)[]>()
  const up = async (name: string) => void running.set(name, [await sim.server(name), await sim.client(name)])
  const down = async (name: string) => {
    sim.down.add(name)
    await sim.until(Promise.all((running.get(name) ?? []).map(role => role.close({ withinMs: 0 }))))
    running.delete(name)
    sim.down.delete(name)
  }
  for (const name of ['a', 'b']) await up(name)
  const a = await sim.queue('a')
  const b = await sim.queue('b')
  const end = async () => {
    await sim.until(Promise.all([a.close(), b.close()]))
    for (const name of running.keys()) await down(name)
  }
  const poll = async (channel: string): Promise<Message> => (await sim.until(b.poll({ channel, wait: 5_000 })))!
  return { sim, a, b, poll, up, down, end }
}

async function failure(work: Promise<unknown>): Promise<Failed> {
  return await work.then(
    () => ({ message: 'resolved' }),
    (error: Failed) => error
  )
}

test.each(STORES)(
  'A19 M16: a request gives the reply of the handler; a handler that gives up rejects with its reason; one id asked twice is handled once (%s)',
  async store => {
    const { sim, a, b, end } = await pair(1, { store })
    let handled = 0
    const consumer = b.consume('sums', async message => {
      handled++
      const numbers = message.json() as number[]
      if (numbers.length === 0) throw new Reject('there is nothing to sum')
      await message.reply({ sum: numbers.reduce((sum, one) => sum + one) }, { headers: { unit: 'm' } })
    })
    const reply = await sim.until(a.request('b', [1, 2, 3], { channel: 'sums' }))
    expect({ ...reply.headers }).toEqual({ unit: 'm', 'dropr-correlation-id': reply.correlationId })
    expect([reply.body, reply.json(), reply.kind, reply.from]).toEqual([{ sum: 6 }, { sum: 6 }, 'json', 'b'])

    const failed = await sim.until(failure(a.request('b', [], { channel: 'sums' })))
    expect([failed.code, failed.message]).toEqual([
      'MESSAGE_DEAD',
      expect.stringMatching(/ to b was given up: there is nothing to sum$/)
    ])

    handled = 0
    const options = { channel: 'sums', id: 'the same' }
    const both = await sim.until(Promise.all([a.request('b', [4], options), a.request('b', [4], options)]))
    expect([both.map(({ body }) => body), handled]).toEqual([[{ sum: 4 }, { sum: 4 }], 1])

    // To itself, and many at once.
    const own = a.consume('echo', message => message.reply(message.text()))
    const words = Array.from({ length: 30 }, (_, i) => `word ${i}`)
    const echoed = await sim.until(Promise.all(words.map(word => a.request('a', word, { channel: 'echo' }))))
    expect(echoed.map(({ body }) => body)).toEqual(words)
    await sim.until(Promise.all([consumer.stop(), own.stop()]))
    await end()
  }
)

test.each(STORES)(
  'A19: a request that nobody answers in time says whether it waits, is delivered or was processed without a reply (%s)',
  async store => {
    const { sim, a, poll, up, down, end } = await pair(2, { store })
    const ask = (timeout: number) => failure(a.request('b', 'x', { channel: 'ask', timeout }))
    await down('b')
    const waits = await sim.until(ask(3_000))
    expect([waits.code, waits.cause?.state, waits.message]).toEqual([
      'WAIT_TIMEOUT',
      'pending',
      expect.stringContaining('pending')
    ])
    await up('b')
    const delivered = await sim.until(ask(3_000))
    expect([delivered.code, delivered.cause?.state]).toEqual(['WAIT_TIMEOUT', 'delivered'])
    for (let i = 0; i < 2; i++) await sim.until((await poll('ask')).ack())
    const silent = ask(20_000)
    await sim.until((await poll('ask')).ack())
    expect((await sim.until(silent)).cause?.state).toBe('processed')
    expect((await sim.until(ask(0))).cause?.state).toMatch(/^(pending|delivered)$/)
    await expect(a.request('b', 'x', { to: 'a' } as object)).rejects.toThrow(TypeError)
    await expect(a.request('nobody', 'x')).rejects.toMatchObject({ code: 'PEER_UNKNOWN' })
    await end()
  }
)

test.each(STORES)(
  'A20: a reply given while the asking node is down arrives once it is up, with the correlation id, also in another process (%s)',
  async store => {
    const { sim, a, poll, up, down, end } = await pair(3, { store })
    const asked = await sim.until(a.sendMessage('how many?', { to: 'b', headers: { 'dropr-reply-to': 'answers' } }))
    const requested = failure(a.request('b', 'how much?', { timeout: 60_000 }))
    const [first, second] = [await poll('common'), await poll('common')]
    await sim.until(a.close())
    expect((await sim.until(requested)).code).toBe('CLOSED')
    await down('a')
    for (const message of [first, second]) {
      await sim.until(message.reply(`to: ${message.text()}`))
      // Told again, as after a crash before the ack.
      await sim.until(message.reply('a second time'))
      await sim.until(message.ack())
    }
    await sim.clock.advance(5_000)
    await up('a')
    const other = await sim.queue('a', 'other')
    const reply = await sim.until(other.receipt(second.id).reply({ timeout: 10_000 }))
    expect([reply.body, reply.correlationId]).toEqual(['to: how much?', second.id])
    const answers = await sim.take(other, 'answers')
    expect(answers.map(({ body, headers }) => [body, headers['dropr-correlation-id']])).toEqual([
      ['to: how many?', asked.id]
    ])
    // All replies to requests lie in one channel of ours, which nobody claims.
    const folders = (await sim.until((await sim.storage('a')).list('/spool/inbox'))).map(({ name }) => name)
    expect(folders.sort()).toEqual(['%24dropr.outcome', '%24dropr.reply', 'answers'])
    await sim.until(other.close())
    await end()
  }
)

test('a message that asks for no reply, or for one where only dropr writes, gets none; a reply is no file', async () => {
  const { sim, a, poll, end } = await pair(4)
  const channels = [undefined, '$dropr.outcome', 'bad\u0000', '']
  for (const channel of channels) {
    const headers = channel === undefined ? {} : { 'dropr-reply-to': channel }
    await sim.until(a.sendMessage('x', { to: 'b', headers }))
    const message = await poll('common')
    expect((await sim.until(failure(message.reply('y')))).code).toBe('REPLY_UNWANTED')
    await sim.until(message.ack())
  }
  await sim.until(a.sendMessage('x', { to: 'b', headers: { 'dropr-reply-to': 'here' } }))
  const message = await poll('common')
  await expect(message.reply('y', { to: 'c' } as object)).rejects.toThrow(TypeError)
  await expect(message.reply(new Blob(['y']) as never)).rejects.toThrow(TypeError)
  await end()
})

test('a node that does not name the sender as its peer is told so by reply(), and what to write; what it has to tell waits until it does', async () => {
  const { sim, a, poll, up, down, end } = await pair(9, { strangers: ['b a'] })
  const asking = failure(a.request('b', 'x', { channel: 'c', id: 'q1', timeout: '20s' }))
  const message = await poll('c')
  const refused = await sim.until(failure(message.reply('y')))
  expect([refused.code, refused.message]).toEqual([
    'PEER_UNKNOWN',
    expect.stringContaining(
      'came from a, which is no peer here: a reply needs "peers": { "a": "http://<host>:<port>" } in dropr.json'
    )
  ])
  await sim.until(message.ack())
  const unanswered = await sim.until(asking)
  expect([unanswered.code, unanswered.message, unanswered.cause?.state]).toEqual([
    'WAIT_TIMEOUT',
    expect.stringContaining('b has it, and can answer only if it names this node among its peers'),
    'delivered'
  ])
  // The verdict lies in its outbox, and goes once the peer is named.
  sim.strangers.clear()
  await down('b')
  await up('b')
  await sim.clock.advance(5_000)
  expect(await sim.until(a.status('q1'))).toMatchObject({ state: 'processed' })
  await end()
})
