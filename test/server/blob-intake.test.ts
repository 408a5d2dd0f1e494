import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { encodeBlob } from '../../src/journal/blob-entry.ts'
import { limitsFrom } from '../../src/limits.ts'
import { BlobIntake } from '../../src/server/blob-intake.ts'
import { Receiver } from '../../src/server/receiver.ts'
import { Spool } from '../../src/spool/spool.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { encodeBlobPiece } from '../../src/wire/blob.ts'
import { decodeBlobUpload, encodeUpload } from '../../src/wire/headers.ts'
import { entriesOf, MemoryStore, STREAM, uploadOf } from './memory-store.ts'
import { codeOf } from './receiver-desk.ts'

const BODY = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7) & 255))
const SHA = createHash('sha256').update(BODY).digest('hex')
const INBOX = '/spool/inbox/common'
const NAME = `${STREAM}-0-${SHA}`

async function desk(changes: Record<string, number> = {}) {
  const world = new SimWorld({ seed: 1, latencyMs: [0, 0] })
  const limits = limitsFrom({ messageBytesMax: 1_024, blobPieceBytes: 1_024, ...changes })
  const machine = world.node('a')
  const spool = await Spool.open({ system: machine.process('server'), path: '/spool', node: 'tokyo', limits })
  const store = new MemoryStore()
  const blobs = new BlobIntake({ spool, limits })
  const { clock, log } = spool.system
  const receiver = new Receiver({ clock, log, limits, store, blobs })
  const piece = (at: number, bytes = 1_000, more: { total?: number; sha256?: string; from?: number } = {}) => {
    const { total = BODY.length, sha256 = SHA, from = 0 } = more
    const entries = BODY.subarray(at, at + bytes)
    return receiver.receive(uploadOf({ from, entries, blob: { at, total, sha256 } }), 'berlin').then(({ blob }) => blob)
  }
  const names = () =>
    [...((machine.disk.disk.find(INBOX) as { names?: Map<string, unknown> })?.names?.keys() ?? [])].sort()
  return { world, machine, spool, store, blobs, receiver, piece, names }
}

const owning = (blob: Partial<Parameters<typeof encodeBlob>[0]> = {}) =>
  entriesOf({
    kind: 'bytes',
    blob: true,
    sentAt: 1,
    body: encodeBlob({ kind: 'bytes', bytes: BODY.length, sha256: SHA, id: '00'.repeat(8), ...blob })
  })

test('pieces are stored in order only, and each answer says where to go on', async () => {
  const { piece, names, machine } = await desk()
  expect(await piece(0, 0)).toEqual({ have: 0, state: 'more' })
  expect(await piece(1_000)).toEqual({ have: 0, state: 'more' })
  expect(await piece(0)).toEqual({ have: 1_000, state: 'more' })
  expect(await piece(0)).toEqual({ have: 1_000, state: 'more' })
  expect(await piece(1_000, 3_000)).toEqual({ have: 4_000, state: 'more' })
  expect(names()).toEqual([`${NAME}.part`])
  expect(await piece(4_000)).toEqual({ have: 5_000, state: 'whole' })
  expect(names()).toEqual([`${NAME}.blob`])
  expect(machine.disk.peek(`${INBOX}/${NAME}.blob`)).toEqual(BODY)
  expect(await piece(4_000)).toEqual({ have: 5_000, state: 'whole' })
})

test('a message is not taken before its body is here, and whole; a body of another sum, length or place does not count', async () => {
  const { piece, receiver, store } = await desk()
  const send = (entries: Buffer, from = 0) => receiver.receive(uploadOf({ from, entries }), 'berlin')
  expect(await codeOf(send(owning()))).toBe('BLOB_MISSING')
  await piece(0, 4_999)
  expect(await codeOf(send(owning()))).toBe('BLOB_MISSING')
  await piece(4_999)
  expect(await codeOf(send(owning({ bytes: 4_999 })))).toBe('BLOB_MISSING')
  expect(await codeOf(send(owning({ sha256: '00'.repeat(32) })))).toBe('BLOB_MISSING')
  expect(await codeOf(send(Buffer.concat([entriesOf('x'), owning()])))).toBe('BLOB_MISSING')
  expect(store.ranges).toEqual([])
  expect(await send(Buffer.concat([owning(), entriesOf('x')]))).toMatchObject({ next: 2, refused: [] })
  // It is here, whatever has become of its file.
  expect(await piece(0)).toEqual({ have: 5_000, state: 'whole' })
  expect(await send(owning())).toMatchObject({ next: 2, refused: [] })
})

test('a body above blobBytesMax is refused before a byte of it is stored, and its message for good', async () => {
  const { piece, receiver, names } = await desk({ blobBytesMax: 4_000 })
  expect(await piece(0)).toEqual({ have: 0, state: 'refused' })
  expect(names()).toEqual([])
  const answer = await receiver.receive(uploadOf({ entries: Buffer.concat([owning(), entriesOf('x')]) }), 'berlin')
  expect(answer).toMatchObject({ next: 2, refused: [{ at: 0, code: 'MESSAGE_TOO_LARGE' }] })
})

