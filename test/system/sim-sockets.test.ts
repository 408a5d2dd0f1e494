import { expect, test } from 'vitest'
import { SimWorld } from '../../src/system/sim/index.ts'
import { Ear, testSockets } from './sockets-contract.ts'

testSockets('simulated', async () => {
  const world = new SimWorld({ seed: 1 })
  const { files, sockets } = world.node('a').process('app')
  await world.clock.until(files.makeFolder('/run'))
  return { sockets, files, root: '/run', until: promise => world.clock.until(promise) }
})

test('a killed process ends its lines and refuses new ones; a stopped one takes calls and says nothing', async () => {
  const world = new SimWorld({ seed: 2 })
  const { clock } = world
  const node = world.node('a')
  const server = node.process('server')
  const { sockets } = node.process('client')
  await clock.until(server.sockets.listen('/s', line => line.send('hello')))
  server.stop()
  const ear = new Ear(await clock.until(sockets.connect('/s')))
  await clock.advance(60_000)
  expect(ear.heard).toEqual([])
  for (let call = 1; call < 511; call++) await clock.until(sockets.connect('/s'))
  await expect(clock.until(sockets.connect('/s'))).rejects.toMatchObject({ code: 'EAGAIN' })
  server.continue()
  await clock.until(ear.until(({ heard }) => heard.length === 1))
  server.kill()
  await clock.until(ear.until(({ ended }) => ended))
  await expect(clock.until(sockets.connect('/s'))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('lines that ended are nothing to a process any more: its end tells nobody of them', async () => {
  const world = new SimWorld({ seed: 3 })
  const { clock } = world
  const node = world.node('a')
  const server = node.process('server')
  const client = node.process('client')
  await clock.until(server.sockets.listen('/s', line => line.send('hello')))
  for (let call = 0; call < 20; call++) (await clock.until(client.sockets.connect('/s'))).end()
  await clock.advance(1_000)
  server.kill()
  client.kill()
  expect(clock.pending).toBe(0)
})
