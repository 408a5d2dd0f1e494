import { diskError } from '../errors.ts'
import type { Spool } from '../spool/spool.ts'
import { acquireLock, findHolder, type Lock, LockHeldError } from '../system/lock.ts'
import type { System } from '../system/system.ts'
import { attachInbox, OWNER_LOCK } from './attach-inbox.ts'
import type { ConsumerStatus } from './attached.ts'
import type { ChannelDepth } from './channel-depth.ts'
import { Inbox } from './inbox.ts'
import type { InboxPort } from './inbox-port.ts'
import { LocalPuller } from './local-puller.ts'
import { LocalTarget } from './local-target.ts'
import type { MovesPort } from './move.ts'
import { Moves } from './moves.ts'
import { isApplication, running, standBack } from './owner-manners.ts'
import { OwnerRooms } from './owner-rooms.ts'
import { OwnerService } from './owner-service.ts'
import { LineTarget } from './owner-target.ts'
import { OwnerTidy } from './owner-tidy.ts'
import type { PullHint } from './pull-hint.ts'

export type OwnerRole = 'server' | 'application'

const TAKE_TRIES_MAX = 100

/** The owners of this process, by world and spool: no need of a socket to reach oneself. */
const OWNERS = new WeakMap<System, Map<string, Owner>>()

export interface OwnOptions {
  spool: Spool
  role: OwnerRole
}

/** The one process that owns the inbox: takes what arrives, gives it to consumers here and in other processes. */
export class Owner {
  readonly role: OwnerRole
  readonly inbox: Inbox
  readonly #spool: Spool
  readonly #lock: Lock
  readonly #rooms: OwnerRooms
  readonly #moves: Moves
  readonly #puller: LocalPuller
  readonly #service: OwnerService
  readonly #targets = new Set<LocalTarget>()
  #closing: Promise<void> | undefined

