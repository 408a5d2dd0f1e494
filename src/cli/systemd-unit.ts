import { UsageError } from './usage-error.ts'

export interface UnitOptions {
  /** Absolute paths, all of them. */
  node: string
  bin: string
  spool: string
  config: string | undefined
  user: string
}

/** The angel gives its daemons `graceMs` and then kills them: systemd's patience must be longer than its default. */
const STOP_SECONDS = 90

/** A unit that may write to the spool and nowhere else. V8 makes code at run time: MemoryDenyWriteExecute is not for it. */
export function systemdUnit({ node, bin, spool, config, user }: UnitOptions): string {
  if (!/^[a-z_][a-z0-9_-]{0,31}\$?$/i.test(user)) throw new UsageError(`--user is no name of a user: ${user}`)
  const paths = [node, bin, spool, ...(config === undefined ? [] : [config])]
  const below = (...folders: string[]) => paths.some(path => folders.some(folder => path.startsWith(`${folder}/`)))
  const command = [node, bin, 'up', '--spool', spool, ...(config === undefined ? [] : ['--config', config])]
  return `[Unit]
Description=dropr, messages between nodes
After=network-online.target
Wants=network-online.target
RequiresMountsFor=${quoted(spool)}

[Service]
Type=exec
ExecStart=${command.map(commandWord).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
User=${user}
UMask=0077
WorkingDirectory=/
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=2 78
KillMode=mixed
TimeoutStopSec=${STOP_SECONDS}
LimitNOFILE=65536

ProtectSystem=strict
ReadWritePaths=${quoted(spool)}
ProtectHome=${below('/home', '/root', '/run/user') ? 'read-only' : 'yes'}
PrivateTmp=${below('/tmp', '/var/tmp') ? 'no' : 'yes'}
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
LockPersonality=yes
CapabilityBoundingSet=
AmbientCapabilities=
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`
}

/** systemd.syntax(7): `%` is its own sign, also within quotes. */
function quoted(text: string): string {
  if (/\p{Cc}/u.test(text)) throw new UsageError(`a path with control characters: ${JSON.stringify(text)}`)
  const plain = text.replaceAll('%', '%%')
  return /^[\w./@%+:-]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, '\\$&')}"`
}

/** In command lines `$` is a variable too. */
function commandWord(text: string): string {
  return quoted(text).replaceAll('$', '$$$$')
}
