import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { describe, formatProblem, parsePath, pathText, sortProblems } from './problem.ts'

test.each([
  [['providers', 'openai', 'keys', 0], 'providers.openai.keys[0]'],
  [['routes', 'my/route', 'targets', 12], 'routes["my/route"].targets[12]'],
  [['a"b\\c'], '["a\\"b\\\\c"]'],
  [[], ''],
])('the path %p is written %p', (path, text) => expect(pathText(path)).toBe(text))

test('every path reads back as it was written', () => {
  const part = fc.oneof(fc.string({ minLength: 1 }), fc.nat())
  fc.assert(fc.property(fc.array(part), (path) => expect(parsePath(pathText(path))).toEqual(path)))
})

test.each<[unknown, string, string]>([
  ['text', '"text"', 'text'],
  ['', '""', 'empty text'],
  ['x'.repeat(100), `"${'x'.repeat(60)}…"`, 'text'],
  [5, '5', 'a number'],
  [true, 'true', 'a boolean'],
  [null, 'nothing', 'nothing'],
  [undefined, 'nothing', 'nothing'],
  [['secret'], 'a list', 'a list'],
  [{ a: 'secret' }, 'a mapping', 'a mapping'],
])('%p is described as %s, and of a secret as %s', (value, open, secret) => {
  expect(describe(value, false)).toBe(open)
  expect(describe(value, true)).toBe(secret)
})

test('a problem is one line with what is known of its place', () => {
  const problem = { file: 'weir.yaml', line: 3, column: 5, path: 'log.level', message: 'is wrong', hint: 'Mend it.' }
  expect(formatProblem(problem)).toBe('weir.yaml:3:5: log.level: is wrong (Mend it.)')
  expect(formatProblem({ ...problem, column: null, hint: null })).toBe('weir.yaml:3: log.level: is wrong')
  expect(formatProblem({ ...problem, file: 'environment', line: null, path: '' })).toBe(
    'environment: is wrong (Mend it.)',
  )
})

test('problems are sorted from top to bottom', () => {
  const at = (line: number | null, column: number | null, path: string) => ({
    file: 'f',
    line,
    column,
    path,
    message: '',
    hint: null,
  })
  const sorted = sortProblems([at(2, 1, 'd'), at(1, 9, 'c'), at(1, 2, 'b'), at(1, 2, 'a'), at(null, null, 'e')])
  expect(sorted.map((problem) => problem.path)).toEqual(['e', 'a', 'b', 'c', 'd'])
})
