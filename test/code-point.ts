import fc from 'fast-check'

const SURROGATES = { from: 0xd800, to: 0xdfff }

/** Any character there is, for `fc.string({ unit })`; its own 'binary' first makes a table of all 1,114,112. */
export const codePoint: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: 0x10ffff })
  .filter(code => code < SURROGATES.from || code > SURROGATES.to)
  .map(code => String.fromCodePoint(code))
