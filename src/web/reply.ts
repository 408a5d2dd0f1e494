import type { Body } from '../message.ts'
import type { ReplyOptions } from '../queue/reply.ts'
import type { Route } from '../server/route.ts'
import { UPLOAD_BYTES_MAX } from '../wire/upload.ts'
import { bytesOf } from './given.ts'
import type { WebDesk } from './options.ts'
import { DURATION, exactly, LEASE, RECEIPT, TEXT } from './schemas.ts'

interface Given extends Omit<ReplyOptions, 'signal' | 'kind' | 'durability'> {
  body?: Body
  bodyBase64?: string
}

/** An answer to who sent a message that somebody holds: `message.reply`. */
export function replyRoute({ holds }: WebDesk): Route {
  return {
    method: 'POST',
    path: '/v1/leases/{lease}/{position}/reply',
    schema: {
      id: 'reply',
      summary: 'Send an answer to the node that a message came from',
      params: exactly({ lease: LEASE, position: { ...TEXT, pattern: '^[0-9]{1,5}$' } }),
      body: exactly({
        body: { description: 'A text is sent as text, anything else as JSON.' },
        bodyBase64: { ...TEXT, description: 'Instead of body: bytes.' },
        id: {
          ...TEXT,
          description: 'Default: one that is the same for the same message: told twice, it arrives once.'
        },
        headers: { type: 'object', additionalProperties: TEXT },
        ttl: DURATION,
        receipt: { type: 'boolean' }
      }),
      answers: {
        201: { means: 'It is on the disk of this node.', body: RECEIPT },
        409: {
          means: 'The message does not say where a reply should go (REPLY_UNWANTED), or is not held (LEASE_LOST).'
        }
      }
    },
    bodyBytesMax: UPLOAD_BYTES_MAX,
    async handler({ params, body: given }) {
      const { body, bodyBase64, ...options } = (given ?? {}) as Given
      if ((body === undefined) === (bodyBase64 === undefined)) throw new TypeError('give either body or bodyBase64')
      const hold = holds.find(params.lease!)
      const message = hold.messages[Number(params.position)]
      if (message === undefined) throw new TypeError(`position must be from 0 to ${hold.messages.length - 1}`)
      const receipt = await message.reply(bodyBase64 === undefined ? body! : bytesOf(bodyBase64), options)
      return { status: 201, body: JSON.stringify(receipt) }
    }
  }
}
