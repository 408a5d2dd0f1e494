import { expect, test } from 'vitest'
import { Output } from '../../src/cli/output.ts'
import { SendWindow } from '../../src/cli/send-window.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { DroprError } from '../../src/errors.ts'
import type { Body } from '../../src/message.ts'

interface Sent {
  body: Body
  resolve(): void
  reject(error: Error): void
}

function world(json = false) {
  const printed: string[] = []
  const sent: Sent[] = []
  const stream = {
    on: () => undefined,
    write(text: string, done?: () => void) {
      printed.push(text)
      done?.()
    }
  }
  const out = new Output({ stdout: stream, stderr: stream } as never, { json })
  const queue = {
    sendMessage(body: Body) {
      return new Promise<{ id: string; state: 'queued'; durability: 'synced' }>((resolve, reject) => {
        const id = `id-${sent.length}`
        sent.push({ body, resolve: () => resolve({ id, state: 'queued', durability: 'synced' }), reject })
      })
    }
  }
  const window = new SendWindow({ queue: queue as never, options: {}, out, quiet: false })
  return { window, sent, printed: () => printed.join('') }
}

test('many messages are under way at once, and their ids come out in order', async () => {
  const { window, sent, printed } = world()
  for (let i = 0; i < 5; i++) await window.send(`m${i}`)
  expect(sent.map(one => one.body)).toEqual(['m0', 'm1', 'm2', 'm3', 'm4'])
  for (const one of sent.toReversed()) one.resolve()
  await window.end()
  expect(printed()).toBe('id-0\nid-1\nid-2\nid-3\nid-4\n')
})

test('no more than 4,096 messages wait for the disk', async () => {
  const { window, sent } = world()
  for (let i = 0; i < 4_095; i++) await window.send('x')
  let there = false
  const next = window.send('x').then(() => {
    there = true
  })
  await Promise.resolve()
  expect(there).toBe(false)
  for (let i = 0; i < sent.length; i++) sent[i]!.resolve()
  await next
  await window.end()
})

test('a failure names the message, prints what was sent, and stops the sending', async () => {
  const { window, sent, printed } = world()
  for (let i = 0; i < 3; i++) await window.send(`m${i}`)
  sent[0]!.resolve()
  sent[1]!.reject(new DroprError('DISK_FULL', 'no space left'))
  sent[2]!.resolve()
  await expect(window.end()).rejects.toMatchObject({ code: 'DISK_FULL', message: 'message 2: no space left' })
  expect(printed()).toBe('id-0\nid-2\n')
  await expect(window.send('m3')).rejects.toThrow('no space left')
  expect(sent.length).toBe(3)
})

test('what the queue calls a wrong argument is a usage error', async () => {
  const { window, sent } = world()
  await window.send('x')
  sent[0]!.reject(new TypeError('id must be text of 1 to 255 bytes'))
  await expect(window.end()).rejects.toBeInstanceOf(UsageError)
})
