import type { Listed, ListPage } from './listing.ts'

/** The first `limit` of all pages in due order. What a shard gave beyond that comes again with the next page. */
export function joinPages(pages: readonly ListPage[], limit: number, after: readonly string[]): ListPage {
  const all = pages.flatMap((page, shard) => page.messages.map((message, i) => ({ message, shard, i })))
  all.sort((a, b) => a.message.dueAt - b.message.dueAt || a.message.sentAt - b.message.sentAt || a.i - b.i)
  const kept = all.slice(0, limit)
  const next = pages.map((page, shard) => {
    const taken = kept.filter(one => one.shard === shard)
    if (taken.length === page.messages.length) return page.next ?? 'end'
    return placeAfter(
      taken.map(({ message }) => message),
      after[shard]
    )
  })
  const ended = next.every(place => place === 'end')
  return { messages: kept.map(({ message }) => message), next: ended ? undefined : next.join(' ') }
}

function placeAfter(taken: readonly Listed[], before: string | undefined): string {
  const last = taken.at(-1)
  if (last === undefined) return before ?? ''
  const same = taken.filter(({ dueAt, sentAt }) => dueAt === last.dueAt && sentAt === last.sentAt).length
  const [due, sentAt, skip] = (before ?? '').split('.')
  const earlier = Number(due) === last.dueAt && Number(sentAt) === last.sentAt ? Number(skip) : 0
  return `${last.dueAt}.${last.sentAt}.${same + earlier}`
}
