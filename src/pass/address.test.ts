import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { GatewayError } from '../core/error.ts'
import { passUrl, pathPattern, readPassAddress } from './address.ts'

const BASE = 'https://api.example.com/v1'

function outcomeOf(path: string): unknown {
  try {
    return passUrl(BASE, readPassAddress(`http://gateway${path}`))
  } catch (error) {
    return (error as GatewayError).code
  }
}

test.each([
  ['/pass/up/files', `${BASE}/files`],
  ['/pass/up/v1/files', `${BASE}/files`],
  ['/pass/up/v1', BASE],
  ['/pass/up/v12/files', `${BASE}/v12/files`],
  ['/pass/up/models/meta%2Fllama?limit=1&after=a%20b', `${BASE}/models/meta%2Fllama?limit=1&after=a%20b`],
  ['/pass/up/files?key=sk-weir-x&limit=2', `${BASE}/files?limit=2`],
  ['/pass/up/files?monkey=1&key', `${BASE}/files?monkey=1`],
  ['/pass/up/a/', `${BASE}/a/`],
  ['/pass/up/a:b/c@d', `${BASE}/a:b/c@d`],
])('%s goes to %s', (path, url) => expect(outcomeOf(path)).toBe(url))

test.each([
  '/pass/up/../admin',
  '/pass/up/a/..',
  '/pass/up/%2e%2e/admin',
  '/pass/up/%2E./admin',
  '/pass/up/a/..%2fadmin',
  '/pass/up/a%2f%2e%2e%2fadmin',
  '/pass/up/%252e%252e/admin',
  '/pass/up/%25252e%25252e/admin',
  '/pass/up/..;/admin',
  '/pass/up/a/./b',
  '/pass/up//evil.example/x',
  '/pass/up/a\\..\\b',
  '/pass/up/a%5c..%5cb',
  '/pass/up/a%00b',
  '/pass/up/a%0d%0ahost:evil',
  '/pass/up/a%23b',
  '/pass/up/%zz',
  `/pass/up/${'a'.repeat(5_000)}`,
])('%s is refused', (path) => expect(outcomeOf(path)).toBe('request_malformed'))

test.each(['/pass/', '/pass/up', '/pass//files'])('%s names nothing', (path) =>
  expect(outcomeOf(path)).toBe('not_found'),
)

describe('property', () => {
  const text = fc.string({
    unit: fc.constantFrom('/', '.', '%', '2', 'e', 'f', '5', 'c', 'a', '@', ':', '?', '#', '\\', ';', '\n'),
    maxLength: 30,
  })

  test('whatever is asked for stays below the base URL, also for a host that decodes it', () => {
    fc.assert(
      fc.property(text, (rest) => {
        const url = outcomeOf(`/pass/up/${rest}`)
        if (url === 'request_malformed' || url === 'not_found') return
        expect(String(url).startsWith(BASE)).toBe(true)
        let path = String(url).split('?')[0] ?? ''
        for (let round = 0; round < 3; round++) {
          expect(new URL(path).href.startsWith(BASE)).toBe(true)
          expect(new URL(path).host).toBe('api.example.com')
          try {
            path = decodeURIComponent(path)
          } catch {
            return
          }
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

test.each([
  ['/files/file-abc123/content', '/files/{id}/content'],
  ['/chat/completions', '/chat/completions'],
  ['/v1beta/models/gemini-2.5-flash:countTokens', '/v1beta/models/{id}'],
  [`/x/${'a'.repeat(60)}`, '/x/{id}'],
])('%s is grouped as %s', (path, pattern) => expect(pathPattern(path)).toBe(pattern))
