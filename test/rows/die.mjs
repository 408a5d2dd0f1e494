/**
 * Loaded before a process of dropr (`node --import`), ends it with SIGKILL at a chosen step, once a life.
 *
 * DROPR_TEST_DEATHS is JSON: `{ folder, <role>: { reply, call } }`: how often the processes of that role (`client`, `server`, or `app`
 * for any other) die just before an upload's answer leaves, and at a call of the file system. Each death adds a byte to a file in
 * `folder`, so that the next life knows how many there were, and the test too.
 */
import fs from 'node:fs'
import http from 'node:http'

const plan = JSON.parse(process.env.DROPR_TEST_DEATHS)
const at = process.argv.indexOf('role')
const role = at > 0 ? process.argv[at + 1] : process.argv[2] === 'up' ? 'angel' : 'app'
const wanted = plan[role] ?? {}

function deaths(place) {
  try {
    return fs.statSync(`${plan.folder}/${role}-${place}`).size
  } catch {
    return 0
  }
}

function die(place) {
  fs.appendFileSync(`${plan.folder}/${role}-${place}`, 'x')
  process.kill(process.pid, 'SIGKILL')
}

const before = { reply: deaths('reply'), call: deaths('call') }
const left = { reply: before.reply < (wanted.reply ?? 0), call: before.call < (wanted.call ?? 0) }
// By turns, so that both places get their deaths.
if (left.call && (!left.reply || before.call < before.reply)) {
  // Where it dies differs from life to life, the same in every run.
  let steps = 1 + ((before.call * 37) % (wanted.within ?? 90))
  for (const name of ['open', 'write', 'writev', 'fdatasync', 'fsync', 'link', 'rename', 'unlink', 'mkdir', 'close']) {
    const real = fs[name]
    fs[name] = (...args) => {
      if (--steps === 0) {
        // Half the deaths come before the call takes effect, half while it may.
        if (before.call % 2 === 0) die('call')
        real(...args)
        die('call')
      }
      return real(...args)
    }
  }
} else if (left.reply) {
  let answers = 1 + (before.reply % 3)
  for (const name of ['writeHead', 'end']) {
    const real = http.ServerResponse.prototype[name]
    http.ServerResponse.prototype[name] = function (...args) {
      const status = name === 'writeHead' ? args[0] : this.statusCode
      const counts = !this.countedForDeath && status === 200 && this.req.url.endsWith('/v1/upload')
      if (counts) {
        this.countedForDeath = true
        if (--answers === 0) die('reply')
      }
      return real.apply(this, args)
    }
  }
}
