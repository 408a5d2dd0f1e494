import { expect, test } from 'vitest'
import { bodies, InboxBed, rangeOf, texts, verdict } from './inbox-bed.ts'

test('what was saved from a damaged frame is handed out in turn, also when memory has no room for where it lies', async () => {
  for (const hit of ['body0', 'body2', 'body4']) {
    const bed = new InboxBed(1)
    let inbox = await bed.open()
    const keyed = Array.from({ length: 5 }, (_, i) => ({ body: `body${i}`, key: i % 2 === 0 ? 'even' : 'odd' }))
    await bed.until(inbox.appendRange(rangeOf('s', 0, keyed)))
    await bed.until(inbox.appendRange(rangeOf('s', 5, texts(1, 'last'))))
    await bed.until(inbox.appendRange(rangeOf('s', 6, texts(1, 'vouches'))))
    const [segment] = await bed.until(bed.process.files.list('/spool/inbox/c'))
    const path = `/spool/inbox/c/${segment!.name}`
    bed.node.disk.flip(path, bed.node.disk.peek(path)!.indexOf(hit), 1)
    inbox = await bed.restart()
    const port = inbox.port({ own: true })
    const got: string[] = []
    const first = bodies(bed, await bed.until(port.claim(bed.ask(10))))
    // One of a key at a time.
    expect(first).toEqual([hit === 'body0' ? 'body2' : 'body0', 'body1', 'last0', 'vouches0'].sort())
    inbox = await bed.restart()
    const again = inbox.port({ own: true })
    for (let i = 0; i < 10; i++) {
      const claim = await bed.until(again.claim(bed.ask(1)))
      got.push(...bodies(bed, claim))
      await bed.until(again.settle(verdict(claim, 'ack')))
    }
    expect(got).toEqual(['body0', 'body1', 'body2', 'body3', 'body4', 'last0', 'vouches0'].filter(one => one !== hit))
    const notes = (await bed.until(bed.process.files.list('/spool/corrupt'))).filter(({ name }) =>
      name.endsWith('.json')
    )
    const lost = notes.flatMap(
      ({ name }) =>
        (JSON.parse(bed.node.disk.peek(`/spool/corrupt/${name}`)!.toString()) as { lostPositions: number[][] })
          .lostPositions
    )
    expect(new Set(lost.map(([from, to]) => `${from}-${to}`))).toEqual(
      new Set([`${hit.at(-1)}-${Number(hit.at(-1)) + 1}`])
    )
  }
})

test('what failed never happened, also when the mark that says so is damaged', async () => {
  const bed = new InboxBed(2)
  let inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(1))))
  const port = inbox.port({ own: true })
  const claim = await bed.until(port.claim(bed.ask(1)))
  // All of it reaches the disk, and the disk says that nothing did.
  bed.node.disk.faults.add({ call: 'writeSynced', code: 'EIO', partialBytes: 1e9 })
  await expect(bed.until(port.settle(verdict(claim, 'ack')))).rejects.toThrow('EIO')
  await bed.until(inbox.appendRange(rangeOf('s', 1, texts(1, 'more'))))
  await bed.until(inbox.appendRange(rangeOf('s', 2, texts(1, 'vouches'))))
  const segments = await bed.until(bed.process.files.list('/spool/inbox/c'))
  const path = `/spool/inbox/c/${segments
    .map(({ name }) => name)
    .sort()
    .at(-1)}`
  bed.node.disk.flip(path, bed.node.disk.peek(path)!.indexOf('"void"') + 2, 1)
  inbox = await bed.restart()
  const again = await bed.until(inbox.port({ own: true }).claim(bed.ask(10)))
  expect(bodies(bed, again)).toEqual(['m0', 'more0', 'vouches0'])
})

test('what came before the last commit is kept, and lost positions are told, also when that last one is damaged as well', async () => {
  const bed = new InboxBed(3)
  let inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(3, 'first'))))
  await bed.until(inbox.appendRange(rangeOf('s', 3, texts(1, 'last'))))
  const [segment] = await bed.until(bed.process.files.list('/spool/inbox/c'))
  const path = `/spool/inbox/c/${segment!.name}`
  for (const hit of ['first1', 'last0']) bed.node.disk.flip(path, bed.node.disk.peek(path)!.indexOf(hit), 1)
  inbox = await bed.restart()
  const claim = await bed.until(inbox.port({ own: true }).claim(bed.ask(10)))
  expect(bodies(bed, claim)).toEqual(['first0', 'first2'])
  const names = (await bed.until(bed.process.files.list('/spool/corrupt'))).map(({ name }) => name)
  const [note, ...more] = names.filter(name => name.endsWith('.json'))
  expect(more).toEqual([])
  expect(JSON.parse(bed.node.disk.peek(`/spool/corrupt/${note}`)!.toString()).lostPositions).toEqual([
    [1, 2, expect.any(String)]
  ])
})
