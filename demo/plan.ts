import { setTimeout as sleep } from 'node:timers/promises'
import type { UpNode } from '../bench/up.ts'
import type { Link } from './link.ts'
import { count, type Screen } from './screen.ts'
import type { Traffic } from './traffic.ts'
import type { Kill } from './verdict.ts'

/** What goes wrong, and when: shares of the time in which lines are sent. */
const KILLS: readonly { at: number; whom: Kill['whom'] }[] = [
  { at: 0.08, whom: 'client' },
  { at: 0.2, whom: 'server' },
  { at: 0.32, whom: 'client' },
  { at: 0.62, whom: 'server' },
  { at: 0.76, whom: 'client' },
  { at: 0.9, whom: 'server' }
]
const LINK = { cutAt: 0.42, healAt: 0.52 }
const LOOK_MS = 2

export interface Stage {
  sender: UpNode
  receiver: UpNode
  link: Link
  traffic: Traffic
  screen: Screen
  seconds: number
  /** How many lines there are in all. */
  lines: number
  signal: AbortSignal
}

/** Does the damage while the lines are on their way. */
export async function breakThings(stage: Stage): Promise<{ kills: Kill[]; linkCuts: number }> {
  const startedAt = performance.now()
  const at = (share: number) => waitUntil(startedAt + share * stage.seconds * 1000, stage.signal)
  const kills: Kill[] = []
  let linkCuts = 0
  const pullTheLink = async () => {
    await at(LINK.cutAt)
    if (stage.signal.aborted) return
    stage.link.cut()
    linkCuts++
    stage.screen.event(`${stage.screen.paint('yellow', 'cut')}    the link between the nodes`)
    await at(LINK.healAt)
    await stage.link.heal()
    stage.screen.event(
      `${stage.screen.paint('green', 'healed')} the link; ${count(stage.traffic.inFlight)} lines waited`
    )
  }
  const killChildren = async () => {
    for (const planned of KILLS) {
      await at(planned.at)
      const kill = await killWithLinesInFlight(stage, planned.whom)
      if (kill) kills.push(kill)
    }
  }
  await Promise.all([pullTheLink(), killChildren()])
  return { kills, linkCuts }
}

/**
 * Waits for a moment when lines are safe on the sender's disk and not yet with the receiving application, and kills then.
 * Undefined when all lines had arrived before such a moment came.
 */
async function killWithLinesInFlight(stage: Stage, whom: Kill['whom']): Promise<Kill | undefined> {
  const node = whom === 'client' ? stage.sender : stage.receiver
  let pid = node.pidOf(whom)
  const isOver = () => stage.signal.aborted || stage.traffic.received.length >= stage.lines
  while (!isOver() && (pid === undefined || stage.traffic.inFlight === 0)) {
    await sleep(LOOK_MS)
    pid ??= node.pidOf(whom)
  }
  if (isOver() || pid === undefined) return undefined
  const linesInFlight = stage.traffic.inFlight
  process.kill(pid, 'SIGKILL')
  const what = whom === 'client' ? `client of ${node.name}` : `server of ${node.name}`
  const { screen } = stage
  screen.event(`${screen.paint('red', 'killed')} the ${what} (pid ${pid}, -9), ${count(linesInFlight)} lines in flight`)
  return { whom, linesInFlight }
}

async function waitUntil(ticks: number, signal: AbortSignal): Promise<void> {
  const ms = ticks - performance.now()
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined)
}
