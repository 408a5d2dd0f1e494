import { DroprError, ERRORS } from '../errors.ts'
import { printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { type Output, PipeClosedError } from './output.ts'
import { UsageError } from './usage-error.ts'

/** Says on stderr what happened, where, and what helps; gives the exit code. A stack only where it is a bug, or wanted. */
export function printError(error: unknown, out: Output, options: { debug: boolean; command?: string }): number {
  if (error instanceof PipeClosedError) return EXIT.pipeClosed
  const said = describe(error, options.command)
  if (out.json) {
    out.note(JSON.stringify({ error: said }))
  } else {
    out.note(`dropr: ${said.code === 'USAGE' ? '' : `${said.code}: `}${printable(said.message)}`)
    if (said.hint) out.note(`  ${said.hint}`)
  }
  if ((options.debug || said.code === 'UNEXPECTED') && !(error instanceof UsageError)) out.note(stackOf(error))
  return said.exit
}

/** The JSON form: `{ code, message, hint, retry, exit }`. */
function describe(
  error: unknown,
  command: string | undefined
): { code: string; message: string; hint: string; retry: boolean; exit: number } {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof UsageError) {
    return {
      code: 'USAGE',
      message,
      hint: `See \`${command === undefined ? 'dropr help' : `dropr ${command} --help`}\`.`,
      retry: false,
      exit: EXIT.usage
    }
  }
  const code = error instanceof DroprError ? error.code : 'UNEXPECTED'
  const { hint, retry, exit } = ERRORS[code]
  return { code, message, hint, retry, exit }
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\n  caused by ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
