import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { expect } from 'vitest'
import { type Limits, limitsFrom } from '../../src/limits.ts'
import { Owner } from '../../src/server/owner.ts'
import { Server } from '../../src/server/server.ts'
import type { Config } from '../../src/spool/config.ts'
import { Spool } from '../../src/spool/spool.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { openWeb } from '../../src/web/open-web.ts'

const open: (() => Promise<void>)[] = []

/** Closes what a test has opened, the last first. */
export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close()
}

export async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dropr-web-'))
  open.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

interface DeskOptions {
  limits?: Partial<Limits>
  accept?: Map<string, string>
  peers?: string[]
  path?: string
  schedule?: Config['schedule']
  compat?: Config['compat']
}

/** A node's server with its doors, as `dropr up` composes it, on a spool of its own. */
export async function desk({
  limits: given = {},
  accept = new Map(),
  peers = ['tokyo', 'paris'],
  path,
  schedule = { zone: 'Europe/Berlin' },
  compat = {}
}: DeskOptions = {}) {
  const folder = path ?? (await folderOf())
  const system = nodeSystem()
  const limits = limitsFrom(given)
  const config: Config = {
    listen: { host: '127.0.0.1', port: 0 },
    peers: new Map(peers.map(name => [name, { name, url: 'http://127.0.0.1:1' }])),
    accept,
    limits,
    schedule,
    compat
  }
  const spool = await Spool.open({ system, path: join(folder, 'spool'), node: 'berlin', limits })
  let owner: Owner | undefined
  const own = async () => {
    owner = await Owner.own({ spool })
    return owner
  }
  const web = await openWeb({ spool, config, depths: () => owner?.depths() ?? [] })
  const { queue, doors } = web
  const server = await Server.start({ spool, config, own, doors })
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= web.close().then(() => server.close({ withinMs: 1_000 }))
    return closing
  }
  open.push(close)
  const url = `http://${server.listen}`
  return { folder, spool, queue, server, url, close, depths: () => owner?.depths() ?? [], call: callTo(url) }
}

export type Desk = Awaited<ReturnType<typeof desk>>

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  json: any
}

/** One request; `json` becomes its body. */
export function callTo(url: string) {
  return async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD',
    path: string,
    given: { json?: unknown; body?: string | Buffer; headers?: Record<string, string>; signal?: AbortSignal } = {}
  ): Promise<Answer> => {
    const { json, headers = {}, signal } = given
    const body = json === undefined ? given.body : JSON.stringify(json)
    const { statusCode, ...answer } = await request(url + path, {
      method,
      headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal })
    })
    const text = await answer.body.text()
    return {
      status: statusCode,
      headers: answer.headers,
      text,
      json: /^[{[]/.test(text) ? JSON.parse(text) : undefined
    }
  }
}

/** How many messages of a channel are where. */
export const countsOf = (node: Desk, channel: string) => {
  const {
    pending = 0,
    leased = 0,
    delayed = 0,
    done = 0,
    dead = 0
  } = (node.depths().find(each => each.channel === channel) ?? {}) as Record<string, number>
  return { pending, leased, delayed, done, dead }
}
/** Waits until they are there. */
export const settled = (node: Desk, channel: string, counts: Partial<ReturnType<typeof countsOf>>) =>
  expect.poll(() => countsOf(node, channel), { timeout: 10_000 }).toMatchObject(counts)
