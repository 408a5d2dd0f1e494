export { DroprError, ERRORS, type ErrorCode, type ErrorRow } from './errors.ts'
export { LIMITS, type LimitName, type LimitRow, type Limits } from './limits.ts'
export type { Body, BodyKind, Headers, JsonValue } from './message.ts'
export { type BodyFile, type BodySource, file } from './queue/body-source.ts'
export type { Moved } from './queue/carry-out.ts'
export type { Consumer, Handler } from './queue/consumer.ts'
export type { FilterOptions, MoveOptions } from './queue/filter-options.ts'
export type { LaterOptions, Time } from './queue/later.ts'
export type { Message } from './queue/message.ts'
export { type Node, type NodeOptions, startNode } from './queue/node.ts'
export { openQueue, type QueueOptions } from './queue/open-queue.ts'
export type { Duration } from './queue/options.ts'
export type { Peeked } from './queue/peeked.ts'
export type { Queue } from './queue/queue.ts'
export type { Cleaned, CleanOptions } from './queue/queue-clean.ts'
export type { ConfigGiven } from './queue/queue-config.ts'
export type { DeadPage, DeadQuery, DeadShown, QueueDead } from './queue/queue-dead.ts'
export type { PurgeOptions, Removed, RemoveOptions } from './queue/queue-moves.ts'
export type { QueueSchedule, ScheduledChange, ScheduledQuery } from './queue/queue-schedule.ts'
export type { AwaitOptions, Durability, Receipt, SentMessage, Settled } from './queue/receipt.ts'
export type { ConsumeOptions, MessagesOptions, PeekOptions, PollOptions } from './queue/receive-options.ts'
export { Reject } from './queue/reject.ts'
export type { Reply, ReplyOptions } from './queue/reply.ts'
export type { RequestOptions } from './queue/request.ts'
export type { SendAllOptions, SendOptions } from './queue/send-options.ts'
export type { DeliveryState, DeliveryStatus, MessageStatus } from './queue/status.ts'
export type {
  ForecastRow,
  HeldState,
  Listed,
  ListPage,
  Shown,
  Steered,
  Ticked,
  Unanswered
} from './scheduler/index.ts'
export type { Config, PeerConfig } from './spool/config.ts'
export type { DeadRow } from './spool/dead-list.ts'
export type { Files } from './system/files.ts'
export type { Log, LogFields } from './system/log.ts'
export { type MakeStorage, registerStorage } from './system/storages.ts'
export type { Transport } from './wire/transport.ts'
