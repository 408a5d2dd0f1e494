import type { Duration } from '../queue/options.ts'
import type { Route } from '../server/route.ts'
import { UPLOAD_BYTES_MAX } from '../wire/upload.ts'
import type { WebDesk } from './options.ts'
import { COUNT, DURATION, exactly, having, LEASE, POSITION, TEXT, VERDICTS, WALL_MS } from './schemas.ts'
import { manyAnswer } from './send.ts'
import { giveVerdict, type SaidWithVerdict, type VerdictName } from './verdict.ts'

const VERDICTS_MAX = 10_000
const SAID_BYTES_MAX = 65_536

const SAID = {
  after: { ...DURATION, description: 'With retry and release: not handed out again before that.' },
  reason: { ...TEXT, description: 'With retry and reject. Its first 1,000 characters are kept.' },
  result: { description: 'With ack: a JSON value of at most 4,096 bytes, kept with the mark.' }
} as const
const VERDICT = {
  enum: VERDICTS,
  description:
    'ack: done. retry: failed, try again. release: give back, no attempt counted. reject: to the dead letters.'
} as const

/** One verdict on one message: what a shell can say without any JSON. */
export function verdictRoute({ holds }: WebDesk): Route {
  return {
    method: 'POST',
    path: '/v1/leases/{lease}/{position}/{verdict}',
    schema: {
      id: 'settle',
      summary: 'Say what became of one message',
      params: exactly({ lease: LEASE, position: { ...TEXT, pattern: '^[0-9]{1,5}$' }, verdict: VERDICT }),
      body: { ...exactly(SAID), type: ['object', 'null'] },
      answers: { 204: { means: 'It is on the disk.' }, 409: { means: 'The lease was over before (LEASE_LOST).' } }
    },
    bodyBytesMax: SAID_BYTES_MAX,
    async handler({ params, body }) {
      const { lease, position, verdict } = params as { lease: string; position: string; verdict: VerdictName }
      await giveVerdict(holds, { lease, position: Number(position), verdict }, (body ?? {}) as SaidWithVerdict)
      return { status: 204 }
    }
  }
}

export function settleRoute({ holds }: WebDesk): Route {
  const one = exactly({ lease: LEASE, position: POSITION, verdict: VERDICT, ...SAID }, ['lease', 'position', 'verdict'])
  const ok = having({ verdict: VERDICT })
  const result = { anyOf: [ok, having({ code: TEXT, detail: TEXT, retry: { type: 'boolean' }, status: COUNT })] }
  return {
    method: 'POST',
    path: '/v1/settle',
    schema: {
      id: 'settleMany',
      summary: 'Say what became of several messages',
      body: exactly({ verdicts: { type: 'array', items: one, maxItems: VERDICTS_MAX } }, ['verdicts']),
      answers: {
        200: {
          means: 'All are on the disk. Otherwise a problem, with the same `results`.',
          body: having({ results: { type: 'array', items: result } })
        }
      }
    },
    bodyBytesMax: UPLOAD_BYTES_MAX,
    async handler({ body }) {
      const { verdicts } = body as {
        verdicts: ({ lease: string; position: number; verdict: VerdictName } & SaidWithVerdict)[]
      }
      const given = verdicts.map(async ({ lease, position, verdict, ...said }) => {
        await giveVerdict(holds, { lease, position, verdict }, said)
        return { verdict }
      })
      return manyAnswer(200, await Promise.allSettled(given))
    }
  }
}

export function extendRoute({ holds }: WebDesk): Route {
  return {
    method: 'POST',
    path: '/v1/leases/{lease}/extend',
    schema: {
      id: 'extend',
      summary: 'Hold what a poll gave for so long from now',
      params: exactly({ lease: LEASE }),
      body: {
        ...exactly({ lease: { ...DURATION, description: 'Default: as long as at first.' } }),
        type: ['object', 'null']
      },
      answers: {
        200: { means: 'It is held until then.', body: having({ leaseUntil: WALL_MS }) },
        409: { means: 'It was over before (LEASE_LOST).' }
      }
    },
    bodyBytesMax: SAID_BYTES_MAX,
    async handler({ params, body }) {
      const leaseUntil = await holds.extend(params.lease!, (body as { lease?: Duration } | undefined)?.lease)
      return { status: 200, body: JSON.stringify({ leaseUntil }) }
    }
  }
}
