import { expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'
import { type LoopbackFault, SeededFaults } from '../../src/wire/loopback-faults.ts'
import { LoopbackTransport } from '../../src/wire/loopback-transport.ts'
import type { ReceiveUpload } from '../../src/wire/transport.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'
import { never, testTransport, uploadOf } from './transport-suite.ts'

const peer = { name: 'tokyo', url: 'loopback:tokyo' }

testTransport('loopback', async receive => {
  const transport = new LoopbackTransport({
    clock: new SimClock(),
    limits: DEFAULT_LIMITS,
    receiverOf: () => receive
  })
  return { transport, peer, close: () => transport.close() }
})

function desk(fault: LoopbackFault | undefined) {
  const clock = new SimClock()
  const got: UploadRequest[] = []
  const receive: ReceiveUpload = async request => {
    got.push(request)
    return { stream: request.stream, nonce: request.nonce, next: request.from + 1, refused: [] }
  }
  const transport = new LoopbackTransport({
    clock,
    limits: DEFAULT_LIMITS,
    receiverOf: () => receive,
    faults: () => fault
  })
  return { clock, got, send: (request = uploadOf()) => transport.upload(peer, request, never) }
}

test('a lost request and a lost answer both look like a peer that does not answer', async () => {
  for (const [fault, arrived] of [
    [{ loseRequest: true }, 0],
    [{ loseAnswer: true }, 1]
  ] as const) {
    const { clock, got, send } = desk(fault)
    await expect(clock.until(send())).rejects.toMatchObject({ code: 'PEER_TIMEOUT' })
    expect(clock.ticks()).toBe(DEFAULT_LIMITS.answerMsMax)
    expect(got).toHaveLength(arrived)
  }
})

test('a body can be cut at any byte: the receiver sees what came, the sender a broken connection', async () => {
  const { entries } = uploadOf()
  for (let cutAt = 0; cutAt < entries.length; cutAt++) {
    const { got, send } = desk({ cutAt })
    await expect(send()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
    expect(got[0]).toMatchObject({ whole: false, entries: entries.subarray(0, cutAt) })
  }
})

test('what arrives late, or once more, is what was sent, though its sender uses the memory again', async () => {
  const { clock, got, send } = desk({ delayMs: 10, repeatAfterMs: 50 })
  const request = uploadOf()
  const sent = Buffer.from(request.entries)
  const answered = send(request)
  request.entries.fill(0)
  await clock.until(answered)
  await clock.advance(100)
  expect(got.map(({ entries }) => entries)).toEqual([sent, sent])
})

test('a repeated request arrives twice', async () => {
  const { clock, got, send } = desk({ repeatAfterMs: 50 })
  await clock.until(send())
  await clock.advance(100)
  expect(got).toHaveLength(2)
})

test('a delayed upload is overtaken by one that is not', async () => {
  const { clock, got, send } = desk(undefined)
  const faults = [{ delayMs: 100 }, undefined]
  const transport = new LoopbackTransport({
    clock,
    limits: DEFAULT_LIMITS,
    receiverOf: () => async request => {
      got.push(request)
      return { stream: request.stream, nonce: request.nonce, next: 1, refused: [] }
    },
    faults: () => faults.shift()
  })
  const late = transport.upload(peer, uploadOf({ from: 1 }), never)
  await transport.upload(peer, uploadOf({ from: 2 }), never)
  await clock.until(late)
  await clock.until(send())
  expect(got.slice(0, 2).map(({ from }) => from)).toEqual([2, 1])
})

test('a flipped bit damages what arrives, not what the sender holds', async () => {
  const { got, send } = desk({ flipAt: 3 })
  const request = uploadOf()
  const before = Buffer.from(request.entries)
  await send(request)
  expect(request.entries.equals(before)).toBe(true)
  expect(got[0]!.entries.equals(before)).toBe(false)
})

test('a peer that is down is unreachable', async () => {
  const transport = new LoopbackTransport({
    clock: new SimClock(),
    limits: DEFAULT_LIMITS,
    receiverOf: () => undefined
  })
  await expect(transport.upload(peer, uploadOf(), never)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
})

test('the same seed gives the same faults, and every kind of them', () => {
  const rates = { loseRequest: 0.2, loseAnswer: 0.2, repeat: 0.2, cut: 0.2, flip: 0.2, delay: 0.2 }
  const draw = () => {
    const faults = new SeededFaults(new SimRandom(7), rates)
    return { faults: Array.from({ length: 200 }, () => faults.draw(uploadOf())), seen: faults.seen }
  }
  expect(draw()).toEqual(draw())
  expect(Math.min(...Object.values(draw().seen))).toBeGreaterThan(0)
})
