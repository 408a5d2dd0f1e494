import type { Route } from '../server/route.ts'
import { deadRoutes } from './dead.ts'
import { holdRoute } from './hold.ts'
import { Holds } from './holds.ts'
import { leaseBodyRoute } from './lease-body.ts'
import { peekRoute, statusRoute } from './look.ts'
import { messageStatusRoute } from './message-status.ts'
import { openapiOf } from './openapi.ts'
import type { WebDesk, WebOptions } from './options.ts'
import { pollRoute } from './poll.ts'
import { pschedRoutes } from './psched.ts'
import { purgeRoutes } from './purge.ts'
import { rawPollRoute } from './raw-poll.ts'
import { rawSendRoute } from './raw-send.ts'
import { replyRoute } from './reply.ts'
import { forecastRoute, listRoute, showRoute } from './schedule-list.ts'
import { cancelRoute, changeRoute, sendNowRoute } from './schedule-steer.ts'
import { tickRoute } from './schedule-tick.ts'
import { sendManyRoute, sendRoute } from './send.ts'
import { extendRoute, settleRoute, verdictRoute } from './settle.ts'
import { removeChannelRoute, steerRoute } from './steer.ts'
import { Waiting } from './waiting.ts'

/** HTTP for any language, as data: the server serves it (`doors`). docs/http.md. */
export function webRoutes(options: WebOptions): Route[] {
  const waiting = new Waiting(Math.ceil(options.limits.serverConnectionsMax / 2))
  const desk: WebDesk = { ...options, holds: new Holds(options), waiting }
  const routes = [
    sendRoute(desk),
    sendManyRoute(desk),
    messageStatusRoute(desk),
    rawSendRoute(desk),
    rawPollRoute(desk),
    peekRoute(desk),
    steerRoute(desk, 'pause'),
    steerRoute(desk, 'resume'),
    removeChannelRoute(desk),
    holdRoute(desk, 'hold'),
    holdRoute(desk, 'unhold'),
    pollRoute(desk),
    replyRoute(desk),
    leaseBodyRoute(desk),
    verdictRoute(desk),
    settleRoute(desk),
    extendRoute(desk),
    listRoute(desk),
    forecastRoute(desk),
    tickRoute(desk),
    showRoute(desk),
    cancelRoute(desk),
    changeRoute(desk),
    sendNowRoute(desk),
    ...deadRoutes(desk),
    ...purgeRoutes(desk),
    statusRoute(desk)
  ]
  const document = JSON.stringify(openapiOf(routes))
  return [
    ...routes,
    // Of others: not in our document.
    ...(options.compat?.psched === true ? pschedRoutes(desk) : []),
    {
      method: 'GET',
      path: '/v1/openapi.json',
      schema: { id: 'openapi', summary: 'This document', answers: { 200: { means: 'OpenAPI 3.1.' } } },
      bodyBytesMax: 0,
      handler: () => Promise.resolve({ status: 200, body: document })
    }
  ]
}
