/** What a set of runs must have seen, or it proves nothing. */
export const MUST_SEE = [
  'kill',
  'power cut',
  'torn tail',
  'repeated upload',
  'refused verdict',
  'rejected send',
  'take-over',
  'hand-over',
  'id sent again',
  'duplicate id dropped',
  'disk full',
  'failed sync',
  'redelivery',
  'dead letter',
  'cut body',
  'lost answer',
  'stopped process',
  'clock step',
  'segment removed',
  'held',
  'handed over when due',
  'overdue',
  'promoted',
  'cancel done',
  'cancel too late',
  'move done',
  'edit done',
  'now done',
  'buffered',
  'buffered lost',
  'waits for its key',
  'told delivered',
  'told settled',
  'told MESSAGE_DEAD',
  'large body came',
  'large body read',
  'paused',
  'kept back',
  'cancelled on its way',
  'came again after a redrive',
  'consumer is killed',
  'consumer stands still, then is killed',
  'consumer is killed with the inbox’s owner',
  'consumer closes its queue'
] as const

/** And if bits turn. */
const MUST_SEE_OF_FLIPS = [
  'flip in a head',
  'flip in who it is',
  'flip in acked',
  'flip in inbox',
  'flip in outbox',
  'flip in schedule',
  'flip in dead',
  'damage set aside',
  'damaged message told'
] as const

export type Sight = (typeof MUST_SEE)[number]

/** Counts of what happened. */
export class Sometimes {
  readonly counts = new Map<string, number>()

  saw(what: Sight | (string & {}), times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times)
  }

  take(other: Sometimes): void {
    for (const [what, times] of other.counts) this.saw(what, times)
  }

  /** What must have been seen and was not. */
  missing(): string[] {
    return MUST_SEE.filter(what => (this.counts.get(what) ?? 0) === 0)
  }

  /** The same, of a run in which bits turn: none that hit nothing proves anything. */
  missingOfFlips(): string[] {
    return MUST_SEE_OF_FLIPS.filter(what => (this.counts.get(what) ?? 0) === 0)
  }
}
