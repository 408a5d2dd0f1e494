/**
 * Names from people and from the network, checked in one place before any path is made (SEC-1).
 *
 * A channel is any text of 1 to 120 UTF-8 bytes without control characters. Its folder is a percent-encoding that leaves
 * `a-z 0-9 _ -` and inner dots as they are; upper case is encoded too, since some file systems would merge it. Where that
 * would be longer than a file name may be, the folder is `~` and the bytes in hexadecimal.
 */
const CHANNEL_BYTES_MAX = 120
const PEER = /^[a-z0-9-]{1,63}$/
const FOLDER_CHARACTERS_MAX = 240
const PLAIN = /^[a-z0-9_-]$/

/** Channels of dropr itself begin with this: messages in them are for the nodes, not for consumers. */
const OURS = '$dropr.'
/** What became of messages, on its way back to the node that sent them. */
export const OUTCOME_CHANNEL = '$dropr.outcome'
/** Replies to `queue.request`. */
export const REPLY_CHANNEL = '$dropr.reply'

export function isOurs(channel: string): boolean {
  return channel.startsWith(OURS)
}

/** A channel of ours in which peers answer messages of this node. */
export function isAnswer(channel: string): boolean {
  return channel === OUTCOME_CHANNEL || channel === REPLY_CHANNEL
}

/** A channel for messages of users. */
export function checkUserChannel(channel: unknown): string {
  const name = checkChannel(channel)
  if (isOurs(name)) throw new TypeError(`channels that begin with ${OURS} are dropr's own, got ${JSON.stringify(name)}`)
  return name
}

export function checkChannel(channel: unknown): string {
  const said = () => (typeof channel === 'string' ? JSON.stringify(channel.slice(0, 200)) : String(channel))
  if (typeof channel !== 'string' || channel === '')
    throw new TypeError(`channel must be text of 1 to ${CHANNEL_BYTES_MAX} bytes, got ${said()}`)
  if (Buffer.byteLength(channel) > CHANNEL_BYTES_MAX)
    throw new TypeError(
      `channel must be at most ${CHANNEL_BYTES_MAX} UTF-8 bytes, got ${Buffer.byteLength(channel)}: ${said()}`
    )
  if (!channel.isWellFormed()) throw new TypeError(`channel must be well-formed Unicode, got ${said()}`)
  if (/\p{Cc}/u.test(channel)) throw new TypeError(`channel must not hold control characters, got ${said()}`)
  return channel
}

/** Peer and node names. */
export function checkPeer(name: unknown, what = 'peer'): string {
  if (typeof name !== 'string' || !PEER.test(name))
    throw new TypeError(`${what} must be 1 to 63 characters of a-z 0-9 -, got ${JSON.stringify(name)}`)
  return name
}

/** The folder name of a channel: reversible, plain ASCII, never `.`, `..` or hidden. */
export function encodeChannel(channel: string): string {
  const bytes = Buffer.from(channel)
  let folder = ''
  for (let i = 0; i < bytes.length; i++) {
    const character = String.fromCharCode(bytes[i]!)
    const innerDot = character === '.' && i > 0 && i < bytes.length - 1
    folder += PLAIN.test(character) || innerDot ? character : `%${bytes[i]!.toString(16).padStart(2, '0')}`
  }
  return folder.length <= FOLDER_CHARACTERS_MAX ? folder : `~${bytes.toString('hex')}`
}

/** The channel of a folder name, or undefined for a folder that dropr did not make. */
export function decodeChannel(folder: string): string | undefined {
  if (!/^(?:~(?:[0-9a-f]{2})+|(?:[a-z0-9_.-]|%[0-9a-f]{2})+)$/.test(folder)) return undefined
  const hex = folder.startsWith('~')
    ? folder.slice(1)
    : folder.replace(/%(..)|(.)/g, (_, code, plain) => code ?? plain.charCodeAt(0).toString(16))
  const channel = Buffer.from(hex, 'hex').toString()
  return encodeChannel(channel) === folder ? channel : undefined
}

/** The one of `known` that a typing error may have turned into `name`, if any is that near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestSteps = name.length < 4 ? 2 : 3
  for (const candidate of known) {
    const steps = stepsBetween(name.slice(0, 50).toLowerCase(), candidate.toLowerCase())
    if (steps < bestSteps) {
      best = candidate
      bestSteps = steps
    }
  }
  return best
}

/** Letters to add, drop or change to get from one to the other (Levenshtein). */
function stepsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
