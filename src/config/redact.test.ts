import { expect, test } from 'bun:test'
import { redactConfig, redactSecret } from './redact.ts'
import { DEFAULT_CONFIG } from './schema.ts'

test.each([
  ['sk-0123456789abcdef', '***cdef'],
  ['fifteen-letters', '***'],
  ['', '***'],
])('%p is shown as %p', (secret, shown) => expect(redactSecret(secret)).toBe(shown))

test('a config is shown without its secrets and otherwise unchanged', () => {
  const shown = redactConfig({
    ...DEFAULT_CONFIG,
    providers: {
      a: {
        keys: ['sk-planted-secret-0001'],
        headers: { Authorization: 'Bearer planted-secret', 'x-team': 'research' },
        proxy: 'http://user:planted-secret@proxy:3128',
        baseUrl: 'https://{region}.example.com/v1',
        settings: { region: 'eu', access_token: 'planted-secret' },
      },
      b: {},
    },
  })
  expect(JSON.stringify(shown)).not.toContain('planted')
  expect(shown).toEqual({
    ...DEFAULT_CONFIG,
    providers: {
      a: {
        keys: ['***0001'],
        headers: { Authorization: '***cret', 'x-team': 'research' },
        proxy: 'http://user:***@proxy:3128',
        baseUrl: 'https://{region}.example.com/v1',
        settings: { region: 'eu', access_token: '***' },
      },
      b: {},
    },
  })
})
