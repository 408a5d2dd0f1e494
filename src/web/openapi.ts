import { ERRORS } from '../errors.ts'
import type { JsonSchema, Route, RouteSchema } from '../server/route.ts'
import { COUNT, having, TEXT } from './schemas.ts'

const PROBLEM = having({
  type: TEXT,
  title: TEXT,
  status: COUNT,
  detail: TEXT,
  code: { enum: Object.keys(ERRORS), description: 'docs/errors.md lists them.' },
  hint: { ...TEXT, description: 'What a person can do.' },
  retry: { type: 'boolean', description: 'The same request may succeed later.' }
})

/** The routes as a document of OpenAPI 3.1. */
export function openapiOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const { method, path, schema } of routes) {
    paths[path] ??= {}
    paths[path][method.toLowerCase()] = operationOf(schema)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'dropr',
      version: '1',
      description: 'Messages in and out of one node, for any language. docs/http.md tells it with examples.'
    },
    // Relative to where this document came from: the node that gave it.
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'On a node with `accept`: the token accepted under its own name.'
        }
      },
      schemas: { Problem: PROBLEM }
    }
  }
}

function operationOf(schema: RouteSchema): object {
  const parameters = [
    ...parametersOf('path', schema.params),
    ...parametersOf('query', schema.query),
    ...parametersOf('header', schema.headers)
  ]
  const { body } = schema
  const optional = typeof body === 'object' && Array.isArray(body.type)
  return {
    operationId: schema.id,
    summary: schema.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: !optional, content: contentOf(body) } }),
    responses: {
      ...Object.fromEntries(Object.entries(schema.answers).map(([status, answer]) => [status, answerOf(answer)])),
      default: {
        description: 'A problem (RFC 9457).',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
      }
    }
  }
}

function parametersOf(place: string, schema: JsonSchema | undefined): object[] {
  return membersOf(schema).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    ...(place === 'path' && { required: true }),
    ...(description !== undefined && { description }),
    schema: rest
  }))
}

function answerOf({ means, headers, body }: RouteSchema['answers'][number]): object {
  const problem = body === undefined && /[A-Z]+_[A-Z]+/.test(means)
  return {
    description: means,
    ...(headers !== undefined && {
      headers: Object.fromEntries(
        membersOf(headers).map(([name, { description, ...rest }]) => [
          name,
          { ...(description !== undefined && { description }), schema: rest }
        ])
      )
    }),
    ...(body !== undefined && { content: contentOf(body) }),
    ...(problem && { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } })
  }
}

function contentOf(body: JsonSchema | 'bytes' | 'form'): object {
  if (body === 'form') return { 'application/x-www-form-urlencoded': { schema: { type: 'object' } } }
  return body === 'bytes' ? { '*/*': {} } : { 'application/json': { schema: body } }
}

function membersOf(schema: JsonSchema | undefined): [string, Record<string, unknown>][] {
  return Object.entries((schema?.properties ?? {}) as Record<string, Record<string, unknown>>)
}
