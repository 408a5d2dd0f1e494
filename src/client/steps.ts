/** The order of departures, answers and failures of one peer: what left before a failure is part of that failure. */
export class Steps {
  #last = 0

  next(): number {
    return ++this.#last
  }
}
