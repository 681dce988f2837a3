import { expect, test } from 'bun:test'
import { writtenOnce } from './json-once.ts'

test.each([
  ['short', 'say "hi" — ü 🌊\n'],
  ['long', 'say "hi" — ü 🌊\n'.repeat(1_000)],
])('a %s text is written as it is', (_what, text) => {
  const value = { a: writtenOnce(text), b: [writtenOnce(text)] }
  expect(JSON.stringify(value)).toBe(JSON.stringify({ a: text, b: [text] }))
})
