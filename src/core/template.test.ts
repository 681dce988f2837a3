import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { JsonValue } from './json.ts'
import { isPointer, readPointer } from './json-pointer.ts'
import { fillTemplate, fillText, placeholdersOf, templateProblem } from './template.ts'

const VALUES = { model: 'm', n: 3, list: ['a', 'b'], missing: undefined, nothing: null }

for (const [template, filled] of [
  ['{{n}}', 3],
  ['{{ list }}', ['a', 'b']],
  ['n is {{n}} of {{model}}{{missing}}', 'n is 3 of m'],
  ['{{list}}!', '["a","b"]!'],
  [
    { a: '{{missing}}', b: '{{nothing}}', c: 1 },
    { b: null, c: 1 },
  ],
  [
    ['{{n}}', '{{missing}}', true],
    [3, true],
  ],
  ['plain {text} ${n}', 'plain {text} ${n}'],
] as const)
  test(`${JSON.stringify(template)} becomes ${JSON.stringify(filled)}`, () =>
    expect(fillTemplate(template as JsonValue, VALUES)).toEqual(filled as JsonValue))

test('a value is data and never a template', () =>
  expect(fillTemplate({ a: '{{x}}', b: 'x: {{x}}' }, { x: '{{secret}}', secret: 's' })).toEqual({
    a: '{{secret}}',
    b: 'x: {{secret}}',
  }))

test('values fit where they stand', () =>
  expect(fillText('/a/{{m}}', { m: 'b/c?d' }, encodeURIComponent)).toBe('/a/b%2Fc%3Fd'))

test('any value comes through a template of one placeholder as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(fillTemplate({ a: ['{{x}}'] }, { x: value })).toEqual({ a: [value as JsonValue] })
    }),
  )
})

test('a template without placeholders is what it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      fc.pre(!JSON.stringify(value).includes('{{'))
      expect(fillTemplate(value as JsonValue, {})).toEqual(value as JsonValue)
    }),
  )
})

test('what is wrong with a template is told with its place', () => {
  expect(templateProblem({ a: [{ b: '{{model}} {{modle}}' }] }, ['model'])).toEqual({
    path: '/a/0/b',
    unknown: 'modle',
  })
  expect(templateProblem({ a: 'x }} y' }, [])).toEqual({ path: '/a', unknown: null })
  expect(templateProblem({ a: '{{model}}', b: 1, c: null }, ['model'])).toBeNull()
  expect([...placeholdersOf({ a: '{{x}} {{y}}', b: ['{{x}}'] })]).toEqual(['x', 'y'])
})

const DOCUMENT: JsonValue = { a: { 'b/c': [1, { d: 'e' }] }, '': 0, 'm~n': 8, __proto__x: 1 }
for (const [pointer, found] of [
  ['', DOCUMENT],
  ['/a/b~1c/0', 1],
  ['/a/b~1c/1/d', 'e'],
  ['/', 0],
  ['/m~0n', 8],
  ['/a/b~1c/01', undefined],
  ['/a/b~1c/-', undefined],
  ['/a/nothing/deeper', undefined],
  ['/constructor', undefined],
  ['/a/b~1c/length', undefined],
] as const)
  test(`the pointer ${JSON.stringify(pointer)}`, () =>
    expect(readPointer(DOCUMENT, pointer)).toEqual(found as JsonValue))

test('a pointer is empty or begins with a slash', () => {
  expect(['', '/', '/a~0b', '/a~1b'].map(isPointer)).toEqual([true, true, true, true])
  expect(['a', '/a~2', '/~'].map(isPointer)).toEqual([false, false, false])
})
