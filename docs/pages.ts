import type { Command } from 'commander'
import { ERRORS, type ErrorRow } from '../src/errors.ts'
import { CHANNEL_LIMITS, LIMITS, type LimitRow } from '../src/limits.ts'
import { envName } from '../src/spool/config-env.ts'
import { METRICS, type MetricRow } from '../src/system/metric-table.ts'

/** The pages that are made from code: `npm run docs` writes them, test/docs.test.ts compares. */
const MADE = 'Made from the code by `npm run docs`; do not edit.'

export function errorsPage(): string {
  const rows = Object.entries<ErrorRow>(ERRORS).map(
    ([code, row]) => `| \`${code}\` | ${row.retry ? 'yes' : 'no'} | ${row.exit} | ${row.http} | ${cell(row.hint)} |`
  )
  return `# Errors

${MADE}

The library rejects with a \`DroprError\`, whose \`code\` is one of these and never changes its meaning; the server answers with the HTTP status, the
command line ends with the exit code. What the caller did wrong in code (an unknown option, a wrong type, a value out of its range) is a
\`TypeError\` that names the option; on the command line that is exit code 2.

*Again?* says whether the same call may succeed later without anybody changing anything.

| code | again? | exit | HTTP | what to do |
|---|---|--:|--:|---|
${rows.join('\n')}
`
}

/** Keys of `dropr.json`, where else each may be said, and what it means. */
export const SETTINGS: Readonly<Record<string, { flag: string; variable: string; means: string }>> = {
  node: {
    flag: '--node',
    variable: 'DROPR_NODE',
    means: 'Name of this node. A spool keeps its first one; a random one when nothing is said.'
  },
  listen: {
    flag: '--listen',
    variable: 'DROPR_LISTEN',
    means: 'host:port where peers reach this node. Beyond 127.0.0.1 only with `accept`.'
  },
  hosts: {
    flag: '--host name',
    variable: 'DROPR_HOSTS',
    means:
      'Names by which a Host header may call this node, besides its own: `["tokyo.example"]`. In the environment `name,name`.'
  },
  peers: {
    flag: '--peer name=url',
    variable: 'DROPR_PEERS',
    means:
      'Nodes to send to: `{ "tokyo": { "url": "https://tokyo.example", "tokenFile": "tokyo.token" } }`. A URL alone will do.'
  },
  accept: {
    flag: '--accept name=sha256',
    variable: 'DROPR_ACCEPT',
    means:
      'Nodes to receive from: `{ "berlin": "<SHA-256 of its token>" }`, as `dropr token` prints it. `{ "berlin": { "token": "<SHA-256>", "channels": ["orders/*", "common"] } }` lets it send to these channels only: names, or beginnings of names with `*` behind them.'
  },
  limits: { flag: '--limit name=number', variable: 'below', means: 'Numbers of the table below.' },
  channels: {
    flag: '--channel-limit channel.name=number',
    variable: 'DROPR_CHANNELS',
    means: `Of some channels, other numbers than \`limits\`: \`{ "orders/eu": { "leasedMax": 5, "attemptsMax": 3 } }\`. There are ${CHANNEL_LIMITS.map(name => `\`${name}\``).join(', ')}. In the environment \`channel.name=number,channel.name=number\`. They hold on the node that receives, over all its consumers.`
  },
  schedule: {
    flag: '',
    variable: '`DROPR_ZONE`, `DROPR_SHARDS`',
    means:
      'Messages for later: `{ "zone": "Europe/Berlin", "shards": 1, "levels": { "day": "1d", "hour": "1h", "minute": "1m" } }`. Times without an offset are read in `zone` (default: that of the machine).'
  },
  compat: {
    flag: '--compat name',
    variable: 'DROPR_COMPAT',
    means: 'Calls of other programs that are answered too: `{ "psched": true }`. Default: none.'
  }
}

/** Every metric of /metrics. Stands in docs/metrics.md between two lines that name this function. */
export function metricsTable(): string {
  const rows = Object.entries<MetricRow>(METRICS).map(
    ([name, { kind, role, labels, help }]) =>
      `| \`${name}\` | ${kind} | ${role === 'all' ? 'client, server, scheduler' : role} | ${labels.map(label => `\`${label}\``).join(', ')} | ${cell(help)} |`
  )
  return `| metric | kind | of | labels | what it is |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
}

