import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { Spool } from '../../src/spool/spool.ts'
import { folderFault, parentFault } from '../../src/spool/spool-safety.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { desk } from './desk.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropr größe '))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const system = nodeSystem()
const open = (path: string, node?: string) => Spool.open({ system, path, node, limits: DEFAULT_LIMITS })
const modeOf = async (path: string) => (await lstat(path)).mode & 0o777

test('G12 SEC-18: a new spool has its rooms, its map and its version, for its owner only, whatever the umask', async () => {
  const before = process.umask(0o377)
  const path = join(folder, 'deep', 'er', 'spool')
  const spool = await open(path).finally(() => process.umask(before))
  expect((await readdir(path)).sort()).toEqual(
    ['FORMAT', 'README.md', 'acked', 'corrupt', 'dead', 'inbox', 'node.json', 'outbox', 'run'].sort()
  )
  for (const room of ['', 'outbox', 'run', '..']) expect(await modeOf(join(path, room)), room).toBe(0o700)
  for (const file of ['FORMAT', 'node.json', 'README.md']) expect(await modeOf(join(path, file))).toBe(0o600)
  expect(await readFile(join(path, 'FORMAT'), 'utf8')).toBe('1\n')
  expect(await readFile(join(path, 'README.md'), 'utf8')).toContain('outbox/<peer>/<channel>/<priority>/')
  expect(JSON.parse(await readFile(join(path, 'node.json'), 'utf8'))).toMatchObject({ node: spool.node, id: spool.id })
  expect(spool.node).toMatch(/^node-[0-9a-f]{6}$/)
  expect(spool.id).toMatch(/^[0-9a-f]{32}$/)
})

test('a spool keeps its name and id, and another name is refused', async () => {
  const first = await open(join(folder, 's'), 'berlin')
  const again = await open(join(folder, 's'))
  expect([again.node, again.id]).toEqual(['berlin', first.id])
  expect((await open(join(folder, 's'), 'berlin')).id).toBe(first.id)
  await expect(open(join(folder, 's'), 'paris')).rejects.toMatchObject({ code: 'NODE_NAME_FIXED' })
  await expect(open(join(folder, 's'), 'Not A Name')).rejects.toThrow(TypeError)
})

test('processes that make a spool at once get the same identity', async () => {
  const spools = await Promise.all(Array.from({ length: 8 }, () => open(join(folder, 's'))))
  expect(new Set(spools.map(({ node, id }) => `${node} ${id}`)).size).toBe(1)
  expect((await readdir(join(folder, 's'))).filter(name => name.startsWith('node.json'))).toEqual(['node.json'])
})

test('a folder that holds other things becomes a spool without touching them', async () => {
  await writeFile(join(folder, 'README.md'), 'mine')
  await writeFile(join(folder, '.gitignore'), '*')
  await open(folder)
  await open(folder)
  expect(await readFile(join(folder, 'README.md'), 'utf8')).toBe('mine')
  expect(await readFile(join(folder, '.gitignore'), 'utf8')).toBe('*')
})

test('a spool of a newer format is refused before anything is written, naming both versions', async () => {
  for (const [file, text] of [
    ['FORMAT', '2\n'],
    ['node.json', '{ "format": 7, "id": 1, "node": "x" }']
  ] as const) {
    const path = await mkdtemp(join(folder, 'newer'))
    await writeFile(join(path, file), text)
    const refused = open(path, 'berlin')
    await expect(refused).rejects.toMatchObject({ code: 'FORMAT_NEWER' })
    await expect(refused).rejects.toThrow(/format [27], this program knows 1/)
    expect(await readdir(path)).toEqual([file])
    expect(await readFile(join(path, file), 'utf8')).toBe(text)
  }
})

test('a FORMAT or node.json that cannot be read is refused and left as it is', async () => {
  for (const [file, text] of [
    ['FORMAT', 'x'],
    ['FORMAT', ''],
    ['node.json', '{'],
    ['node.json', 'null'],
    ['node.json', '{ "format": 1, "id": "short", "node": "a" }'],
    ['node.json', `{ "format": 1, "id": "${'a'.repeat(32)}", "node": "../x" }`]
  ] as const) {
    const path = await mkdtemp(join(folder, 'bad'))
    await writeFile(join(path, file), text)
    await expect(open(path), text).rejects.toMatchObject({ code: 'SPOOL_DAMAGED' })
    expect(await readdir(path)).toEqual([file])
  }
})

test('a folder that holds something else is not made a spool; one that was made ready for it is', async () => {
  const path = join(folder, 'home')
  await mkdir(join(path, 'Documents'), { recursive: true })
  for (const name of ['.gitignore', 'README.md', 'dropr.log', 'lost+found']) await writeFile(join(path, name), '')
  await expect(open(path)).rejects.toMatchObject({ code: 'SPOOL_TAKEN', message: expect.stringContaining('Documents') })
  expect((await readdir(path)).length).toBe(5)
  await writeFile(join(path, 'dropr.json'), '{}')
  await open(path)
  // What comes later beside a spool's own files is left alone.
  await unlink(join(path, 'dropr.json'))
  await open(path)
  await unlink(join(path, 'FORMAT'))
  await open(path)
})

