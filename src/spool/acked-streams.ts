import { type StreamChange, type StreamState, withChange } from './acked-state.ts'

const NONE: ReadonlySet<string> = new Set()

/** The streams that `acked/` tells of, and which of them are gone without their peer having written that down yet. */
export class AckedStreams {
  readonly #states = new Map<string, StreamState>()
  /** By peer. */
  readonly #gone = new Map<string, Set<string>>()

  get all(): ReadonlyMap<string, Readonly<StreamState>> {
    return this.#states
  }

  get(stream: string): Readonly<StreamState> | undefined {
    return this.#states.get(stream)
  }

  goneTo(peer: string): ReadonlySet<string> {
    return this.#gone.get(peer) ?? NONE
  }

  apply(changes: readonly StreamChange[]): void {
    for (const change of changes) {
      const { stream, told } = change
      if (told === true) this.#forget(stream)
      else this.put(stream, withChange(this.#states.get(stream), change))
    }
  }

  put(stream: string, state: StreamState): void {
    this.#states.set(stream, state)
    if (state.gone !== true) return
    const peer = peerIn(state.removing)
    this.#gone.set(peer, (this.#gone.get(peer) ?? new Set()).add(stream))
  }

  #forget(stream: string): void {
    const state = this.#states.get(stream)
    this.#states.delete(stream)
    this.#gone.get(peerIn(state?.removing))?.delete(stream)
  }
}

/** The peer in the path of a segment: outbox/<peer>/… */
function peerIn(path = ''): string {
  return path.split('/')[1] ?? ''
}
