import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Act } from './act.ts'
import { shareExamples } from './examples.ts'
import { EXIT } from './exit-codes.ts'

export interface ServiceOptions {
  user?: string
}

const HELP = `
Prints a systemd unit that runs \`dropr up\` on this spool, shut off from the rest of the system; it writes nothing. The
spool's folder must be there before the service starts, and belong to the user.

Examples:
  $ dropr service print      look at it first
  $ sudo install -d -m 700 -o dropr -g dropr /var/spool/dropr
  $ dropr service print --spool /var/spool/dropr --user dropr | sudo tee /etc/systemd/system/dropr.service
  $ sudo systemctl daemon-reload && sudo systemctl enable --now dropr
  $ sudo systemctl disable --now dropr && sudo rm /etc/systemd/system/dropr.service      undo it`

/** `dropr service print`: a unit for the host's supervisor. */
export function addService(program: Command, act: Act): void {
  const service = program.command('service').description('run the daemons by systemd').addHelpText('after', HELP)
  service
    .command('print')
    .description('print a systemd unit for this spool')
    .option('--user <name>', 'whose processes they are (default: the one who calls this)')
    .action(
      act<ServiceOptions>(async ({ options, out, spool }) => {
        const [{ systemdUnit }, { userInfo }] = await Promise.all([import('./systemd-unit.ts'), import('node:os')])
        const unit = systemdUnit({
          node: process.execPath,
          bin: resolve(process.argv[1]!),
          spool,
          config: options.config === undefined ? undefined : resolve(options.config),
          user: options.user ?? userInfo().username
        })
        if (out.json) await out.value({ name: 'dropr.service', unit })
        else await out.write(unit)
        return EXIT.done
      })
    )
  shareExamples(service, HELP)
}
