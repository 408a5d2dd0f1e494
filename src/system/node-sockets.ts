import fs from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { call, done, systemError } from './node-calls.ts'
import { NodeLine } from './node-line.ts'
import type { Line, Listener, Sockets } from './sockets.ts'

/** What fits into `sun_path` with its ending zero. The system cuts longer ones without an error. */
const PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103

/** A peer that does not read keeps its line open no longer than this after we closed. */
const CLOSE_MS_MAX = 1_000

export function nodeSockets(): Sockets {
  return { listen, connect }
}

async function listen(path: string, connected: (line: Line) => void): Promise<Listener> {
  const short = await shortPath(path)
  const open = new Set<NodeLine>()
  const server = createServer(socket => {
    const line = new NodeLine(socket)
    open.add(line)
    socket.once('close', () => open.delete(line))
    connected(line)
  })
  server.unref()
  server.on('error', () => undefined) // out of descriptors while accepting: that connection is lost, the next may do
  try {
    await listening(server, short.path)
    // Until here the folder's 0700 protects it.
    await done(back => fs.chmod(short.path, 0o600, back))
  } catch (error) {
    await closed(server).catch(() => undefined)
    await short.release()
    throw error
  }
  return {
    async close() {
      for (const line of open) line.end()
      const late = setTimeout(() => {
        for (const line of open) line.destroy()
      }, CLOSE_MS_MAX).unref()
      // Node removes the path it was given as it closes: the folder behind /proc/self/fd must still be the same one.
      await closed(server)
      clearTimeout(late)
      await short.release()
    }
  }
}

async function connect(path: string): Promise<Line> {
  const short = await shortPath(path)
  try {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const trying = createConnection({ path: short.path })
      trying.once('error', reject)
      trying.once('connect', () => {
        trying.off('error', reject)
        resolve(trying)
      })
    })
    return new NodeLine(socket)
  } finally {
    await short.release()
  }
}

interface ShortPath {
  path: string
  release(): Promise<void>
}

/** The path itself when the system can take it; on Linux else a short way to the same name, through the open folder. */
async function shortPath(path: string): Promise<ShortPath> {
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return { path, release: () => Promise.resolve() }
  const tooLong = () =>
    systemError('SOCKET_PATH_LONG', `a socket's path may have ${PATH_BYTES_MAX} bytes, this has more: ${path}`)
  if (process.platform !== 'linux') throw tooLong()
  const fd = await call<number>(back =>
    fs.open(dirname(path), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW, back)
  )
  const release = () => done(back => fs.close(fd, back))
  const short = `/proc/self/fd/${fd}/${basename(path)}`
  if (Buffer.byteLength(short) <= PATH_BYTES_MAX) return { path: short, release }
  await release()
  throw tooLong()
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function closed(server: Server): Promise<void> {
  return done(back => server.close(back))
}
