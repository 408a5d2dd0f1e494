import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { isLoopback } from './http-guard.ts'

/**
 * Bounds the connections of a server, in all and for each address from beyond loopback, so that one host cannot use up
 * everybody's. Connections above that are closed unheard.
 */
export function limitConnections(server: Server, limits: { allMax: number; addressMax: number }): void {
  const open = new Map<string, number>()
  server.maxConnections = limits.allMax
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress
    if (address === undefined || isLoopback(address)) return
    const count = (open.get(address) ?? 0) + 1
    if (count > limits.addressMax) {
      socket.destroy()
      return
    }
    open.set(address, count)
    socket.once('close', () => {
      const left = open.get(address)! - 1
      if (left > 0) open.set(address, left)
      else open.delete(address)
    })
  })
}