  private constructor(options: OwnOptions, lock: Lock, inbox: Inbox, rooms: OwnerRooms) {
    const { spool, role } = options
    this.role = role
    this.inbox = inbox
    this.#spool = spool
    this.#lock = lock
    this.#rooms = rooms
    this.#moves = new Moves({
      spool,
      inbox,
      epoch: lock.epoch,
      restDead: channel => rooms.restDead(channel),
      tell: rooms.tell
    })
    const tidy = new OwnerTidy({ spool, inbox, rooms, epoch: lock.epoch })
    this.#puller = new LocalPuller({ spool, inbox, tidy: () => this.#moves.recover().then(() => tidy.turn()) })
    rooms.poke = hint => this.#puller.poke(hint)
    inbox.firstLook.begins(this.#puller.first)
    this.#service = new OwnerService({
      inbox,
      spool: spool.id,
      moves: this.#moves,
      poke: hint => this.#puller.poke(hint),
      handOver: () => this.handOver()
    })
    const here = OWNERS.get(spool.system) ?? new Map<string, Owner>()
    OWNERS.set(spool.system, here.set(spool.path, this))
    // At once it may be asked, by somebody who waited, to hand over.
    lock.onConnection = line => this.#service.connected(line)
  }

  /**
   * A consumer of this spool's inbox: of its owner if there is one, else, if it may, of itself as owner.
   *
   * @throws DroprError OWNER_UNREACHABLE, DISK_*
   */
  static async attach(options: { spool: Spool; mayOwn: boolean }): Promise<InboxPort & MovesPort> {
    return await attachInbox(options, Owner)
  }

  /**
   * Owns the inbox for as long as it is open. An application that owns it hands over and becomes a consumer.
   *
   * @throws DroprError DAEMON_RUNNING with the pid of the server that owns it, DISK_*
   */
  static async own(options: { spool: Spool }): Promise<Owner> {
    const { spool } = options
    for (let tries = 0; ; tries++) {
      try {
        return await Owner.take({ spool, role: 'server' })
      } catch (error) {
        if (!(error instanceof LockHeldError)) throw error
        if (tries === TAKE_TRIES_MAX || !isApplication(error.about)) throw running(error.about)
        await askForIt(spool)
      }
    }
  }

  /** @throws LockHeldError when somebody else owns it. */
  static async take(options: OwnOptions): Promise<Owner> {
    const { spool, role } = options
    const { system, limits } = spool
    const about = { role, pid: process.pid, node: spool.node, spool: spool.id, since: system.clock.now() }
    const lock = await acquireLock(system, { folder: spool.run, name: OWNER_LOCK, about }).catch((error: unknown) => {
      throw error instanceof LockHeldError ? error : diskError(error, `take the lock of the inbox of ${spool.path}`)
    })
    const { epoch } = lock
    const rooms = new OwnerRooms(spool, epoch)
    const { bury, tell } = rooms
    try {
      const inbox = await Inbox.open({ spool, epoch, limits, bury, tell })
      return new Owner(options, lock, inbox, rooms)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** The owner in this very process. */
  static here(spool: Spool): Owner | undefined {
    return OWNERS.get(spool.system)?.get(spool.path)
  }

  get epoch(): number {
    return this.#lock.epoch
  }

  /** What the receiver appends to. */
  get store(): Inbox {
    return this.inbox
  }

  /** Messages that are not finished, over all channels. */
  depth(): number {
    return this.inbox.depths().reduce((sum, { channel }) => sum + this.inbox.depthOf(channel), 0)
  }

  depths(): ChannelDepth[] {
    return this.inbox.depths()
  }

  attached(): number {
    return this.inbox.attached.size
  }

  /** Who consumes, here and in other processes. */
  consumers(): ConsumerStatus[] {
    return this.inbox.attached.status()
  }

  /** This node has sent something to itself. */
  poke(hint?: PullHint): void {
    this.#puller.poke(hint)
  }

  target(): LocalTarget {
    const port = this.inbox.port({ own: true })
    const target: LocalTarget = new LocalTarget(port, this.#moves, () => this.#left(target))
    this.#targets.add(target)
    return target
  }

  /** Gives the inbox away as it is: leases stay with those who hold them. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Gives it to a server that has asked. @throws DroprError DAEMON_RUNNING when this is one itself. */
  async handOver(): Promise<void> {
    if (this.role === 'server') throw running({ pid: process.pid })
    // Each of many consumers would take it before the server came to it again, one after the other.
    standBack(this.#spool)
    this.#service.handOver()
    await this.close()
  }

  async #close(): Promise<void> {
    const here = OWNERS.get(this.#spool.system)
    if (here?.get(this.#spool.path) === this) here.delete(this.#spool.path)
    // Whatever cannot be closed: the inbox must not be kept from its next owner.
    const closed: PromiseSettledResult<void>[] = await Promise.allSettled([this.#puller.close()])
    this.#service.close()
    for (const part of [this.#moves, this.inbox, this.#rooms])
      closed.push(...(await Promise.allSettled([part.close()])))
    await this.#lock.release()
    for (const target of this.#targets) target.end()
    this.#targets.clear()
    for (const result of closed) if (result.status === 'rejected') throw result.reason
  }

  /** An application that owns the inbox only for its own sake lets go when it needs it no more. */
  async #left(target: LocalTarget): Promise<void> {
    this.#targets.delete(target)
    if (this.role === 'application' && this.#targets.size === 0) await this.close()
  }
}

/** Asks the application that owns the inbox to hand over. */
async function askForIt(spool: Spool): Promise<void> {
  const here = Owner.here(spool)
  if (here !== undefined) return await here.handOver()
  const holder = await findHolder(spool.system, { folder: spool.run, name: OWNER_LOCK }).catch((error: unknown) => {
    throw diskError(error, `find the owner of the inbox of ${spool.path}`)
  })
  if (holder === undefined) return
  const target = new LineTarget(holder.line, spool.id)
  try {
    await target.handOver()
  } finally {
    target.end()
  }
}
