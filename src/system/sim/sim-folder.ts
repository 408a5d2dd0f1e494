import type { SimFate } from './sim-content.ts'
import type { SimInode } from './sim-disk.ts'
import type { SimRandom } from './sim-random.ts'

/** A name and what it stands for from now on; undefined when it is gone. */
export interface SimChange {
  name: string
  node: SimInode | undefined
}

/**
 * The names in one simulated folder, as processes see them and as the disk has them.
 *
 * Changes that belong together (a rename inside one folder) survive together or not at all; each group by itself, whatever
 * became of those before it.
 */
export class SimFolder {
  readonly kind = 'folder'
  mode = 0o700
  readonly names = new Map<string, SimInode>()
  readonly #disk = new Map<string, SimInode>()
  #unsynced: SimChange[][] = []
  #listed: string[] | undefined

  /** Its names, in no order, as folders are, but the same each time: whoever needs one must sort. */
  list(): readonly string[] {
    this.#listed ??= Array.from(this.names.keys(), name => ({ name, hash: hash(name) }))
      .sort((a, b) => a.hash - b.hash)
      .map(({ name }) => name)
    return this.#listed
  }

  change(...changes: SimChange[]): void {
    this.#listed = undefined
    apply(this.names, changes)
    this.#unsynced.push(changes)
  }

  sync(): void {
    for (const changes of this.#unsynced) apply(this.#disk, changes)
    this.#unsynced = []
  }

  crash(random: SimRandom, fate: SimFate): void {
    // Like bytes, names have moods, so that "all" and "none" come up often and not only by chance.
    const mood = fate === 'random' ? random.pick([0, 0.5, 0.5, 0.9, 1]) : fate === 'lose' ? 0 : 1
    for (const changes of this.#unsynced) if (random.chance(mood)) apply(this.#disk, changes)
    this.#unsynced = []
    this.#listed = undefined
    this.names.clear()
    for (const [name, node] of this.#disk) this.names.set(name, node)
  }

  /** @param copyOf Gives the copy of a node, the same one each time: two names of one file stay two names of one file. */
  clone(copyOf: (node: SimInode) => SimInode): SimFolder {
    const copy = new SimFolder()
    copy.mode = this.mode
    for (const [name, node] of this.names) copy.names.set(name, copyOf(node))
    for (const [name, node] of this.#disk) copy.#disk.set(name, copyOf(node))
    copy.#unsynced = this.#unsynced.map(changes =>
      changes.map(({ name, node }) => ({ name, node: node && copyOf(node) }))
    )
    return copy
  }
}

function apply(names: Map<string, SimInode>, changes: SimChange[]): void {
  for (const { name, node } of changes) {
    if (node) names.set(name, node)
    else names.delete(name)
  }
}

function hash(name: string): number {
  let sum = 0x811c9dc5
  for (let at = 0; at < name.length; at++) sum = Math.imul(sum ^ name.charCodeAt(at), 0x01000193)
  return sum >>> 0
}
