import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { readBlob, writeBlob } from '../../src/spool/blob-file.ts'
import type { Files } from '../../src/system/files.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'

test.each([4_999, 262_144])(
  'the file of a body of %i bytes is read to its end and closed before its last piece is given',
  async bytes => {
    const sim = new SimNodes({ seed: 1, names: ['berlin'] })
    const { files } = sim.machine('berlin').process('keeper')
    await sim.until(files.makeFolder(SPOOL))
    const body = Buffer.alloc(bytes, 'x')
    const facts = { bytes, sha256: createHash('sha256').update(body).digest('hex') }
    await sim.until(writeBlob({ files, path: `${SPOOL}/body`, chunks: Readable.from([body]) }))
    let calls = 0
    const counted: Files = Object.create(files, {
      open: {
        value: async (path: string) => {
          const file = await files.open(path)
          const count = (act: 'read' | 'close') => (into: Buffer, at: number) => {
            calls++
            return act === 'read' ? file.read(into, at) : file.close()
          }
          return { read: count('read'), close: count('close') }
        }
      }
    })
    const pieces = readBlob(counted, `${SPOOL}/body`, facts)
    expect((await sim.until(pieces.next())).value).toEqual(body)
    const before = calls
    expect((await pieces.next()).done).toBe(true)
    expect([before, calls]).toEqual(bytes === 4_999 ? [2, 2] : [3, 3])
  }
)
