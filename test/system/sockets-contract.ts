import { expect, test } from 'vitest'
import type { Files } from '../../src/system/files.ts'
import type { Line, Sockets } from '../../src/system/sockets.ts'

export interface SocketsPlace {
  sockets: Sockets
  files: Files
  /** An empty folder. */
  root: string
  /** Waits for what the sockets bring. */
  until: <T>(promise: Promise<T>) => Promise<T>
}

/** Messages of a line, as they come. */
export class Ear {
  readonly heard: string[] = []
  ended = false
  #waiting: (() => void) | undefined

  constructor(line: Line) {
    line.onMessage = text => {
      this.heard.push(text)
      this.#waiting?.()
    }
    line.onEnd = () => {
      this.ended = true
      this.#waiting?.()
    }
  }

  /** Resolves when `condition` holds. */
  until(condition: (ear: Ear) => boolean): Promise<void> {
    return new Promise(resolve => {
      this.#waiting = () => {
        if (condition(this)) resolve()
      }
      this.#waiting()
    })
  }
}

/** What every implementation of `Sockets` must do. */
export function testSockets(name: string, open: () => Promise<SocketsPlace>): void {
  const it = (title: string, run: (place: SocketsPlace) => Promise<void>) =>
    test(`${name}: ${title}`, async () => run(await open()))

  it('messages arrive in order, in both directions', async ({ sockets, root, until }) => {
    const listener = await until(
      sockets.listen(`${root}/s`, line => {
        line.onEnd = () => undefined
        line.onMessage = text => line.send(`${text}!`)
      })
    )
    const line = await until(sockets.connect(`${root}/s`))
    const ear = new Ear(line)
    const sent = Array.from({ length: 1_000 }, (_, at) => `${at} größe 😀`)
    for (const text of ['', ...sent]) line.send(text)
    await until(ear.until(({ heard }) => heard.length === 1_001))
    expect(ear.heard).toEqual(['!', ...sent.map(text => `${text}!`)])
    await until(listener.close())
    await until(ear.until(({ ended }) => ended))
  })

  it('what was sent before the end arrives before the end', async ({ sockets, root, until }) => {
    const listener = await until(
      sockets.listen(`${root}/s`, line => {
        line.send('one')
        line.send('two')
        line.end()
        line.send('three')
      })
    )
    const ear = new Ear(await until(sockets.connect(`${root}/s`)))
    await until(ear.until(({ ended }) => ended))
    expect(ear.heard).toEqual(['one', 'two'])
    await until(listener.close())
  })

  it('messages wait for somebody to listen, and an end for somebody to be told', async ({ sockets, root, until }) => {
    const listener = await until(sockets.listen(`${root}/s`, line => line.send('early')))
    const line = await until(sockets.connect(`${root}/s`))
    for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
    const ear = new Ear(line)
    await until(ear.until(({ heard }) => heard.length === 1))
    await until(listener.close())
    await until(ear.until(({ ended }) => ended))
    const late = new Ear(line)
    await until(late.until(({ ended }) => ended))
  })

  it('a name is private, taken once, and gone after close', async ({ sockets, files, root, until }) => {
    const listener = await until(sockets.listen(`${root}/s`, line => line.end()))
    expect(await until(files.stat(`${root}/s`))).toMatchObject({ kind: 'socket', mode: 0o600 })
    expect(await until(files.list(root))).toEqual([{ name: 's', kind: 'socket' }])
    await expect(until(sockets.listen(`${root}/s`, line => line.end()))).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await until(listener.close())
    expect(await until(files.list(root))).toEqual([])
    await expect(until(sockets.connect(`${root}/s`))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('a linked name leads to the socket, outlives it, and refuses then', async ({ sockets, files, root, until }) => {
    const listener = await until(sockets.listen(`${root}/s`, line => line.send('here')))
    await until(files.link(`${root}/s`, `${root}/t`))
    await until(files.remove(`${root}/s`))
    const ear = new Ear(await until(sockets.connect(`${root}/t`)))
    await until(ear.until(({ heard }) => heard[0] === 'here'))
    await until(listener.close())
    await expect(until(sockets.connect(`${root}/t`))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await until(files.list(root))).toEqual([{ name: 't', kind: 'socket' }])
  })

  it('a file that is no socket refuses', async ({ sockets, files, root, until }) => {
    await until(files.replace(`${root}/file`, 'x'))
    await expect(until(sockets.connect(`${root}/file`))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('a message with a newline is the mistake of its sender', async ({ sockets, root, until }) => {
    const listener = await until(sockets.listen(`${root}/s`, line => new Ear(line)))
    const line = await until(sockets.connect(`${root}/s`))
    expect(() => line.send('a\nb')).toThrow(TypeError)
    expect(() => line.send('x'.repeat(16 * 1024 * 1024 + 1))).toThrow(TypeError)
    line.end()
    await until(listener.close())
  })
}
