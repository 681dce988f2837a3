import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { textSeam } from './seam.ts'
import type { SeamKind } from './seam.ts'

function joined(before: string, pieces: readonly string[], kind: SeamKind): string {
  const seam = textSeam(before, kind)
  return before + pieces.map((piece) => seam.push(piece)).join('') + seam.flush()
}

const CASES: readonly (readonly [string, SeamKind, string, string, string])[] = [
  ['goes on exactly', 'asked', 'The quick brown', ' fox jumps', 'The quick brown fox jumps'],
  ['goes on inside a word', 'asked', 'The quick bro', 'wn fox jumps', 'The quick brown fox jumps'],
  ['repeats the last words', 'asked', 'The quick brown fox', 'quick brown fox jumps', 'The quick brown fox jumps'],
  ['begins the last word again', 'asked', 'The quick brow', 'brown fox jumps', 'The quick brown fox jumps'],
  ['begins from the start', 'asked', 'The quick brown', 'The quick brown fox jumps', 'The quick brown fox jumps'],
  ['keeps a word that stands twice', 'asked', 'It was had', ' had by all', 'It was had had by all'],
  ['keeps digits', 'asked', 'Pi is 3.141', '15926', 'Pi is 3.14115926'],
  ['keeps a ruler', 'asked', '| a |\n|----------', '----------|', '| a |\n|--------------------|'],
  ['a short word is not begun again', 'asked', 'an a', 'ardvark', 'an aardvark'],
  ['a prefill goes on', 'prefill', 'The quick', ' brown', 'The quick brown'],
  ['a prefill that ended in a space', 'prefill', 'The quick ', ' brown', 'The quick brown'],
  ['a prefill that ended in a space, and none comes', 'prefill', 'The quick ', 'brown', 'The quick brown'],
  ['a prefill whose white space is more', 'prefill', 'The quick\n', '\n\nbrown', 'The quick\n\nbrown'],
  ['nothing comes', 'asked', 'The end.', '', 'The end.'],
]
for (const [name, kind, before, after, expected] of CASES)
  test(`a continuation ${name}`, () => {
    expect(joined(before, [after], kind)).toBe(expected)
    expect(joined(before, after.split(''), kind)).toBe(expected)
  })

const WORDS = Array.from(
  { length: 400 },
  (_, index) => `w${index.toString(36)}${'aeiou'[index % 5]}${'lnrst'[index % 7] ?? 'k'}`,
)
const text = fc.shuffledSubarray(WORDS, { minLength: 30, maxLength: 120 }).map((words) => words.join(' '))

test('property: cut anywhere and continued in any of the ways, nothing of a text is lost or repeated', () => {
  fc.assert(
    fc.property(
      text,
      fc.double({ min: 0.1, max: 0.9, noNaN: true }),
      fc.constantFrom('exactly', 'overlapping', 'from the start', 'prefill'),
      fc.integer({ min: 16, max: 120 }),
      fc.integer({ min: 1, max: 40 }),
      (whole, share, way, overlap, pieceLength) => {
        const cut = Math.floor(whole.length * share)
        const before = whole.slice(0, cut)
        const kind = way === 'prefill' ? 'prefill' : 'asked'
        // A model repeats words, not halves of them.
        const wordStart = before.lastIndexOf(' ', Math.max(0, cut - overlap)) + 1
        const from = way === 'from the start' ? 0 : way === 'overlapping' ? wordStart : cut
        const sent = way === 'prefill' ? before.trimEnd().length : from
        const rest = whole.slice(sent)
        const pieces: string[] = []
        for (let at = 0; at < rest.length; at += pieceLength) pieces.push(rest.slice(at, at + pieceLength))
        expect(joined(before, pieces, kind)).toBe(whole)
      },
    ),
    { numRuns: 500 },
  )
})
