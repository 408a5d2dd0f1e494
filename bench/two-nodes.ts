import path from 'node:path'
import type { Stage } from './scenario.ts'
import { freePort, UpNode } from './up.ts'

interface Pair {
  a: UpNode
  b: UpNode
}

/** Of a tiny run, whose figures say nothing: starting nodes is nearly all that it costs, so its scenarios have the same two. */
let shared: Promise<Pair> | undefined

/** Two nodes in processes of their own, for the time of `use`. Their spools are `<folder>/<name>-a` and `-b`. */
export async function withTwoNodes<T>(
  stage: Stage,
  name: string,
  use: (a: UpNode, b: UpNode) => Promise<T>
): Promise<T> {
  if (stage.tiny) {
    shared ??= start(stage, 'shared')
    const { a, b } = await shared
    return await use(a, b)
  }
  const pair = await start(stage, name)
  try {
    return await use(pair.a, pair.b)
  } finally {
    await stop(pair)
  }
}

/** Ends the two nodes of a tiny run. */
export async function endTwoNodes(): Promise<void> {
  const pair = await shared?.catch(() => undefined)
  shared = undefined
  if (pair !== undefined) await stop(pair)
}

async function start(stage: Stage, name: string): Promise<Pair> {
  const port = await freePort()
  const b = await UpNode.start({ name: 'bench-b', spool: path.join(stage.folder, `${name}-b`), port })
  try {
    const spool = path.join(stage.folder, `${name}-a`)
    const peers = { 'bench-b': { url: `http://127.0.0.1:${port}` } }
    return { a: await UpNode.start({ name: 'bench-a', spool, port: await freePort(), peers }), b }
  } catch (error) {
    await b.stop()
    throw error
  }
}

async function stop({ a, b }: Pair): Promise<void> {
  await Promise.all([a.stop(), b.stop()])
}
