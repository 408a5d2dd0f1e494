import { DroprError } from '../errors.ts'
import { nearest } from '../names.ts'
import type { HttpRequest } from './http-server.ts'
import type { Route } from './route.ts'

interface Unfit {
  instancePath: string
  message?: string
  params: Record<string, unknown>
}

/**
 * Holds a request against the schemas of its door, with fastify's validator.
 *
 * A schema is compiled when the first request needs it: all of them at once were a fifth of what the server's start costs.
 *
 * @throws DroprError REQUEST_BAD naming the first thing that does not fit.
 */
export function checkFits(request: HttpRequest, door: Route): void {
  const { params, query, body } = door.schema
  for (const [where, schema, value] of [
    ['params', params, request.params],
    ['body', typeof body === 'object' ? body : undefined, request.body],
    ['query', query, request.query]
  ] as const) {
    if (schema === undefined) continue
    const fits = request.compileValidationSchema(schema)
    if (fits(value ?? null) === false) throw refusalOf(where, fits.errors as readonly Unfit[] | null, door)
  }
}

function refusalOf(part: string, errors: readonly Unfit[] | null, door: Route): DroprError {
  const first = errors?.[0]
  if (first === undefined) return new DroprError('REQUEST_BAD', `${part} is wrong`)
  const unknown = first.params.additionalProperty
  const what = typeof unknown === 'string' ? hasNo(unknown, first, door) : (first.message ?? 'is wrong')
  return new DroprError('REQUEST_BAD', `${part}${first.instancePath} ${what}`)
}

/** Says what may have been meant, where that is in sight. */
function hasNo(name: string, { instancePath }: Unfit, door: Route): string {
  const { body, query } = door.schema
  const known = [body, query].flatMap(schema =>
    typeof schema === 'object' ? Object.keys(schema.properties ?? {}) : []
  )
  const near = instancePath === '' ? nearest(name, known) : undefined
  return `has no ${JSON.stringify(name.slice(0, 50))}${near === undefined ? '' : `: did you mean ${near}?`}`
}
