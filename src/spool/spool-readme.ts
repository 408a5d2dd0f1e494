/** What a person finds who looks into a spool with `ls`. */
export const SPOOL_README = `# This is a dropr spool

Messages on their way between nodes, kept by dropr. Nothing here needs care; the programs that use it may be running.

    FORMAT       version of all this; a program that does not know it changes nothing
    node.json    name and id of this node; both stay for the life of the spool
    dropr.json   settings, yours, if there is one

    outbox/<peer>/<channel>/<priority>/<writer>-<n>.seg   sent here, for that peer (local messages: the peer is this node)
    schedule/in/<writer>-<n>.seg                          to be sent later, as it came; then by due time:
    schedule/<day|hour|minute>/<bucket>/<writer>-<n>.seg  (a bucket is named by its begin, UTC; marks/: what became of them)
    acked/<writer>-<n>.seg                                how far each peer has said "on my disk"
    inbox/<channel>/<writer>-<n>.seg                      received here, and what became of it
    dead/<channel>/<writer>-<n>.seg                       given up, each with the reason
    corrupt/                                              bytes that could not be read, with a note beside each
    cancelled/<peer>.json                                 messages that \`dropr purge --peer\` took out of what is sent
    paused/<peer>.json                                    a peer that nothing is sent to until \`dropr peer resume\`
    wiped/<peer>.json                                     messages that \`dropr clean --older-than\` took out of sight
    removed/<channel>.json                                what is remembered of a channel that was removed, or vanished
    run/                                                  sockets and locks; may be emptied when nothing runs

<channel> is the name, percent-encoded. A .seg file holds many messages, is only ever appended to, and is removed whole when
all of it is done and old enough (retentionMs, retentionBytes). docs/format.md of the package draws every byte, and has a
few lines of script that print them.

To look:       dropr ls, dropr schedule ls, dropr status
To move it:    stop what runs, then mv; to copy it while it runs is to make a second node of the same name
To lose it:    stop what runs, then rm -r; what is not yet acknowledged is lost
To fix it:     do not edit these files; damaged places are set aside in corrupt/ and the rest goes on
`
