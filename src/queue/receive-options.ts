import { CHANNEL_DEFAULT } from '../message.ts'
import { checkUserChannel } from '../names.ts'
import type { PeekRequest } from '../server/inbox-port.ts'
import { checkCount, checkDuration, checkOptions, checkSignal, type Duration, said } from './options.ts'

export interface MessagesOptions {
  /** Default `common`. */
  channel?: string
  /** Several, served fairly. Instead of `channel`. */
  channels?: readonly string[]
  /** How long the message is held for this process. Default `leaseMs` of the channel, else of the limits. */
  lease?: Duration
  signal?: AbortSignal
}

export interface PollOptions extends MessagesOptions {
  /** How long to wait for something to come. Default 0. */
  wait?: Duration
  /** With `max`: stops after so many bytes, but gives at least one message. Default 64 MiB. */
  maxBytes?: number
}

export interface PeekOptions {
  /** Default `common`. */
  channel?: string
  /** Default 1. */
  max?: number
  /** Stops after so many bytes, but gives at least one message. Default 64 MiB. */
  maxBytes?: number
}

export interface ConsumeOptions {
  /** Handlers at a time. Default 1: in order. */
  concurrency?: number
  lease?: Duration
  /** Stops the consumer. */
  signal?: AbortSignal
}

const MESSAGES = new Set(['channel', 'channels', 'lease', 'signal'])
const POLL = new Set([...MESSAGES, 'wait', 'max', 'maxBytes'])
const PEEK = new Set(['channel', 'max', 'maxBytes'])
const CONSUME = new Set(['concurrency', 'lease', 'signal'])

const POLL_MAX = 10_000
const POLL_BYTES_MAX = 67_108_864
const CHANNELS_MAX = 10_000
const CONCURRENCY_MAX = 10_000
const WAIT_MS_MAX = 86_400_000
const LEASE_MS_MIN = 100
const LEASE_MS_MAX = 86_400_000

export interface Receiving {
  channels: string[]
  /** Undefined: as the channels have it. */
  leaseMs: number | undefined
  signal: AbortSignal | undefined
}

export function checkPoll(
  options: PollOptions & { max?: number }
): Receiving & { waitMs: number; max: number; bytesMax: number } {
  checkOptions(options, POLL, 'poll')
  return {
    ...checkReceiving(options),
    waitMs: options.wait === undefined ? 0 : checkDuration(options.wait, 'wait', 0, WAIT_MS_MAX),
    max: checkMax(options.max),
    bytesMax: checkMaxBytes(options.maxBytes)
  }
}

export function checkPeek(options: PeekOptions): PeekRequest {
  checkOptions(options, PEEK, 'peek')
  const channel = checkUserChannel(options.channel ?? CHANNEL_DEFAULT)
  return { channel, max: checkMax(options.max), bytesMax: checkMaxBytes(options.maxBytes) }
}

export function checkMessages(options: MessagesOptions): Receiving {
  checkOptions(options, MESSAGES, 'messages')
  return checkReceiving(options)
}

export function checkConsume(
  channel: string | readonly string[],
  options: ConsumeOptions
): Receiving & { concurrency: number } {
  checkOptions(options, CONSUME, 'consume')
  const where = Array.isArray(channel) ? { channels: channel } : { channel: checkUserChannel(channel) }
  const { concurrency = 1 } = options
  return {
    ...checkReceiving({ ...where, ...options }),
    concurrency: checkCount(concurrency, 'concurrency', 1, CONCURRENCY_MAX)
  }
}

function checkReceiving(options: MessagesOptions): Receiving {
  const { channel, channels, lease } = options
  if (channel !== undefined && channels !== undefined) throw new TypeError('channel and channels exclude each other')
  return {
    channels: channels === undefined ? [checkUserChannel(channel ?? CHANNEL_DEFAULT)] : checkUserChannels(channels),
    leaseMs: lease === undefined ? undefined : checkDuration(lease, 'lease', LEASE_MS_MIN, LEASE_MS_MAX),
    signal: checkSignal(options.signal)
  }
}

function checkMax(max: unknown): number {
  return max === undefined ? 1 : checkCount(max, 'max', 1, POLL_MAX)
}

function checkMaxBytes(bytes: unknown): number {
  return bytes === undefined ? POLL_BYTES_MAX : checkCount(bytes, 'maxBytes', 1, POLL_BYTES_MAX)
}

function checkUserChannels(channels: unknown): string[] {
  if (!Array.isArray(channels)) throw new TypeError(`channels must be an array of names, got ${said(channels)}`)
  checkCount(channels.length, 'the number of channels', 1, CHANNELS_MAX)
  return [...new Set(channels.map(checkUserChannel))]
}
