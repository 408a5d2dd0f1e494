import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { SOAK } from '../soak.ts'
import { closeAll, desk, settled } from './desk.ts'

afterEach(closeAll)

const run = promisify(execFile)
const COUNT = 100

interface Language {
  name: string
  /** What runs its program, and what shows that it is here. */
  command: string[]
  probe: string[]
  program: string
}

/** The first three are wherever this runs: bash and perl belong to the base of Debian, and fetch to Node.js. */
const LANGUAGES: readonly Language[] = [
  { name: 'bash', command: ['bash'], probe: ['-c', 'exit 0'], program: 'worker.bash' },
  { name: 'Perl', command: ['perl'], probe: ['-MIO::Socket::INET', '-e', 'exit 0'], program: 'worker.pl' },
  { name: 'JavaScript', command: [process.execPath], probe: ['--version'], program: 'worker.mjs' },
  { name: 'Python', command: ['python3'], probe: ['-c', 'import http.client'], program: 'worker.py' },
  {
    name: 'Tcl',
    command: ['tclsh'],
    probe: [path.join(import.meta.dirname, 'languages/probe.tcl')],
    program: 'worker.tcl'
  },
  // Compiles for seconds.
  ...(SOAK ? [{ name: 'Java', command: ['java'], probe: ['-version'], program: 'Worker.java' }] : [])
]

const isHere = ({ command, probe }: Language) =>
  run(command[0]!, probe).then(
    () => true,
    () => false
  )

test('O3: programs in every language that is here, three at least, send, poll and settle 100 messages each by HTTP alone, all at once', async () => {
  const here = await Promise.all(LANGUAGES.map(async language => ((await isHere(language)) ? [language] : [])))
  const languages = here.flat()
  expect(languages.map(({ name }) => name).length).toBeGreaterThanOrEqual(3)
  const node = await desk()
  const { hostname, port } = new URL(node.url)
  const jobs = Array.from({ length: COUNT }, (_, i) => `job ${i}`)
  await Promise.all(
    languages.map(async ({ name, command, program }) => {
      const [file, ...before] = command
      const args = [path.join(import.meta.dirname, 'languages', program), hostname, port, name, String(COUNT)]
      const { stdout } = await run(file!, [...before, ...args])
      expect(stdout.split('\n').slice(0, -1), name).toEqual(jobs)
      await settled(node, name, { pending: 0, leased: 0, delayed: 0, done: COUNT, dead: 0 })
    })
  )
})

test('O3: the Python of docs/http.md does what is there, and ends', async context => {
  const python = LANGUAGES.find(({ name }) => name === 'Python')!
  // The test above says how many languages there must be.
  if (!(await isHere(python))) return context.skip()
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/http.md'), 'utf8')
  const [, shown] = /```python\n([\s\S]+?)```/.exec(page)!
  const node = await desk()
  for (const body of ['a', 'b', 'c']) await node.queue.sendMessage(body, { channel: 'jobs' })
  const program = shown!.replace('7473', new URL(node.url).port).replace('wait=10s', 'wait=1s')
  expect((await run('python3', ['-c', program])).stdout).toBe('a\nb\nc\n')
  await settled(node, 'jobs', { pending: 0, leased: 0, done: 3 })
})
