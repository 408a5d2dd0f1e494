import type { ValidateFunction } from 'ajv'
import { DroprError } from '../errors.ts'
import { nearest } from '../names.ts'
import type { HttpRequest } from './http-server.ts'
import type { Route } from './route.ts'

type Unfit = NonNullable<ValidateFunction['errors']>[number]
type Compile = (schema: object) => ValidateFunction

let compiler: Promise<Compile> | undefined

/** The only door to ajv, which keeps what it has compiled. Nothing is changed to make it fit, and the first error is enough. */
async function loadCompiler(): Promise<Compile> {
  const { Ajv } = await import('ajv')
  const ajv = new Ajv({ allowUnionTypes: true, addUsedSchema: false })
  return schema => ajv.compile(schema)
}

/**
 * Holds a request against the schemas of its door.
 *
 * The validator is loaded, and a schema compiled, when the first request needs it: a server that only talks to nodes never
 * does, and it was a third of what its start costs.
 *
 * @throws DroprError REQUEST_BAD naming the first thing that does not fit.
 */
export async function checkFits(request: HttpRequest, door: Route): Promise<void> {
  const { params, query, body } = door.schema
  for (const [where, schema, value] of [
    ['params', params, request.params],
    ['body', typeof body === 'object' ? body : undefined, request.body],
    ['query', query, request.query]
  ] as const) {
    if (schema === undefined) continue
    // With too many files open it cannot be loaded: the next request tries again.
    compiler ??= loadCompiler().catch((error: unknown) => {
      compiler = undefined
      throw error
    })
    const fits = (await compiler)(schema)
    if (!fits(value ?? null)) throw refusalOf(where, fits.errors, door)
  }
}

function refusalOf(part: string, errors: ValidateFunction['errors'], door: Route): DroprError {
  const first = errors?.[0]
  if (first === undefined) return new DroprError('REQUEST_BAD', `${part} is wrong`)
  const unknown: unknown = first.params.additionalProperty
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
