import { InvalidArgumentError } from 'commander'
import { PRIORITY } from '../message.ts'
import { checkChannel, checkPeer } from '../names.ts'

/** Checks of argument values, in the words commander prints them with. */
function checked<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    throw error instanceof TypeError ? new InvalidArgumentError(error.message) : error
  }
}

export function channelArgument(text: string): string {
  return checked(() => checkChannel(text))
}

export function nodeName(text: string): string {
  return checked(() => checkPeer(text, 'node'))
}

/** `--to tokyo --to paris` and `--to tokyo,paris` mean the same. */
export function peerNames(text: string, before: string[] = []): string[] {
  return [...before, ...text.split(',').map(name => checked(() => checkPeer(name)))]
}

export function channelNames(text: string, before: string[] = []): string[] {
  return [...before, channelArgument(text)]
}

export function wholeNumber(bounds: { min: number; max: number }): (text: string) => number {
  return text => {
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < bounds.min || number > bounds.max) {
      throw new InvalidArgumentError(`Must be a whole number from ${bounds.min} to ${bounds.max}.`)
    }
    return number
  }
}

export const priority = wholeNumber(PRIORITY)

/** `name=value`, cut at the first `=`; the last one of a name counts. */
export function pair(text: string, before: Map<string, string> = new Map()): Map<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Must be name=value.')
  return new Map(before).set(text.slice(0, at), text.slice(at + 1))
}

/** `tokyo=http://…`: a pair whose name is a peer's. */
export function peerPair(text: string, before: Map<string, string> = new Map()): Map<string, string> {
  const pairs = pair(text, before)
  checked(() => checkPeer(text.slice(0, text.indexOf('='))))
  return pairs
}
