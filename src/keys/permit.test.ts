import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { addressAllowed, endpointAllowed, ENDPOINT_FAMILIES, modelAllowed, parseBlock } from './permit.ts'

describe('models', () => {
  const names = ['chat', 'openai/gpt-5-mini']
  test.each<[string[] | null, string[] | null, boolean, string]>([
    [null, null, true, 'nothing is restricted'],
    [[], null, false, 'an empty list allows nothing'],
    [null, [], false, 'an empty list of the team allows nothing'],
    [['*'], null, true, 'a star allows everything'],
    [['chat'], null, true, 'the route is named'],
    [['openai/gpt-5-mini'], null, true, 'the deployment is named'],
    [['openai/*'], null, true, 'a glob matches the deployment'],
    [['anthropic/*'], null, false, 'no glob matches'],
    [['anthropic/*', 'ch?t'], null, true, 'one of several globs matches'],
    [['openai/*'], ['chat'], true, 'key and team each match one of the names'],
    [['openai/*'], ['anthropic/*'], false, 'the team does not allow it'],
    [['anthropic/*'], ['openai/*'], false, 'the key does not allow what its team does'],
    [['Chat'], null, false, 'case matters'],
  ])('key %j, team %j: %p, because %s', (globs, teamGlobs, allowed) =>
    expect(modelAllowed(globs, teamGlobs, names)).toBe(allowed),
  )

  test.each<[string, string, boolean]>([
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'ba', true],
    ['*a', 'ab', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['a*bc*c', 'abc', false],
    ['a*b*b', 'ab', false],
    ['**', '', true],
    ['?', '', false],
    ['?', 'x', true],
    ['?', 'xy', false],
    ['a?c', 'abc', true],
    ['a?c*', 'abcd', true],
    ['*b?d*', 'abxd', true],
    ['*b?d*', 'abx', false],
    ['gpt-4.1', 'gpt-4x1', false],
    ['(a|b)', 'a', false],
    ['', '', true],
    ['', 'a', false],
  ])('%p against %p: %p', (glob, name, matches) => expect(modelAllowed([glob], null, [name])).toBe(matches))

  test('globs mean the same as their regular expressions', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 })
    const glob = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 7 })
    fc.assert(
      fc.property(glob, letters, (glob, name) => {
        const expression = new RegExp(`^${glob.replaceAll('?', '.').replaceAll('*', '.*')}$`)
        expect(modelAllowed([glob], null, [name])).toBe(expression.test(name))
      }),
      { numRuns: 3000 },
    )
  })

  test('a long name against many stars is decided in one pass', () => {
    const begun = performance.now()
    expect(modelAllowed(['*a*a*a*a*a*a*b'], null, ['a'.repeat(1_000_000)])).toBe(false)
    expect(modelAllowed(['*a?a*a?a*a?b*'], null, ['a'.repeat(100_000)])).toBe(false)
    // Backtracking would take longer than the universe has; the bound only has to be far from that.
    expect(performance.now() - begun).toBeLessThan(2000)
  })
})

describe('endpoints', () => {
  test.each<[string[] | null, string, boolean]>([
    [null, 'chat', true],
    [[], 'chat', false],
    [['chat'], 'chat', true],
    [['chat'], 'embeddings', false],
  ])('%j allows %p: %p', (endpoints, operation, allowed) => expect(endpointAllowed(endpoints, operation)).toBe(allowed))

  test('every operation is a family', () => expect(ENDPOINT_FAMILIES).toContain('chat'))
})

describe('addresses', () => {
  test.each<[string[] | null, string | null, boolean]>([
    [null, '203.0.113.9', true],
    [null, null, true],
    [[], '203.0.113.9', false],
    [['10.0.0.0/8'], '10.9.8.7', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.0.0.0/8'], '::ffff:10.9.8.7', true],
    [['::ffff:10.0.0.0/104'], '10.9.8.7', true],
    [['::ffff:10.0.0.0/104'], '11.0.0.1', false],
    [['192.0.2.7'], '192.0.2.7', true],
    [['192.0.2.7'], '192.0.2.8', false],
    [['2001:db8::/32'], '2001:db8:1::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['2001:db8::1'], '2001:0db8:0:0::1', true],
    [['0.0.0.0/0'], '203.0.113.9', true],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['::/0'], '2001:db8::1', true],
    [['10.0.0.0/8', '2001:db8::/32'], '2001:db8::1', true],
    [['10.0.0.0/8'], null, false],
    [['10.0.0.0/8'], 'not an address', false],
    [['10.0.0.0/8'], '10.1', false],
    [['not a block'], '10.0.0.1', false],
  ])('%j allows %p: %p', (blocks, address, allowed) => expect(addressAllowed(blocks, address)).toBe(allowed))

  test.each([
    '10.0.0.0/33',
    '10.0.0/8',
    '010.0.0.0/8',
    '10.1',
    '::/129',
    'localhost',
    '',
    '10.0.0.0/',
    '/8',
    '1.2.3.4.5',
  ])('%p is no block', (text) => expect(parseBlock(text)).toBeNull())
})
