import { expect, test } from 'vitest'
import { limitsFrom } from '../../src/limits.ts'
import { Admission } from '../../src/server/admission.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'

test('a peer that is held to some channels may answer messages of this node all the same, and write nowhere else', () => {
  const share = { messages: 0, bytes: 0, channels: new Set(['orders']) }
  const limits = limitsFrom({ peerChannelsMax: 1 })
  const admission = new Admission({ limits, store: { shareOf: () => share }, rights: () => ['orders'] })
  const to = (channel: string) => ({ channel }) as UploadRequest
  for (const channel of ['orders', '$dropr.outcome', '$dropr.reply']) {
    expect(admission.forbidden(to(channel), 'tokyo')).toBeUndefined()
    expect(admission.room(to(channel), 'tokyo')).toBe(Number.POSITIVE_INFINITY)
  }
  for (const channel of ['other', '$dropr.other', '$dropr.outcome2']) {
    expect(admission.forbidden(to(channel), 'tokyo')).toMatch(/^tokyo may not send to channel/)
    expect(() => admission.room(to(channel), 'tokyo')).toThrow('1 channels')
  }
})
