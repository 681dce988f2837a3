import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { featuresOf } from './features.ts'
import { ngramsOf } from './ngrams.ts'
import { promptOfText } from './prompt.ts'

// What the scans of lines stand for, as patterns over the whole text.
const CHOICE = /(?:^|\n)[ \t]{0,8}(?:\(?[A-J][).:]|\([a-j]\)|[a-j]\))[ \t]/g
const CODE =
  /(?:^|\n)[ \t]{0,16}(?:def \w+\(|class \w+[:({ ]|import [\w.{*]|return[ (]|@\w+\(|>>> |\$ \w+)|\b(?:self\.\w|=>)/

test('choices and code are seen where patterns over the whole text see them', () => {
  const marks = [
    '\n',
    '\n',
    ' ',
    '\t',
    '        ',
    'A. ',
    '(B) ',
    'c) ',
    '(d)\t',
    'E: x',
    'K. ',
    'A.',
    'words',
    '(',
    'é',
  ]
  const code = ['def f(', 'class A:', 'import x', 'return ', '@a(', '>>> ', '$ ls', 'self.x', 'x=> ', '=> ']
  const piece = fc.constantFrom(...marks, ...code)
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
      (text) => {
        const { choices, looksLikeCode } = featuresOf(promptOfText(text))
        expect(choices).toBe(text.match(CHOICE)?.length ?? 0)
        expect(looksLikeCode).toBe(CODE.test(text))
      },
    ),
    { numRuns: 2_000 },
  )
})

for (const [text, expected] of [
  ['', { script: 'none', digitShare: 0, markShare: 0 }],
  ['ab 12 !?', { script: 'latin', digitShare: 2 / 6, markShare: 2 / 6 }],
  ['Привет', { script: 'cyrillic', digitShare: 0 }],
  ['こんにちは', { script: 'cjk' }],
  ['سلام', { script: 'arabic' }],
  ['ชา', { script: 'other' }],
] as const)
  test(`script and shares of ${JSON.stringify(text)}`, () =>
    expect(featuresOf(promptOfText(text))).toMatchObject(expected))

test('buckets are the same whatever was read before, and repeated words weigh by their logarithm', () => {
  const both = { characters: true }
  const sorted = (text: string): readonly (readonly [number, number])[] => {
    const { buckets, weights } = ngramsOf(text, both)
    return Array.from(buckets, (bucket, entry) => [bucket, weights[entry]!] as const).sort(([a], [b]) => a - b)
  }
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.string({ maxLength: 300 }), (text, other) => {
      const first = sorted(text)
      ngramsOf(other.repeat(9), both)
      expect(sorted(text)).toEqual(first)
      expect(new Set(first.map(([bucket]) => bucket)).size).toBe(first.length)
      expect(sorted(text.toLowerCase())).toEqual(first)
    }),
  )
  const { weights } = ngramsOf('river river river', { characters: false })
  expect(Array.from(weights).sort((a, b) => a - b)).toEqual(
    [1 + Math.log(2), 1 + Math.log(3)].map((weight) => Math.fround(weight)),
  )
})

test('a text of nothing but new words leaves out what is beyond the bound', () => {
  const text = Array.from({ length: 40_000 }, (_, word) => String.fromCharCode(0x4e00 + (word % 20_000))).join('')
  expect(ngramsOf(text, { characters: false }).buckets.length).toBeLessThanOrEqual(12_288)
})
