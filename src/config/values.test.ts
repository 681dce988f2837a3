import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { writeDuration, writeSize } from './fields.ts'
import {
  isLoopback,
  parseBaseUrl,
  parseCidr,
  parseDuration,
  parseInteger,
  parseListen,
  parsePrice,
  parseProxy,
  parseSize,
} from './values.ts'

describe('a duration', () => {
  test.each([
    ['1500ms', 1500],
    ['30s', 30_000],
    ['2m', 120_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['0.5s', 500],
    [' 1H ', 3_600_000],
    ['30', null], // of what?
    ['-1s', null],
    ['1.5ms', null],
    ['1 s', null],
    ['s', null],
    ['', null],
    ['9'.repeat(30) + 'd', null],
  ])('%p is %p ms', (text, expected) => expect(parseDuration(text)).toBe(expected))

  test('reads back as it was written', () => {
    fc.assert(fc.property(fc.nat(), (ms) => expect(parseDuration(writeDuration(ms))).toBe(ms)))
  })
})

describe('a size', () => {
  test.each([
    ['32MiB', 33_554_432],
    ['10MB', 10_000_000],
    ['4096', 4096],
    ['1_000', 1000],
    ['1.5 KiB', 1536],
    ['2gb', 2_000_000_000],
    ['1.5', null],
    ['10 apples', null],
    ['-1MB', null],
  ])('%p is %p bytes', (text, expected) => expect(parseSize(text)).toBe(expected))

  test('reads back as it was written', () => {
    fc.assert(fc.property(fc.nat(), (bytes) => expect(parseSize(writeSize(bytes))).toBe(bytes)))
  })
})

test.each([
  [600, 600],
  ['1_000_000', 1_000_000],
  ['-5', -5],
  ['1__0', null],
  ['1.5', null],
  [1.5, null],
  [true, null],
  ['9007199254740993', null],
])('the whole number %p is %p', (value, expected) => expect(parseInteger(value)).toBe(expected))

test.each([
  [0.15, '0.15'],
  ['0.10', '0.1'],
  [1e-7, '0.0000001'],
  ['2.5e1', '25'],
  [0, '0'],
  [-1, null],
  ['1e-13', null], // finer than the ledger counts
  ['$5', null],
  [null, null],
  ['1'.repeat(50), null],
])('the price %p is %p', (value, expected) => expect(parsePrice(value)).toBe(expected))

test('a price is kept exactly', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n }), (units) => {
      const text = `${units / 10n ** 12n}.${(units % 10n ** 12n).toString().padStart(12, '0')}`
      const read = parsePrice(text)!
      const [whole = '', fraction = ''] = read.split('.')
      expect(BigInt(whole + fraction.padEnd(12, '0'))).toBe(units)
    }),
  )
})

test.each([
  ['0.0.0.0:8787', { host: '0.0.0.0', port: 8787 }],
  [':8787', { host: '', port: 8787 }],
  ['8787', { host: '', port: 8787 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['256.1.1.1:80', null],
  ['[nonsense]:80', null],
  ['::1:80', null],
  ['localhost', null],
  ['localhost:65536', null],
  ['', null],
])('the address %p is %p', (text, expected) => expect(parseListen(text)).toEqual(expected))

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['', false],
  ['10.0.0.1', false],
])('%p is loopback: %p', (host, expected) => expect(isLoopback(host)).toBe(expected))

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.1.2.3', '10.1.2.3/32'],
  ['fd00::/8', 'fd00::/8'],
  ['::1', '::1/128'],
  ['10.0.0.0/33', null],
  ['10.1', null],
  ['example.com', null],
])('the block %p is %p', (text, expected) => expect(parseCidr(text)).toBe(expected))

test.each([
  ['https://api.example.com/v1/', 'https://api.example.com/v1'],
  ['https://{region}.example.com/v1', 'https://{region}.example.com/v1'],
  ['simulator:', 'simulator:'],
  ['ftp://example.com', null],
  ['https://example.com/v1?x=1', null],
  ['example.com', null],
])('the base URL %p is %p', (text, expected) => expect(parseBaseUrl(text)).toBe(expected))

test.each([
  ['http://proxy:3128', 'http://proxy:3128'],
  ['none', 'none'],
  ['socks5://proxy', null],
])('the proxy %p is %p', (text, expected) => expect(parseProxy(text)).toBe(expected))
