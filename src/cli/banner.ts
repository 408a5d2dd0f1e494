import type { KeeperStatus } from '../angel/keeper.ts'
import { columns } from './columns.ts'

/** What a person wants to know when the daemons have started. */
export function banner(up: { node: string; spool: string; pid: number; roles: KeeperStatus[] }): string {
  const rows = [
    ['node', up.node],
    ['spool', up.spool],
    ['listen', listenOf(up.roles) ?? 'nowhere'],
    ['daemons', up.roles.map(role => `${role.role} ${role.state}`).join(', ')],
    ['pid', String(up.pid)]
  ]
  return `dropr is up\n${columns(rows.map(row => ['', ...row]))}`
}

/** Where the server listens, as it says itself. */
export function listenOf(roles: readonly KeeperStatus[]): string | undefined {
  const listen = roles.find(role => role.role === 'server')?.facts.listen
  return typeof listen === 'string' ? listen : undefined
}
