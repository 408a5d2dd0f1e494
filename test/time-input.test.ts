import { expect, test } from 'vitest'
import { checkZone, timeMs } from '../src/time-input.ts'

const NOW = Date.UTC(2026, 7, 5, 20, 30, 0) // a Wednesday, 22:30 in Berlin
const BERLIN = { now: NOW, zone: 'Europe/Berlin' }
const UTC = { now: NOW, zone: 'UTC' }

const ACCEPTED: [unknown, string, { now: number; zone: string }][] = [
  [new Date(NOW), '2026-08-05T20:30:00.000Z', UTC],
  [NOW + 1, '2026-08-05T20:30:00.001Z', UTC],
  [0, '1970-01-01T00:00:00.000Z', UTC],
  [4_102_444_800_000, '2100-01-01T00:00:00.000Z', UTC],
  ['1785961800000', '2026-08-05T20:30:00.000Z', UTC],
  ['@1785961800', '2026-08-05T20:30:00.000Z', UTC],
  ['2026-12-24T18:00:00Z', '2026-12-24T18:00:00.000Z', BERLIN],
  ['2026-12-24t18:00:00z', '2026-12-24T18:00:00.000Z', BERLIN],
  ['2026-12-24T18:00+01:00', '2026-12-24T17:00:00.000Z', UTC],
  ['2026-12-24T18:00:00.5-0530', '2026-12-24T23:30:00.500Z', UTC],
  ['2040-01-01T00:00:00Z', '2040-01-01T00:00:00.000Z', UTC],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z', UTC],
  ['2014-08-01 13:30:00', '2014-08-01T13:30:00.000Z', UTC],
  ['2014-08-01 13:30:00', '2014-08-01T11:30:00.000Z', BERLIN],
  ['2014-08-01T13:30', '2014-08-01T11:30:00.000Z', BERLIN],
  ['2014-08-01', '2014-07-31T22:00:00.000Z', BERLIN],
  [' 2014-08-01 13:30 ', '2014-08-01T11:30:00.000Z', BERLIN],
  ['2026-01-15 09:00', '2026-01-15T14:00:00.000Z', { now: NOW, zone: 'America/New_York' }],
  ['2026-03-29 02:30', '2026-03-29T01:30:00.000Z', BERLIN],
  ['2026-10-25 02:30', '2026-10-25T00:30:00.000Z', BERLIN],
  ['2028-02-29', '2028-02-29T00:00:00.000Z', UTC],
  ['now', '2026-08-05T20:30:00.000Z', BERLIN],
  ['10m', '2026-08-05T20:40:00.000Z', BERLIN],
  ['in 10m', '2026-08-05T20:40:00.000Z', BERLIN],
  ['+2h', '2026-08-05T22:30:00.000Z', BERLIN],
  ['60d', '2026-10-04T20:30:00.000Z', BERLIN],
  ['today 23:45', '2026-08-05T21:45:00.000Z', BERLIN],
  ['tomorrow 09:00', '2026-08-06T07:00:00.000Z', BERLIN],
  ['Tomorrow at 9:00', '2026-08-06T07:00:00.000Z', BERLIN],
  ['tomorrow', '2026-08-05T22:00:00.000Z', BERLIN],
  ['friday 12:30', '2026-08-07T10:30:00.000Z', BERLIN],
  ['wednesday 08:00', '2026-08-12T06:00:00.000Z', BERLIN]
]

const REFUSED: unknown[] = [
  '',
  ' ',
  'soon',
  'yesterday',
  'tomorrow 25:00',
  'tomorrow 9',
  '2026-02-30',
  '2026-13-01',
  '2026-00-10',
  '2026-01-01T24:01Z',
  '2026-01-01T23:60:00Z',
  '2026-06-30T23:59:60Z',
  '2026-01-01T10:00:00+25:00',
  '2026-1-1',
  '01/08/2014',
  '1.8.2014',
  '2014-08-01 13:30:00; rm -rf /',
  '2014-08-01 13:30:00 2014',
  '1969-12-31T23:59:59Z',
  '10000-01-01T00:00:00Z',
  '-10m',
  '10x',
  '1.5h',
  '12345',
  'NaN',
  '__proto__',
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  1.5,
  253_402_300_800_000,
  new Date(Number.NaN),
  null,
  undefined,
  true,
  {},
  [],
  10n
]

test('H17 H18: times are read as they are meant', () => {
  for (const [value, expected, context] of ACCEPTED)
    expect(new Date(timeMs(value, 'deliverAt', context)).toISOString(), String(value)).toBe(expected)
})

test('H17: anything that is not surely a time is refused with the name of the option', () => {
  for (const value of REFUSED)
    expect(() => timeMs(value, 'deliverAt', BERLIN), String(value)).toThrow(/^deliverAt must be/)
})

test('a local time is read in the zone on both sides of its changes, half hours and date lines included', () => {
  for (const zone of [
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kolkata',
    'Pacific/Apia',
    'UTC'
  ]) {
    const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
    for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 13_333_000) {
      const said = clock.format(at)
      const read = timeMs(said, 'time', { now: NOW, zone })
      expect(clock.format(read), `${zone} ${said}`).toBe(said)
      expect(read).toBeLessThanOrEqual(at)
    }
  }
})

test('a zone that no one knows is refused', () => {
  expect(checkZone('Europe/Berlin', 'zone')).toBe('Europe/Berlin')
  for (const zone of ['', 'Mars/Olympus', 7, undefined]) expect(() => checkZone(zone, 'zone')).toThrow(/^zone must be/)
})
