import { decodeChannel } from '../names.ts'

/** Where this node has sent something to itself. */
export interface PullHint {
  channel: string
  priority: number
  path?: string
  end?: number | undefined
}

/** Which of the folders `<channel>/<priority>` a changed file lies in. */
export function hintOf(folder: string, path: string): PullHint | undefined {
  const [channelFolder = '', priority = ''] = path.startsWith(`${folder}/`)
    ? path.slice(folder.length + 1).split('/')
    : []
  const channel = decodeChannel(channelFolder)
  return channel === undefined || !/^[0-9]$/.test(priority) ? undefined : { channel, priority: Number(priority) }
}
