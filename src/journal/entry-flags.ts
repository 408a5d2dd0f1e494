/** The flags of a message, byte 9 of its entry (entry.ts). */
export const FLAG = { bodyKind: 3, idText: 4, remembered: 8, expires: 16, attributes: 32, due: 64, known: 127 } as const
