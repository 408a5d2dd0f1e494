import { DEFAULT_LIMITS } from '../src/limits.ts'
import { openapiOf } from '../src/web/openapi.ts'
import type { WebOptions } from '../src/web/options.ts'
import { webRoutes } from '../src/web/web-routes.ts'

/** docs/openapi.json, from the routes; nothing of a running node is in it. */
export function openapiText(): string {
  const routes = webRoutes({ limits: DEFAULT_LIMITS } as WebOptions).filter(route => route.schema.id !== 'openapi')
  return `${JSON.stringify(openapiOf(routes), null, 2)}\n`
}
