import { DroprError } from '../errors.ts'
import type { Spool } from '../spool/spool.ts'
import { findHolder, LockHeldError } from '../system/lock.ts'
import { aboutThis } from './attached.ts'
import type { InboxPort } from './inbox-port.ts'
import type { MovesPort } from './move.ts'
import { handedOver, isApplication, standBack, standsBack } from './owner-manners.ts'
import { LineTarget, type OwnerTarget } from './owner-target.ts'
import { RemotePort } from './remote-port.ts'

/** The lock whose holder owns the inbox. */
export const OWNER_LOCK = 'owner'
const FIND_MS_MAX = 10_000
const FIND_AGAIN_MS = 20

/** What becomes the owner when there is none: the class `Owner`, or what loads it only then. */
export interface OwnerMaker {
  /** The owner in this very process. */
  here(spool: Spool): { target(): OwnerTarget } | undefined
  /** @throws LockHeldError when somebody else owns it. */
  take(options: { spool: Spool; role: 'application' }): Promise<{ target(): OwnerTarget }>
}

/**
 * A consumer of a spool's inbox: of its owner if there is one, else, if it may, of itself as owner.
 *
 * @throws DroprError OWNER_UNREACHABLE, DISK_*
 */
export async function attachInbox(
  options: { spool: Spool; mayOwn: boolean },
  maker: OwnerMaker
): Promise<InboxPort & MovesPort> {
  const { clock, random } = options.spool.system
  const port = new RemotePort({
    clock,
    consumer: random.bytes(8).toString('hex'),
    about: aboutThis(clock),
    find: signal => findOwner({ ...options, maker }, signal)
  })
  return await port.attach()
}

async function findOwner(
  find: { spool: Spool; mayOwn: boolean; maker: OwnerMaker },
  signal: AbortSignal
): Promise<OwnerTarget> {
  const { spool, mayOwn, maker } = find
  const { system } = spool
  const deadline = system.clock.ticks() + FIND_MS_MAX
  for (;;) {
    if (signal.aborted) throw new DroprError('CLOSED', 'the consumer is closed')
    const here = maker.here(spool)
    if (here !== undefined) return here.target()
    const holder = await findHolder(system, { folder: spool.run, name: OWNER_LOCK }).catch(() => 'silent' as const)
    if (holder !== undefined && holder !== 'silent') {
      if (!isApplication(holder.about)) handedOver(spool)
      const target = new LineTarget(holder.line, spool.id)
      target.onHandOver = () => standBack(spool)
      return target
    }
    if (holder === undefined && mayOwn && !standsBack(spool)) {
      try {
        return (await maker.take({ spool, role: 'application' })).target()
      } catch (error) {
        if (!(error instanceof LockHeldError)) throw error
      }
    }
    if (system.clock.ticks() >= deadline) {
      const text =
        holder === undefined ? 'no process owns the inbox' : 'the process that owns the inbox does not answer'
      throw new DroprError('OWNER_UNREACHABLE', `${spool.path}: ${text}`)
    }
    await system.clock.sleep(FIND_AGAIN_MS, signal)
  }
}
