/** Thrown by a handler: this message is never to be handed out again. It goes to the dead letters, with the text as reason. */
export class Reject extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause })
    this.name = 'Reject'
  }
}
