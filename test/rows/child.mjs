/* What tests run as another process: `node child.mjs <what> <spool> ...`, on the built library. */
import { writeSync } from 'node:fs'
import path from 'node:path'
import { openQueue } from '../../dist/lib/index.js'

const [what, spool, ...more] = process.argv.slice(2)
const node = path.basename(spool)

const acts = {
  /** Sends until `kill` receipts are printed, `atOnce` at a time, and dies in the middle of it. */
  async die(kill, atOnce) {
    const queue = await openQueue({ spool, node })
    let told = 0
    const sendOn = async name => {
      for (let i = 0; ; i++) {
        const body = `${process.pid} ${name} ${i} ${'x'.repeat((i * 97) % 3_000)}`
        const { id } = await queue.sendMessage(body)
        writeSync(1, `${JSON.stringify({ id, body })}\n`)
        if (++told === Number(kill)) process.kill(process.pid, 'SIGKILL')
      }
    }
    await Promise.all(Array.from({ length: Number(atOnce) }, (_, i) => sendOn(i)))
  },

  /** Sends [from, to) to a peer ('' for this node), all at once, prints the ids, closes. */
  async send(from, to, peer, name) {
    const queue = await openQueue({ spool, node, config: { peers: { tokyo: 'http://127.0.0.1:9' } } })
    const sends = []
    for (let n = Number(from); n < Number(to); n++) {
      sends.push(queue.sendMessage(name ? `${name} ${n}` : n, peer ? { to: peer } : {}))
    }
    for (const { id } of await Promise.all(sends)) writeSync(1, `${id}\n`)
    await queue.close()
  },

  /** Prints the code of the error of a send, and how long it took; stops at the first. */
  async sendUntilRefused(count) {
    try {
      const queue = await openQueue({ spool, node })
      for (let n = 0; n < Number(count); n++) {
        const since = performance.now()
        try {
          const { id } = await queue.sendMessage(`${n} ${'x'.repeat(100_000)}`)
          writeSync(1, `${id}\n`)
        } catch (error) {
          writeSync(1, `refused ${error.code} ${error.cause?.code} ${Math.round(performance.now() - since)}\n`)
          break
        }
      }
      await queue.close().catch(() => undefined)
    } catch (error) {
      writeSync(1, `refused ${error.code} ${error.cause?.code} 0\n`)
    }
    process.exit(0)
  },

  /** Sends a request and a message with a receipt, prints their ids, and dies at once. */
  async ask(to, config) {
    const queue = await openQueue({ spool, node, config: JSON.parse(config) })
    const headers = { 'dropr-reply-to': '$dropr.reply' }
    const asked = await queue.sendMessage('asked', { to, channel: 'ask', receipt: true, headers })
    const followed = await queue.sendMessage('followed', { to, channel: 'ask', receipt: true, headers })
    writeSync(1, `${asked.id}\n${followed.id}\n`)
    process.kill(process.pid, 'SIGKILL')
  },

  /** Sends to this node itself; fails if anything was connected or listened on by address. */
  async sendNear() {
    const { Server, Socket } = await import('node:net')
    const ports = []
    for (const [on, name] of [
      [Socket.prototype, 'connect'],
      [Server.prototype, 'listen']
    ]) {
      const call = on[name]
      on[name] = function (...given) {
        const flat = given.flat(2)
        if (flat.some(each => typeof each === 'number' || each?.port !== undefined)) ports.push(name)
        return call.apply(this, given)
      }
    }
    const queue = await openQueue({ spool, node })
    await queue.sendMessage('near')
    await queue.close()
    if (ports.length > 0) throw new Error(`a network socket: ${ports.join()}`)
  },
  /** For strace: marks before and after one send, and after another. */
  async trace(durability) {
    const queue = await openQueue({ spool, node })
    writeSync(1, 'begin\n')
    await queue.sendMessage('x', { durability })
    writeSync(1, 'resolved\n')
    await queue.sendMessage('x', { durability })
    writeSync(1, 'once more\n')
    await queue.close()
  }
}

await acts[what](...more)
