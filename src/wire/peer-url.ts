/** A peer's URL, taken apart for undici. */
export interface PeerTarget {
  origin: string
  /** In front of ours; ends with a slash. */
  folder: string
}

/**
 * Where uploads to this URL go: its path is kept in front of ours (`http://h:1/a/b` and `http://h:1/a/b/` are the same).
 *
 * @throws TypeError for anything but http and https, and for credentials, a query or a fragment in it.
 */
export function peerTarget(url: string): PeerTarget {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw new TypeError('the URL of a peer must be like http://host:port/')
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
    throw new TypeError(`the URL of a peer must be http or https, got ${parsed.protocol}`)
  if (parsed.username !== '' || parsed.password !== '')
    throw new TypeError('the URL of a peer must not hold credentials: use `token`')
  if (parsed.search !== '' || parsed.hash !== '')
    throw new TypeError('the URL of a peer must not hold a query or a fragment')
  const folder = parsed.pathname.endsWith('/') ? parsed.pathname : `${parsed.pathname}/`
  return { origin: parsed.origin, folder }
}
