/** The promises that a simulation holds the product to (README). `P10`: an error that is not typed; `life`: something hangs. */
export type PromiseName = 'P1' | 'P2' | 'P3' | 'P4' | 'P5' | 'P6' | 'P7' | 'P8' | 'P10' | 'life'

/** A promise that was not kept. */
export class Violation extends Error {
  readonly promise: PromiseName
  readonly atMs: number

  constructor(promise: PromiseName, atMs: number, text: string) {
    super(text)
    this.name = 'Violation'
    this.promise = promise
    this.atMs = atMs
  }
}
