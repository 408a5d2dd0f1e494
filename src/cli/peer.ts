import type { Command } from 'commander'
import type { Act } from './act.ts'
import { shareExamples } from './examples.ts'
import { nodeName } from './parse.ts'

export interface PeerChangeOptions {
  all?: boolean
}

const HELP = `
\`ls\` shows how each peer is, as the client that runs on this spool says; without one, what the files and the configuration
say. \`kick\` tries now what waits for its next try; exit code 3 when nobody sends. \`pause\` keeps everything for a peer here,
sends go on; it holds until \`resume\`, also after a restart. Both work at once where a client runs, else at its next start.

Examples:
  $ dropr peer ls
  $ dropr peers --json
  $ dropr peer kick tokyo
  $ dropr peer kick --all
  $ dropr peer pause tokyo && dropr peer resume tokyo`

/** `dropr peer …`: the nodes that this one sends to. */
export function addPeer(program: Command, act: Act): void {
  const peer = program
    .command('peer')
    .alias('peers')
    .description('look at the peers, try them now, pause them')
    .addHelpText('after', HELP)
  peer
    .command('ls', { isDefault: true })
    .description('state, last ACK, oldest that waits, next try, last error')
    .action(act(async call => (await import('./run-peer.ts')).runPeerLs(call)))
  peer
    .command('kick')
    .alias('retry')
    .description('try now what waits for its next try')
    .argument('[peer]', 'its name', nodeName)
    .option('--all', 'every peer')
    .action(act<PeerChangeOptions>(async call => (await import('./run-peer.ts')).runPeerKick(call)))
  peer
    .command('pause')
    .description('send it nothing until it is resumed')
    .argument('[peer]', 'its name', nodeName)
    .option('--all', 'every peer')
    .action(act<PeerChangeOptions>(async call => (await import('./run-peer.ts')).runPeerPause(call)))
  peer
    .command('resume')
    .description('send to it again')
    .argument('[peer]', 'its name', nodeName)
    .option('--all', 'every peer')
    .action(act<PeerChangeOptions>(async call => (await import('./run-peer.ts')).runPeerResume(call)))
  shareExamples(peer, HELP)
}
