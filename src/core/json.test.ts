import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { editMembers, scanJson } from './json.ts'

const BOUNDS = { depth: 64, keys: 10_000 }

test('every top-level member is found where JSON.parse sees it', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string().filter((name) => name !== '__proto__'),
        fc.jsonValue({ maxDepth: 4 }),
      ),
      fc.constantFrom(undefined, 1, 2),
      (object, indent) => {
        const text = JSON.stringify(object, null, indent)
        const { members, problem } = scanJson(text, BOUNDS)
        expect(problem).toBeNull()
        expect([...members.keys()].sort()).toEqual(Object.keys(object).sort())
        for (const [name, { valueStart, valueEnd }] of members)
          expect(JSON.parse(text.slice(valueStart, valueEnd))).toEqual(JSON.parse(JSON.stringify(object[name])))
      },
    ),
    { numRuns: 1_000 },
  )
})

test('an edit changes what it names and leaves the other members byte for byte', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('model', 'stream', 'a', 'b', 'c', 'weir', 'n'), fc.jsonValue({ maxDepth: 3 })),
      fc.dictionary(
        fc.constantFrom('model', 'weir', 'stream_options', 'a'),
        fc.oneof(
          fc.constant(null),
          fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)),
        ),
      ),
      fc.constantFrom(undefined, 2),
      (object, edits, indent) => {
        const text = JSON.stringify(object, null, indent)
        const { members } = scanJson(text, BOUNDS)
        const edited = editMembers(text, members, edits)
        const expected: Record<string, unknown> = JSON.parse(text)
        for (const [name, value] of Object.entries(edits))
          if (value === null) delete expected[name]
          else expected[name] = JSON.parse(value)
        expect(JSON.parse(edited)).toEqual(expected)
        for (const [name, { start, valueEnd }] of members)
          if (!(name in edits)) expect(edited).toContain(text.slice(start, valueEnd))
      },
    ),
    { numRuns: 2_000 },
  )
})

test('numbers that a double cannot hold survive an edit', () => {
  const text = '{ "seed": 9007199254740993123, "model":"x", "t": 1.10 }'
  const edited = editMembers(text, scanJson(text, BOUNDS).members, { model: '"y"' })
  expect(edited).toBe('{ "seed": 9007199254740993123, "model":"y", "t": 1.10 }')
})

for (const [title, text, problem] of [
  ['a name that stands twice', '{"model":"a","model":"b"}', 'the member "model" stands twice'],
  ['a name that stands twice, once escaped', '{"model":"a","mod\\u0065l":"b"}', 'the member "model" stands twice'],
  ['deep nesting', '['.repeat(65), 'it is nested deeper than 64 levels'],
  ['too many members', `{${'"a":1,'.repeat(10_001)}"b":1}`, 'it has more than 10000 members, objects and lists'],
  ['too many lists', `[${'[],'.repeat(10_000)}[]]`, 'it has more than 10000 members, objects and lists'],
  ['too many objects', `[${'{},'.repeat(10_000)}{}]`, 'it has more than 10000 members, objects and lists'],
] as const)
  test(`${title} is a problem`, () => expect(scanJson(text, BOUNDS).problem).toBe(problem))

test('braces, colons and quotes inside strings are only text', () => {
  const text = String.raw`{"a":"}{][\":\\","model":"m"}`
  expect([...scanJson(text, BOUNDS).members.keys()]).toEqual(['a', 'model'])
})

test('garbage neither throws nor loops', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '\\', ' ', '\n', 'a', '1') }),
      (text) => void scanJson(text, BOUNDS),
    ),
    {
      numRuns: 2_000,
    },
  )
})