test('a body that comes wrong twice is refused with its message; the first time it begins again', async () => {
  const { piece, receiver, names } = await desk()
  const wrong = { sha256: 'ab'.repeat(32) }
  expect(await piece(0, 5_000, wrong)).toEqual({ have: 0, state: 'more' })
  expect(names()).toEqual([])
  expect(await piece(0, 5_000, wrong)).toEqual({ have: 0, state: 'refused' })
  const answer = await receiver.receive(uploadOf({ entries: owning(wrong) }), 'berlin')
  expect(answer).toMatchObject({ next: 1, refused: [{ at: 0, code: 'ENTRY_CORRUPT' }] })
})

test('another process goes on with what was left, but for the last piece, and a body that was torn meanwhile is found out', async () => {
  for (const torn of [false, true]) {
    const { piece, blobs, spool, machine, world } = await desk()
    await piece(0, 4_500)
    await blobs.close()
    if (torn) machine.disk.flip(`${INBOX}/${NAME}.part`, 100, 0)
    const next = new BlobIntake({ spool, limits: spool.limits })
    const owner = { channel: 'common', stream: STREAM, position: 0 }
    const said = { at: 3_476, total: 5_000, sha256: SHA }
    expect(await next.take(owner, said, Buffer.alloc(0))).toEqual({ have: 3_476, state: 'more' })
    const end = await next.take(owner, said, BODY.subarray(3_476))
    expect(end).toEqual(torn ? { have: 0, state: 'more' } : { have: 5_000, state: 'whole' })
    void world
  }
})

test('D12 P10: a full disk, and any other failure of it, is a code at once; the body begins again and arrives', async () => {
  for (const code of ['ENOSPC', 'EIO']) {
    for (let after = 0, struck = true; struck; after++) {
      const { piece, machine } = await desk()
      const rule = machine.disk.failNext({ call: 'any', code, after })
      const codes: string[] = []
      for (let have = 0, tries = 0; have < BODY.length && tries < 20; tries++) {
        const answer = await piece(have, 2_000).catch((error: { code?: string }) => codes.push(error.code ?? 'bug'))
        have = typeof answer === 'number' ? 0 : (answer?.have ?? 0)
      }
      struck = rule.hits > 0
      expect(
        codes.every(one => one.startsWith('DISK_')),
        `${code} ${after} ${codes.join()}`
      ).toBe(true)
      expect(machine.disk.peek(`${INBOX}/${NAME}.blob`), `${code} ${after}`).toEqual(BODY)
      rule.remove()
    }
  }
})

test('D12 P7: a body that the disk has no room for is refused with DISK_FULL before a byte of it is stored, and taken once there is', async () => {
  const { piece, machine, names } = await desk()
  const { disk } = machine
  disk.capacityBytes = disk.disk.bytesUsed + 4_000
  await expect(piece(0)).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(names()).toEqual([])
  disk.capacityBytes = Number.POSITIVE_INFINITY
  expect(await piece(0, 5_000)).toEqual({ have: 5_000, state: 'whole' })
})

test('P9: nothing that a request says about a large body makes a file of another name, or one at all when it is nonsense', async () => {
  const { receiver, names, machine } = await desk()
  const good = uploadOf({ entries: BODY.subarray(0, 100), blob: { at: 0, total: 5_000, sha256: SHA } })
  const headers = encodeUpload(good)
  expect(headers['dropr-blob']).toBe(encodeBlobPiece(good.blob!))
  const refused = new Set<string>()
  const bad = [
    '',
    '0/5000',
    `0/5000 ${SHA.toUpperCase()}`,
    `0/5000 ../../${SHA}`,
    `-1/5000 ${SHA}`,
    `1e3/5000 ${SHA}`,
    `0/99999999999999999 ${SHA}`,
    `4950/5000 ${SHA}`,
    `0/0 ${SHA}`,
    `0/5000 ${SHA}\0`
  ]
  for (const text of bad) {
    const act = async () => {
      const request = decodeBlobUpload(
        { ...headers, 'dropr-blob': text },
        { bytes: good.entries, whole: true },
        () => {}
      )
      return receiver.receive(request, 'berlin')
    }
    refused.add(await codeOf(act()))
  }
  for (const change of [
    { stream: '../../../etc' },
    { channel: '' },
    { from: -1 },
    { skip: { from: 0, to: 1, reason: 'gone' as const } }
  ])
    refused.add(await codeOf(receiver.receive({ ...good, ...change }, 'berlin')))
  expect([...refused]).toEqual(['REQUEST_BAD'])
  expect(await codeOf(receiver.receive(good, 'lima'))).toBe('PEER_FORBIDDEN')
  expect(names()).toEqual([])
  await receiver.receive({ ...good, channel: '../../run/x' }, 'berlin')
  expect(machine.disk.disk.folder('/spool/run').names.size).toBe(0)
})