test('SEC-18: a spool that others could tamper with is refused', async () => {
  await open(join(folder, 'real'))
  await symlink(join(folder, 'real'), join(folder, 'link'))
  await expect(open(join(folder, 'link'))).rejects.toMatchObject({ code: 'SPOOL_UNSAFE' })
  await writeFile(join(folder, 'file'), '')
  await expect(open(join(folder, 'file'))).rejects.toMatchObject({ code: 'SPOOL_UNSAFE' })
  await chmod(join(folder, 'real'), 0o777)
  await expect(open(join(folder, 'real'))).rejects.toThrow('everybody may write')
  await chmod(join(folder, 'real'), 0o755)
  await open(join(folder, 'real'))
  await mkdir(join(folder, 'open'))
  await chmod(join(folder, 'open'), 0o777)
  await expect(open(join(folder, 'open', 'spool'))).rejects.toMatchObject({ code: 'SPOOL_UNSAFE' })
  expect(await readdir(join(folder, 'open'))).toEqual([])
  await chmod(join(folder, 'open'), 0o1777)
  await open(join(folder, 'open', 'spool'))
})

test('SEC-18: a link in the place of a room is refused, and nothing is written through one further below', async () => {
  const away = join(folder, 'away')
  await mkdir(away)
  for (const name of ['outbox', 'run', 'node.json', 'FORMAT', 'dropr.json']) {
    const path = await mkdtemp(join(folder, 'linked'))
    await symlink(away, join(path, name))
    await expect(open(path), name).rejects.toMatchObject({ code: 'SPOOL_UNSAFE' })
    expect(await readdir(path)).toEqual([name])
  }
  const spool = await open(join(folder, 's'))
  await symlink(away, join(spool.path, 'outbox', 'tokyo'))
  await expect(spool.folders.ensure(spool.outbox('tokyo', 'common', 4))).rejects.toMatchObject({ name: 'DroprError' })
  expect(await readdir(away)).toEqual([])
  expect(await spool.outboxPeers()).toEqual([])
})

test('SEC-18: folders of another user, and parents that everybody may write to, are unsafe', () => {
  const stat = { kind: 'folder' as const, bytes: 0, bytesUsed: 0, mode: 0o700, uid: 1000 }
  expect(folderFault('/s', stat, 1000)).toBeUndefined()
  expect(folderFault('/s', stat, undefined)).toBeUndefined()
  expect(folderFault('/s', stat, 0)).toBe('/s belongs to user 1000, this process is user 0')
  expect(folderFault('/s', { ...stat, mode: 0o702 }, 1000)).toContain('everybody may write')
  expect(parentFault('/', { ...stat, mode: 0o777 })).toContain('everybody may write')
  expect(parentFault('/tmp', { ...stat, mode: 0o1777 })).toBeUndefined()
  expect(parentFault('/l', { ...stat, kind: 'link', mode: 0o777 })).toBeUndefined()
})

test('SEC-1: every path stays in its room, and rooms list what dropr made there only', async () => {
  const spool = await open(join(folder, 's'))
  expect(spool.outbox('tokyo', '../../x', 4)).toBe(`${spool.path}/outbox/tokyo/%2e.%2f..%2fx/4`)
  for (const channel of ['a', '..', 'Größe', 'x'.repeat(120)]) {
    await spool.folders.ensure(spool.inbox(channel))
    await spool.folders.ensure(spool.outbox('tokyo', channel, 0))
  }
  await mkdir(join(spool.path, 'inbox', 'NOT OURS'))
  await writeFile(join(spool.path, 'inbox', 'file'), '')
  await mkdir(join(spool.path, 'outbox', 'Not A Peer'))
  expect(await spool.inboxChannels()).toEqual(['..', 'Größe', 'a', 'x'.repeat(120)].sort())
  expect(await spool.outboxPeers()).toEqual(['tokyo'])
  for (const bad of [-1, 10, 1.5, Number.NaN]) expect(() => spool.outbox('tokyo', 'a', bad)).toThrow(TypeError)
  for (const bad of ['..', 'a/b', '', 'A']) expect(() => spool.outboxOf(bad)).toThrow(TypeError)
})

test('a power cut at any step of making a spool leaves one that opens, with the same id once it was told', async () => {
  for (let seed = 0; seed < 80; seed++) {
    const at = await desk({ seed })
    at.disk.crash({ names: 'keep' })
    const path = `/deep/${seed}`
    const make = () => Spool.open({ system: at.system, path, limits: at.limits })
    void make().catch(() => undefined)
    for (let turns = at.random.int(120); turns > 0; turns--) await Promise.resolve()
    at.disk.crash()
    const { id, node } = await make()
    at.disk.crash()
    const again = await make()
    expect([again.id, again.node], `seed ${seed}`).toEqual([id, node])
  }
})

test('every call of the disk failed once: a typed error, and the next try opens', async () => {
  for (const call of ['stat', 'list', 'read', 'makeFolder', 'syncFolder', 'replace', 'link', 'remove'] as const) {
    for (let after = 0; after < 12; after++) {
      const at = await desk()
      const rule = at.disk.failNext({ call, code: 'EIO', after })
      const make = () => Spool.open({ system: at.system, path: '/other/s', limits: at.limits })
      const failed = await make().then(
        () => false,
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'DISK_ERROR' })
          return true
        }
      )
      expect(failed).toBe(rule.hits > 0)
      rule.remove()
      const { id } = await make()
      expect((await make()).id).toBe(id)
    }
  }
})

test('a spool whose maker could not sync its name is made durable by the next process that opens it', async () => {
  const at = await desk()
  at.disk.failNext({ call: 'syncFolder', code: 'EIO', path: path => path === '/' })
  const make = () => Spool.open({ system: at.system, path: '/other', limits: at.limits })
  await expect(make()).rejects.toMatchObject({ code: 'DISK_ERROR' })
  const { id } = await make()
  at.disk.crash({ names: 'lose' })
  expect((await make()).id).toBe(id)
})
