/** What a code means to a program: try again?, exit code (sysexits.h), HTTP status, and what a person can do. */
export interface ErrorRow {
  retry: boolean
  exit: number
  http: number
  hint: string
}

/** Every code that dropr gives. Codes never change meaning. docs/errors.md lists the same rows (a test compares). */
export const ERRORS = {
  ABORTED: {
    retry: true,
    exit: 75,
    http: 499,
    hint: 'The caller gave up waiting. A send may still have happened: send again with the same id.'
  },
  BLOB_MISSING: {
    retry: true,
    exit: 75,
    http: 409,
    hint: 'Nothing to do: the large body of that message is sent, or sent again, before the message.'
  },
  BODY_LARGE: {
    retry: false,
    exit: 65,
    http: 413,
    hint: 'This body is a file of the spool, not held in memory: read it with stream() or saveTo().'
  },
  BODY_NOT_JSON: { retry: false, exit: 65, http: 400, hint: 'The body is not JSON: read it with bytes() or text().' },
  BODY_UNREADABLE: {
    retry: false,
    exit: 66,
    http: 400,
    hint: 'The file or stream that was to be the body failed; nothing was sent. Mend it and send again.'
  },
  CHANNEL_EMPTY: { retry: true, exit: 75, http: 404, hint: 'Nothing waits there now: ask again, or wait longer.' },
  CHANNEL_FORBIDDEN: {
    retry: false,
    exit: 77,
    http: 403,
    hint: 'The receiving node does not let this peer write to that channel: change `accept` there.'
  },
  CHANNEL_NOT_EMPTY: {
    retry: false,
    exit: 75,
    http: 409,
    hint: 'Poll what waits, or `dropr purge --channel`; `dropr dead rm --channel` for dead letters; `dropr purge --peer` for what is unsent.'
  },
  CLOSED: { retry: false, exit: 70, http: 503, hint: 'The queue was closed: open a new one.' },
  CONFIG_BAD: { retry: false, exit: 78, http: 500, hint: 'Mend the named key; nothing was started.' },
  DAEMON_RUNNING: {
    retry: false,
    exit: 69,
    http: 409,
    hint: 'One set of daemons works on a spool: stop the one named, or use another spool.'
  },
  DISK_ACCESS: {
    retry: false,
    exit: 77,
    http: 500,
    hint: 'Give this user the right to read and write the named path.'
  },
  DISK_ERROR: {
    retry: true,
    exit: 74,
    http: 500,
    hint: 'The disk failed. What was acknowledged before is kept; look at the system log.'
  },
  DISK_FULL: { retry: true, exit: 73, http: 507, hint: 'Free some space; service resumes by itself.' },
  DISK_READ_ONLY: {
    retry: true,
    exit: 73,
    http: 507,
    hint: 'The file system is read-only: remount it; service resumes by itself.'
  },
  DUE_GONE: {
    retry: false,
    exit: 75,
    http: 409,
    hint: 'It was handed over, or cancelled, before: nothing was changed.'
  },
  DUE_PAST: {
    retry: false,
    exit: 65,
    http: 400,
    hint: 'That time has passed: give a later one, or leave out rejectPast to send it now.'
  },
  DUE_UNKNOWN: {
    retry: false,
    exit: 68,
    http: 404,
    hint: 'No message of that id is held for later here: it went out long ago, or never was.'
  },
  ENTRY_CORRUPT: {
    retry: false,
    exit: 65,
    http: 400,
    hint: 'Bytes are damaged: what is readable goes on, the rest is in corrupt/.'
  },
  FILES_EXHAUSTED: {
    retry: true,
    exit: 71,
    http: 503,
    hint: 'Too many open files: raise `ulimit -n`; it is tried again when some are free.'
  },
  FORMAT_NEWER: {
    retry: false,
    exit: 78,
    http: 500,
    hint: 'The spool was written by a newer dropr: upgrade this one. Nothing was changed.'
  },
  LEASE_LOST: {
    retry: false,
    exit: 75,
    http: 409,
    hint: 'The lease ended before the verdict; the message is or was handed out again. Drop the effect or rely on its id.'
  },
  ID_REPEATED: {
    retry: false,
    exit: 65,
    http: 400,
    hint: 'Nothing of the batch was sent: give each of its messages an id of its own, or none.'
  },
  MESSAGE_CANCELLED: { retry: false, exit: 69, http: 410, hint: 'It was cancelled before it went out: send it again.' },
  MESSAGE_DEAD: {
    retry: false,
    exit: 69,
    http: 410,
    hint: 'It lies among the dead letters of the node that gave it up: mend the cause there, then send it again.'
  },
  MESSAGE_EXPIRED: {
    retry: false,
    exit: 69,
    http: 410,
    hint: 'Its time to live ended first: give it more, and send it again.'
  },
  MESSAGE_MALFORMED: { retry: false, exit: 65, http: 400, hint: 'The entry does not follow docs/format.md.' },
  MESSAGE_TOO_LARGE: { retry: false, exit: 65, http: 413, hint: 'Send less, or raise messageBytesMax on both nodes.' },
  MESSAGE_UNKNOWN: {
    retry: false,
    exit: 68,
    http: 404,
    hint: 'It never was here, or was finished, perhaps so long ago that it was removed (retentionMs).'
  },
  NODE_NAME_FIXED: {
    retry: false,
    exit: 78,
    http: 500,
    hint: 'A spool keeps its node name: use the old name, or a new spool.'
  },
  OWNER_UNREACHABLE: {
    retry: true,
    exit: 75,
    http: 503,
    hint: 'The process that owns the inbox does not answer: see `dropr status`.'
  },
  PEER_FORBIDDEN: {
    retry: true,
    exit: 77,
    http: 401,
    hint: 'The peer refuses our credential: compare `token` here with `accept` there.'
  },
  PEER_PROTOCOL: {
    retry: true,
    exit: 76,
    http: 502,
    hint: 'What answered is not a dropr server (a proxy, a portal?): check the URL of the peer.'
  },
  PEER_TIMEOUT: { retry: true, exit: 75, http: 504, hint: 'Nothing to do: it is tried again.' },
  PEER_UNKNOWN: {
    retry: false,
    exit: 68,
    http: 404,
    hint: 'Name the peer in dropr.json, with --peer name=url, or in DROPR_PEERS.'
  },
  PEER_UNREACHABLE: { retry: true, exit: 75, http: 502, hint: 'Nothing to do: it is tried again.' },
  REPLY_UNWANTED: {
    retry: false,
    exit: 65,
    http: 409,
    hint: 'Only a message with the header dropr-reply-to can be replied to: queue.request() sends such.'
  },
  REQUEST_BAD: {
    retry: false,
    exit: 76,
    http: 400,
    hint: 'The request does not follow docs/protocol.md, or docs/http.md: is the other end of a version that this one speaks?'
  },
  SCHEDULE_UNREAD: {
    retry: true,
    exit: 75,
    http: 503,
    hint: 'Ask again: a part of what was sent for later cannot be read yet. It can, or is set aside, once its sender sends more or ends.'
  },
  SCHEDULER_UNREACHABLE: {
    retry: true,
    exit: 75,
    http: 503,
    hint: 'The process that holds the schedule does not answer: see `dropr status`.'
  },
  SERVER_BUSY: { retry: true, exit: 75, http: 503, hint: 'Nothing to do: it is tried again.' },
  SPOOL_DAMAGED: {
    retry: false,
    exit: 65,
    http: 500,
    hint: 'The named file of the spool cannot be read: see corrupt/ and docs/format.md.'
  },
  SPOOL_TAKEN: {
    retry: false,
    exit: 78,
    http: 500,
    hint: 'Name a folder that is not there yet, or an empty one. One that holds a dropr.json is taken as it is.'
  },
  SPOOL_UNSAFE: {
    retry: false,
    exit: 77,
    http: 500,
    hint: 'The spool must belong to this user, in a folder that others cannot write to, with no links on the way.'
  },
  STREAM_CONFLICT: {
    retry: true,
    exit: 75,
    http: 409,
    hint: 'The peer knows another position of this stream: the client goes on from there by itself.'
  },
  UNEXPECTED: { retry: false, exit: 70, http: 500, hint: 'A bug in dropr: please report it with the log.' },
  WAIT_TIMEOUT: {
    retry: true,
    exit: 75,
    http: 504,
    hint: 'What was waited for has not come yet, and still may: ask again by the same id.'
  }
} as const satisfies Record<string, ErrorRow>
