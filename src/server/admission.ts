import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { isAnswer } from '../names.ts'
import { type ChannelRights, mayChannel } from '../spool/channel-rights.ts'
import type { UploadRequest } from '../wire/upload.ts'
import { UploadFailure } from '../wire/upload-failure.ts'
import type { PeerShare } from './peer-shares.ts'

/** What is asked of the inbox before it is given more. What it cannot say refuses nothing. */
export interface Occupied {
  /** Messages of a channel that are not finished. */
  depthOf?(channel: string): number
  /** What of a node waits here, over all channels. */
  shareOf?(node: string): PeerShare
}

export interface AdmissionOptions {
  limits: Limits
  store: Occupied
  /** Refuses what would fill the disk. */
  space?: { check(bytes?: number): void } | undefined
  /** Channels a peer may send to; undefined for all. */
  rights?: ((peer: string) => ChannelRights | undefined) | undefined
}

/** What of an upload may come in: for now, as far as there is room, and for good, as far as its peer has the right. */
export class Admission {
  readonly #options: AdmissionOptions

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** Why a peer may not send there; undefined when it may. */
  forbidden({ channel }: UploadRequest, peer: string): string | undefined {
    // What answers our own messages.
    if (isAnswer(channel) || mayChannel(this.#options.rights?.(peer), channel)) return undefined
    return `${peer} may not send to channel ${JSON.stringify(channel)}`
  }

  /**
   * How many messages may come in.
   *
   * @throws DroprError DISK_FULL; UploadFailure SERVER_BUSY (429) when there is room for none: its sender waits.
   */
  room({ channel, skip, entries }: UploadRequest, peer: string): number {
    if (skip !== undefined) return Number.POSITIVE_INFINITY
    const { limits, space, store } = this.#options
    space?.check(entries.length)
    this.#checkChannels(channel, peer)
    const { channelDepthMax, peerMessagesMax, peerBytesMax } = limits
    let room = Number.POSITIVE_INFINITY
    if (channelDepthMax > 0) {
      const depth = store.depthOf?.(channel) ?? 0
      room = channelDepthMax - depth
      if (room <= 0) throw busy(`${depth} messages wait in the channel, at most ${channelDepthMax}`)
    }
    const share = peerMessagesMax + peerBytesMax > 0 ? store.shareOf?.(peer) : undefined
    if (share === undefined) return room
    if (peerMessagesMax > 0 && share.messages >= peerMessagesMax)
      throw busy(`${share.messages} messages of ${peer} wait here, at most ${peerMessagesMax}`)
    if (peerBytesMax > 0 && share.bytes >= peerBytesMax)
      throw busy(`${Math.round(share.bytes)} bytes of ${peer} wait here, at most ${peerBytesMax}`)
    return peerMessagesMax > 0 ? Math.min(room, peerMessagesMax - share.messages) : room
  }

  #checkChannels(channel: string, peer: string): void {
    if (isAnswer(channel)) return
    const { peerChannelsMax } = this.#options.limits
    const known = peerChannelsMax > 0 ? this.#options.store.shareOf?.(peer).channels : undefined
    if (known === undefined || known.has(channel)) return
    if (known.size < peerChannelsMax) {
      // At once: others are on their way.
      known.add(channel)
      return
    }
    throw busy(`${peer} has sent to ${known.size} channels, at most ${peerChannelsMax}`)
  }
}

function busy(text: string): UploadFailure {
  return new UploadFailure(new DroprError('SERVER_BUSY', text), { status: 429 })
}
