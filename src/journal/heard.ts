/** More than any chain of promises between a commit and the state that follows from it is long. */
const TURNS = 200

/** Those who are told of a commit in this turn have done their part when this resolves. */
export async function heard(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await Promise.resolve()
}
