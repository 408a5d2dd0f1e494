// Sends <count> jobs and does them, with fetch alone, no library: worker.mjs <host> <port> <channel> <count>
const [host, port, channel, count] = process.argv.slice(2)

async function request(expected, method, path, body) {
  const headers = body === undefined ? {} : { 'content-type': 'text/plain' }
  const answer = await fetch(`http://${host}:${port}${path}`, { method, headers, body })
  const said = await answer.text()
  if (answer.status !== expected) throw new Error(`${method} ${path}: ${answer.status} ${said}`)
  return { said, headers: answer.headers }
}

for (let i = 0; i < Number(count); i++) await request(201, 'PUT', `/v1/queues/${channel}`, `job ${i}`)
for (let done = 0; done < Number(count); done++) {
  const { said, headers } = await request(200, 'GET', `/v1/queues/${channel}?wait=10s`)
  process.stdout.write(`${said}\n`)
  await request(204, 'POST', `/v1/leases/${headers.get('dropr-lease')}/0/ack`)
}
