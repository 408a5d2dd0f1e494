import { expect, test } from 'vitest'
import { SimNodes } from '../rows/sim-nodes.ts'

const LIMITS = { retryMsMin: 20, retryMsMax: 1_000, scanMs: 1_000 }

test('the status of a dead message to this node that is redriven follows what comes after: waiting, dead again, processed', async () => {
  for (const receipt of [false, true]) {
    const nodes = new SimNodes({ seed: 1, names: ['berlin'], limits: LIMITS })
    const queue = await nodes.queue('berlin')
    const { id } = await nodes.until(queue.sendMessage('x', { receipt }))
    const state = async () => {
      await nodes.clock.advance(3_000)
      return await nodes.until(queue.status(id)).then(status => [status.state, status.deliveries[0]!.reason])
    }
    for (const why of ['first', 'second']) {
      await nodes.until((await nodes.until(queue.poll({ wait: '3s' })))!.reject(why))
      expect(await state(), `receipt: ${receipt}`).toEqual(['dead', why])
      expect(await nodes.until(queue.dead.redrive({ all: true }))).toMatchObject({ moved: 1 })
      expect(await state(), `receipt: ${receipt}`).toEqual(['delivered', undefined])
    }
    await nodes.until((await nodes.until(queue.poll({ wait: '3s' })))!.ack('at last'))
    expect(await nodes.until(queue.receipt(id).settled({ timeout: '5s' }))).toMatchObject({ result: 'at last' })
    expect(await state()).toEqual(['processed', undefined])
  }
})

test('the sender of a message that died at a peer and is redriven there hears that it lives, and then what became of it', async () => {
  const nodes = new SimNodes({ seed: 2, names: ['berlin', 'tokyo'], limits: LIMITS })
  for (const name of ['berlin', 'tokyo']) {
    await nodes.server(name)
    await nodes.client(name)
  }
  const berlin = await nodes.queue('berlin')
  const tokyo = await nodes.queue('tokyo')
  const { id } = await nodes.until(berlin.sendMessage('x', { to: 'tokyo', receipt: true }))
  const state = async () => {
    await nodes.clock.advance(3_000)
    return await nodes.until(berlin.status(id)).then(status => [status.state, status.deliveries[0]!.reason])
  }
  for (const why of ['first', 'second']) {
    await nodes.until((await nodes.until(tokyo.poll({ wait: '3s' })))!.reject(why))
    expect(await state()).toEqual(['dead', why])
    expect(await nodes.until(tokyo.dead.redrive({ all: true }))).toMatchObject({ moved: 1 })
    expect(await state()).toEqual(['delivered', undefined])
  }
  await nodes.until((await nodes.until(tokyo.poll({ wait: '3s' })))!.ack())
  expect(await state()).toEqual(['processed', undefined])
})

test('a message that a peer refused and that is redriven is no more dead: pending, then with the peer', async () => {
  const nodes = new SimNodes({ seed: 3, names: ['berlin', 'tokyo'], limits: LIMITS })
  const strict = await nodes.server('tokyo', 'strict', { messageBytesMax: 1_024 })
  await nodes.server('berlin')
  await nodes.client('berlin')
  const queue = await nodes.queue('berlin')
  const { id } = await nodes.until(queue.sendMessage('x'.repeat(2_000), { to: 'tokyo' }))
  const state = async () => {
    await nodes.clock.advance(3_000)
    return (await nodes.until(queue.status(id))).state
  }
  expect(await state()).toBe('dead')
  nodes.down.add('tokyo')
  expect(await nodes.until(queue.dead.redrive({ all: true }))).toMatchObject({ moved: 1 })
  expect(await state()).toBe('pending')
  await nodes.until(strict.close())
  await nodes.server('tokyo', 'lenient')
  nodes.down.delete('tokyo')
  expect(await state()).toBe('delivered')
})
