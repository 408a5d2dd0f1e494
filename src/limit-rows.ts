/** One number that a person may change: flags, environment names, docs and checks all come from this row. */
export interface LimitRow {
  default: number
  min: number
  max: number
  why: string
}

/** Numbers with their unit at the end of the name: Ms, Bytes, or a count. docs/options.md lists the same rows (a test compares). */
export const LIMITS = {
  messageBytesMax: {
    default: 1_048_576,
    min: 1_024,
    max: 16_777_216,
    why: 'Bodies up to this are held whole in memory; larger ones are sent as files or streams.'
  },
  blobBytesMax: {
    default: 10_737_418_240,
    min: 0,
    max: 1_099_511_627_776,
    why: 'The largest body sent as a file or stream, or taken from a peer: it lies in a file of its own.'
  },
  blobPieceBytes: {
    default: 2_097_152,
    min: 512,
    max: 16_777_216,
    why: 'A large body goes to the disk, synced, and over the wire in such pieces: larger is faster on long lines, and is memory.'
  },
  blobIdleMsMax: {
    default: 86_400_000,
    min: 60_000,
    max: 31_536_000_000,
    why: 'What has come of a large body is kept so long without more of it, or its message, coming; then it begins again.'
  },
  headerBytesMax: { default: 16_384, min: 0, max: 65_535, why: 'Headers of one message, together.' },
  headersMax: { default: 100, min: 0, max: 1_000, why: 'Headers of one message, in number.' },
  segmentBytesMax: {
    default: 67_108_864,
    min: 65_536,
    max: 1_073_741_824,
    why: 'A segment is removed whole: smaller frees space sooner, larger costs fewer files.'
  },
  rangeBytesMax: {
    default: 2_097_152,
    min: 1_024,
    max: 16_777_216,
    why: 'One upload: a request costs 60 us, so that small ones waste it; a lost one is sent again whole.'
  },
  rangesPerStreamMax: {
    default: 4,
    min: 1,
    max: 64,
    why: 'Ranges of one stream on their way at once: hides the round trip.'
  },
  uploadsPerPeerMax: { default: 8, min: 1, max: 256, why: 'Uploads to one peer at once, over all its streams.' },
  connectionsPerPeerMax: { default: 4, min: 1, max: 64, why: 'Kept-alive connections to one peer.' },
  connectMsMax: {
    default: 5_000,
    min: 100,
    max: 120_000,
    why: 'A peer that does not accept a connection by then is down.'
  },
  answerMsMax: { default: 10_000, min: 100, max: 600_000, why: 'Wait for an answer once the body is sent.' },
  stallMsMax: {
    default: 10_000,
    min: 100,
    max: 600_000,
    why: 'A body that does not move for so long is given up; one that moves may take its time.'
  },
  retryMsMin: { default: 1_000, min: 10, max: 60_000, why: 'First wait after a failed upload.' },
  retryMsMax: { default: 300_000, min: 1_000, max: 86_400_000, why: 'Notice a peer within 5 min.' },
  scanMs: {
    default: 2_000,
    min: 50,
    max: 60_000,
    why: 'Every loop also looks on a timer; hints only shorten the wait.'
  },
  leaseMs: {
    default: 60_000,
    min: 100,
    max: 86_400_000,
    why: 'A polled message comes back after so long without a verdict.'
  },
  attemptsMax: {
    default: 10,
    min: 1,
    max: 1_000_000,
    why: 'So often a message that failed is tried again: 10 means 11 hand-outs; when the last fails too it is dead.'
  },
  attemptMsMin: {
    default: 1_000,
    min: 0,
    max: 3_600_000,
    why: 'First wait before a failed message is handed out again; doubles.'
  },
  attemptMsMax: { default: 600_000, min: 0, max: 86_400_000, why: 'The longest such wait.' },
  handOutsPerSecondMax: {
    default: 0,
    min: 0,
    max: 10_000_000,
    why: 'Messages of one channel handed out a second, over all its consumers: spares what is behind them; 0: any number.'
  },
  leasedMax: {
    default: 0,
    min: 0,
    max: 1_000_000_000,
    why: 'Messages of one channel that consumers may hold at once, over all of them; 0: any number.'
  },
  emptyMsMax: {
    default: 0,
    min: 0,
    max: 31_536_000_000,
    why: 'A channel of the inbox in which nothing has been left for so long goes away, with its folder; 0: it stays. What is finished is kept for retentionMs first.'
  },
  idMemoryMs: {
    default: 604_800_000,
    min: 60_000,
    max: 31_536_000_000,
    why: 'How long a caller-given id is remembered (P2).'
  },
  retentionMs: {
    default: 86_400_000,
    min: 0,
    max: 31_536_000_000,
    why: 'Finished messages are kept so long, to look at.'
  },
  retentionBytes: {
    default: 1_073_741_824,
    min: 0,
    max: 1_099_511_627_776,
    why: 'Finished messages a channel keeps at most.'
  },
  deadRetentionMs: {
    default: 2_592_000_000,
    min: 0,
    max: 315_360_000_000,
    why: 'Dead letters are kept so long, for somebody to look and send them again.'
  },
  deadRetentionBytes: {
    default: 1_073_741_824,
    min: 0,
    max: 1_099_511_627_776,
    why: 'Dead letters a channel keeps at most; the oldest go first.'
  },
  receiptMs: { default: 604_800_000, min: 60_000, max: 31_536_000_000, why: 'Outcomes and replies are kept so long.' },
  channelDepthMax: {
    default: 0,
    min: 0,
    max: 1_000_000_000_000,
    why: 'Messages that may wait in a channel before peers are told to come later (429); 0: any number.'
  },
  peerMessagesMax: {
    default: 0,
    min: 0,
    max: 1_000_000_000_000,
    why: 'Messages of one peer that may wait here before it is told to come later (429); 0: any number.'
  },
  peerBytesMax: {
    default: 0,
    min: 0,
    max: 1_099_511_627_776,
    why: 'Bytes of such messages; 0: any number.'
  },
  peerChannelsMax: {
    default: 1_000,
    min: 0,
    max: 1_000_000,
    why: 'Channels one peer may send to: more than a thousand cost a sync each, and folders. 0: any number.'
  },
  spaceFreeBytesMin: {
    default: 67_108_864,
    min: 0,
    max: 1_099_511_627_776,
    why: 'Kept free, though at most 5 % of the disk, for verdicts and removal: new messages are refused before the disk is full. Below twice that, what is finished goes at once.'
  },
  restartMsMin: { default: 1_000, min: 10, max: 60_000, why: 'Second restart of a child; the first is at once.' },
  restartMsMax: { default: 60_000, min: 100, max: 3_600_000, why: 'Longest wait between restarts of a child.' },
  heartbeatMsMax: {
    default: 30_000,
    min: 1_000,
    max: 600_000,
    why: 'A child silent for so long is stuck and restarted.'
  },
  graceMs: { default: 10_000, min: 100, max: 600_000, why: 'Time to finish work in hand on SIGTERM.' },
  serverConnectionsMax: { default: 1_000, min: 1, max: 100_000, why: 'Connections the server accepts at once.' },
  bodyBytesPerSecondMin: {
    default: 64,
    min: 1,
    max: 1_048_576,
    why: 'An upload slower than this is cut; whole entries of it are kept.'
  },
  parkedBytesMax: {
    default: 33_554_432,
    min: 0,
    max: 1_073_741_824,
    why: 'Uploads that arrived before their turn, held in memory.'
  },
  backlogMsMax: {
    default: 3_600_000,
    min: 1_000,
    max: 31_536_000_000,
    why: 'What waits for a peer longer raises an alarm in log, status and metrics.'
  },
  backlogBytesMax: {
    default: 1_073_741_824,
    min: 1_024,
    max: 1_125_899_906_842_624,
    why: 'Files that wait for a peer and are larger raise the same alarm.'
  },
  progressMsMax: {
    default: 60_000,
    min: 1_000,
    max: 86_400_000,
    why: 'Work that waits while none of it gets done for so long: /health says not ok.'
  },
  lifeMessagesMax: {
    default: 0,
    min: 0,
    max: 1_000_000_000_000,
    why: 'A daemon ends after so many messages and another takes over, against leaks; 0: never.'
  },
  schedulePerSecondMax: {
    default: 50_000,
    min: 1,
    max: 10_000_000,
    why: 'Overdue messages are handed over at this rate: what was missed must not bury what is new.'
  },
  filesOpenMax: {
    default: 2_048,
    min: 8,
    max: 65_536,
    why: 'Segments one process keeps open. Sending over more costs a new segment a message: 800/s instead of 12,000/s.'
  }
} as const satisfies Record<string, LimitRow>
