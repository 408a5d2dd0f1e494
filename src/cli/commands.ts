import type { Command } from 'commander'
import type { Act } from './act.ts'

type Add = (program: Command, act: Act) => void

/**
 * What loads each command that is for people, in the order of the help: who sends does not wait for the other thirty to be
 * read from the disk.
 */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  up: async () => (await import('./up.ts')).addUp,
  stop: async () => (await import('./stop.ts')).addStop,
  status: async () => (await import('./status.ts')).addStatus,
  top: async () => (await import('./top.ts')).addTop,
  check: async () => (await import('./check.ts')).addCheck,
  peer: async () => (await import('./peer.ts')).addPeer,
  send: async () => (await import('./send.ts')).addSend,
  request: async () => (await import('./request.ts')).addRequest,
  poll: async () => (await import('./poll.ts')).addPoll,
  peek: async () => (await import('./peek.ts')).addPeek,
  tail: async () => (await import('./tail.ts')).addTail,
  work: async () => (await import('./work.ts')).addWork,
  schedule: async () => (await import('./schedule.ts')).addSchedule,
  forecast: async () => (await import('./schedule.ts')).addForecast,
  tick: async () => (await import('./schedule.ts')).addTick,
  ls: async () => (await import('./ls.ts')).addLs,
  shape: async () => (await import('./shape.ts')).addShape,
  show: async () => (await import('./show.ts')).addShow,
  channel: async () => (await import('./channel.ts')).addChannel,
  hold: async () => (await import('./hold.ts')).addHold,
  dead: async () => (await import('./dead.ts')).addDead,
  purge: async () => (await import('./purge.ts')).addPurge,
  clean: async () => (await import('./clean.ts')).addClean,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  token: async () => (await import('./token.ts')).addToken,
  config: async () => (await import('./config.ts')).addConfig,
  service: async () => (await import('./service.ts')).addService,
  completion: async () => (await import('./completion.ts')).addCompletion
}
/** For programs: the angel, and scripts of before. */
const HIDDEN = {
  role: async () => (await import('./role.ts')).addRole,
  ancestor: async () => (await import('./ancestor.ts')).addAncestor
}
/** Second names, and commands that another one brings along. */
const ALIASES: Readonly<Record<string, string>> = { start: 'up', peers: 'peer', replay: 'purge', explain: 'show' }
/** It writes down all the others. */
const WANTS_ALL = 'completion'

/** Options before the command's name, and whether a value follows. */
const BEFORE: Readonly<Record<string, boolean>> = {
  '--spool': true,
  '--config': true,
  '--json': false,
  '--debug': false
}

/** All that are for people. */
export async function allCommands(): Promise<Add[]> {
  return await Promise.all(Object.values(COMMANDS).map(load => load()))
}

/** The commands that a command line may mean: one, where its name is plain to see, else all. */
export async function commandsFor(argv: readonly string[]): Promise<Add[]> {
  const word = nameIn(argv) ?? ''
  if (word === 'role') return [await HIDDEN.role()]
  const name = Object.hasOwn(ALIASES, word) ? ALIASES[word]! : word
  if (name !== WANTS_ALL && Object.hasOwn(COMMANDS, name)) return [await COMMANDS[name]!()]
  return [...(await allCommands()), ...(await Promise.all(Object.values(HIDDEN).map(load => load())))]
}

function nameIn(argv: readonly string[]): string | undefined {
  for (let i = 0; i < argv.length; i++) {
    const [flag, value] = argv[i]!.split('=', 2)
    if (!flag!.startsWith('-')) return argv[i]
    const takes = Object.hasOwn(BEFORE, flag!) ? BEFORE[flag!] : undefined
    if (takes === undefined) return undefined
    if (takes && value === undefined) i++
  }
  return undefined
}
