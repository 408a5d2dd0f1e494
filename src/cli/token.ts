import type { Command } from 'commander'
import type { Act } from './act.ts'
import { EXIT } from './exit-codes.ts'

const HELP = `
The token is 256 random bits. Give it to the node that sends, its SHA-256 to the node that receives.
Neither is kept here: this command writes nothing to disk.

Examples:
  $ dropr token
  $ dropr token --json
  $ (umask 077; dropr token --json > berlin-to-tokyo.json)`

/** `dropr token`: a new credential for a peer. */
export function addToken(program: Command, act: Act): void {
  program
    .command('token')
    .description('make a token for a peer, and the SHA-256 that the other side accepts')
    .addHelpText('after', HELP)
    .action(
      act(async ({ out }) => {
        const [{ newToken, tokenDigest }, { systemRandom }] = await Promise.all([
          import('../wire/token.ts'),
          import('../system/random.ts')
        ])
        const token = newToken(systemRandom)
        const sha256 = tokenDigest(token).toString('hex')
        if (out.json) {
          await out.value({ token, sha256 })
        } else {
          await out.line(`token   ${token}\nsha256  ${sha256}`)
          out.note('dropr.json of the sender:   "peers": { "<receiver>": { "url": "http://…", "token": "<token>" } }')
          out.note('dropr.json of the receiver: "accept": { "<sender>": "<sha256>" }')
        }
        return EXIT.done
      })
    )
}
