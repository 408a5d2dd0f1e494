import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import type { Call, GlobalOptions } from '../../src/cli/act.ts'
import { Output } from '../../src/cli/output.ts'

/** A spool of its own, and commands called in this process: no half second for each. */
export class CliDesk {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'dropr-desk-'))
  readonly spool = path.join(this.folder, 'spool')

  /** What `main` gives a command, and what it printed so far. */
  call<O extends object>(
    options: O & GlobalOptions,
    ...args: string[]
  ): Call<O> & { printed: () => string; noted: () => string } {
    const { out, printed, noted } = this.output(options)
    return { options, args, out, shell: process, spool: this.spool, printed, noted }
  }

  output(options: unknown): { out: Output; printed: () => string; noted: () => string } {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const json = (options as { json?: boolean }).json === true
    const taken = (stream: PassThrough) => () => (stream.read() as Buffer | null)?.toString() ?? ''
    return { out: new Output({ stdout, stderr }, { json }), printed: taken(stdout), noted: taken(stderr) }
  }

  end(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** One JSON value a line, as commands print them. */
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
export function values(text: string): any[] {
  return text.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line)]))
}
