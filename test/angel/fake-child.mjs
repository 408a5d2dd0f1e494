// A daemon for tests of the angel: speaks to it as run-child.ts does. Its argument says how it behaves.
import { writeSync } from 'node:fs'

const [behaviour = 'good'] = process.argv.slice(2)
const say = message => process.connected && process.send(message)
process.on('SIGINT', () => undefined)

if (behaviour === 'dies') {
  process.exit(3)
} else if (behaviour === 'will-never-work') {
  process.send({ say: 'failed', failure: { code: 'CONFIG_BAD', text: 'dropr.json: unknown key "foo"' } }, () =>
    process.exit(78)
  )
} else {
  const timer = setInterval(() => say({ say: 'beat' }), 50)
  process.on('message', message => {
    if (message.say === 'status') say({ say: 'status', n: message.n, status: { pid: process.pid } })
    if (message.say === 'stop' && behaviour !== 'ignores-stop') {
      clearInterval(timer)
      process.exit(0)
    }
  })
  process.on('disconnect', () => process.exit(0))
  say({ say: 'ready', facts: { listen: '127.0.0.1:1' } })
  if (behaviour === 'falls-silent') clearInterval(timer)
  if (behaviour === 'blocks')
    setTimeout(() => {
      for (;;) Math.sqrt(2)
    }, 20)
  if (behaviour === 'dies-after-ready') setTimeout(() => process.exit(4), 30)
  writeSync(1, '')
}
