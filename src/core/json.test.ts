import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { scanJson } from './json.ts'

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
        expect(members.names().sort()).toEqual(Object.keys(object).sort())
        for (const name of members.names())
          expect(JSON.parse(members.valueText(name) ?? '')).toEqual(JSON.parse(JSON.stringify(object[name])))
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
        const edited = members.edited(edits)
        const expected: Record<string, unknown> = JSON.parse(text)
        for (const [name, value] of Object.entries(edits))
          if (value === null) delete expected[name]
          else expected[name] = JSON.parse(value)
        expect(JSON.parse(edited)).toEqual(expected)
        for (const name of members.names())
          if (!(name in edits))
            expect(edited).toContain(
              `${JSON.stringify(name)}:${indent === undefined ? '' : ' '}${members.valueText(name)}`,
            )
      },
    ),
    { numRuns: 2_000 },
  )
})

test('numbers that a double cannot hold survive an edit', () => {
  const text = '{ "seed": 9007199254740993123, "model":"x", "t": 1.10 }'
  const edited = scanJson(text, BOUNDS).members.edited({ model: '"y"' })
  expect(edited).toBe('{ "seed": 9007199254740993123, "model":"y", "t": 1.10 }')
})

const MANY = Array.from({ length: 100 }, (_, index) => `"n${index}":${index}`).join(',')

for (const [title, text, problem] of [
  ['a name that stands twice', '{"model":"a","model":"b"}', 'the member "model" stands twice'],
  ['a name that stands twice, once escaped', '{"model":"a","mod\\u0065l":"b"}', 'the member "model" stands twice'],
  ['one of many names that stands twice', `{${MANY},"n7":1}`, 'the member "n7" stands twice'],
  ['a name of many that stands twice, once escaped', `{${MANY},"\\u006e7":1}`, 'the member "n7" stands twice'],
  ['deep nesting', '['.repeat(65), 'it is nested deeper than 64 levels'],
  ['too many members', `{${'"a":1,'.repeat(10_001)}"b":1}`, 'it has more than 10000 members, objects and lists'],
  ['too many lists', `[${'[],'.repeat(10_000)}[]]`, 'it has more than 10000 members, objects and lists'],
  ['too many objects', `[${'{},'.repeat(10_000)}{}]`, 'it has more than 10000 members, objects and lists'],
] as const)
  test(`${title} is a problem`, () => expect(scanJson(text, BOUNDS).problem).toBe(problem))

test('braces, colons and quotes inside strings are only text', () => {
  const text = String.raw`{"a":"}{][\":\\","model":"m"}`
  expect(scanJson(text, BOUNDS).members.names()).toEqual(['a', 'model'])
})

test('members that are written with escapes are known, changed and removed by what they say', () => {
  const { members } = scanJson(String.raw`{"mod\u0065l": "a", "b\"c": [1], "n": 2}`, BOUNDS)
  expect(members.names()).toEqual(['model', 'b"c', 'n'])
  expect([members.has('model'), members.has('mod'), members.valueText('b"c')]).toEqual([true, false, '[1]'])
  expect(members.edited({ model: '"m"', 'b"c': null })).toBe(String.raw`{"mod\u0065l": "m",  "n": 2}`)
})

test('names are compared by what they say, however many there are and however they are written', () => {
  const names = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '"', '\\', 'é'), maxLength: 3 }), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(names, fc.boolean(), (list, escapes) => {
      const written = (name: string): string =>
        escapes ? JSON.stringify(name).replaceAll('a', String.raw`\u0061`) : JSON.stringify(name)
      const text = `{${list.map((name) => `${written(name)}:0`).join(',')}}`
      const repeated = list.find((name, index) => list.indexOf(name) < index)
      expect(scanJson(text, BOUNDS).problem).toBe(
        repeated === undefined ? null : `the member ${JSON.stringify(repeated)} stands twice`,
      )
    }),
    { numRuns: 1_000 },
  )
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