/** docs/metrics.md with the table as the code has it; the words around it are written by hand. */
export function metricsPage(page: string): string {
  return page.replace(
    /(<!-- metrics: .*? -->\n)[\s\S]*?(<!-- end -->)/,
    (_, begin, end) => `${begin}${metricsTable()}${end}`
  )
}

export function optionsPage(program: Command): string {
  return `# Options

${MADE} The library's options stand in [api.md](api.md).

## Settings

From the weakest source to the strongest: defaults, \`/etc/dropr/dropr.json\`, \`<spool>/dropr.json\`, \`./dropr.json\` (or the file that
\`--config\` names), the environment, flags of \`up\`. \`dropr config show\` says where each came from, \`dropr config check\` whether they are good. A later one replaces a setting, a peer or a limit as a whole. What the library and \`dropr send\` must know too (the peers) belongs in a
file or the environment. An unknown key is refused, with the file, the line and the key that may have been meant. A file that holds a token must be
of mode 0600.

At SIGHUP \`dropr up\` and its daemons read all of it again: \`peers\`, \`accept\`, \`hosts\`, \`channels\` and limits change at once, without losing anything in hand;
\`node\`, \`listen\`, \`schedule\`, \`compat\`, and the limits that size what is made at the start (\`connectionsPerPeerMax\`, \`connectMsMax\`, \`serverConnectionsMax\`, \`parkedBytesMax\`,
\`filesOpenMax\`) at the next start. A bad configuration changes nothing, and is logged.

| key | flag of \`up\` | environment | what it is |
|---|---|---|---|
${Object.entries(SETTINGS).map(settingLine).join('\n')}

A peer has \`url\`, and \`token\` or \`tokenFile\`; in the environment its token is \`DROPR_TOKEN_<PEER>\`. \`DROPR_PEERS\` and \`DROPR_ACCEPT\` are
\`name=value,name=value\`. \`DROPR_SPOOL\` names the spool for the command line.

## Limits

Each has a name, under \`limits\` in \`dropr.json\`, and a variable in the environment. Times are in milliseconds, or as text: \`"10s"\`, \`"5m"\`. A value
out of its range is refused, never clamped.

| name | environment | default | from | to | why |
|---|---|--:|--:|--:|---|
${Object.entries<LimitRow>(LIMITS).map(limitLine).join('\n')}

## Command line

Options of every command:

${flagTable(program)}
${program.commands.map(command => commandSection(command)).join('\n')}`
}

function settingLine([key, row]: [string, (typeof SETTINGS)[string]]): string {
  return `| \`${key}\` | ${row.flag === '' ? '–' : `\`${row.flag}\``} | ${row.variable.startsWith('DROPR') ? `\`${row.variable}\`` : row.variable} | ${cell(row.means)} |`
}

function limitLine([name, row]: [string, LimitRow]): string {
  return `| \`${name}\` | \`${envName(name)}\` | ${grouped(row.default)} | ${grouped(row.min)} | ${grouped(row.max)} | ${cell(row.why)} |`
}

function commandSection(command: Command, above = ''): string {
  const path = `${above}${command.name()}`
  const given = command.registeredArguments.map(found => (found.required ? `<${found.name()}>` : `[${found.name()}]`))
  const usage = ['dropr', path, ...given, ...(command.options.length > 0 ? ['[options]'] : [])].join(' ')
  const below = command.commands.map(inner => `\n${commandSection(inner, `${path} `)}`)
  return `### ${path}\n\n\`${usage}\`: ${command.description()}.\n\n${flagTable(command)}${below.join('')}`
}

function flagTable(command: Command): string {
  const rows = command.options
    .filter(option => !option.hidden)
    .map(option => `| \`${cell(option.flags)}\` | ${cell(option.description)} |`)
  return rows.length === 0 ? '' : `| option | what it does |\n|---|---|\n${rows.join('\n')}\n`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function grouped(n: number): string {
  return n.toLocaleString('en-US')
}
