import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { createRedactor, fieldCarriesSecret, redactHeaders } from './redact.ts'

const noneKnown: readonly string[] = []
const redact = createRedactor(() => noneKnown)

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'.split('')
const tail = (length: number) =>
  fc.string({ unit: fc.constantFrom(...LETTERS), minLength: length, maxLength: length + 20 })

/** Keys of every known make. The part after the prefix is what must not be seen again. */
const KEYS: readonly (readonly [prefix: string, length: number])[] = [
  ['sk-weir-', 8],
  ['sk-', 32],
  ['sk-proj-', 32],
  ['sk-ant-api03-', 32],
  ['sk-or-v1-', 32],
  ['csk-', 32],
  ['AIza', 35],
  ['gsk_', 32],
  ['xai-', 32],
  ['hf_', 32],
  ['nvapi-', 40],
  ['pplx-', 32],
  ['r8_', 32],
  ['fw_', 24],
  ['ghp_', 36],
  ['github_pat_', 36],
  ['ya29.', 40],
  ['xoxb-', 24],
  ['eyJhbGciOiJIUzI1NiJ9.', 24],
  ['Bearer ', 24],
  ['Basic ', 24],
  ['Authorization: Bearer ', 24],
  ['https://api.example.com/v1?key=', 20],
  ['https://api.example.com/v1?a=1&access_token=', 20],
  ['https://x.example.com/?X-Amz-Signature=', 20],
  ['OPENAI_API_KEY=', 20],
  ['{"api_key": "', 20],
  ['{"secretAccessKey":"', 20],
  [String.raw`{\"client_secret\":\"`, 20],
  ["{'password': '", 20],
  ['postgres://weir:', 12],
]

test.each(KEYS)('a key after %p is not seen again', (prefix, length) => {
  const closing = prefix.startsWith('postgres') ? '@localhost/weir' : '"} and more'
  fc.assert(
    fc.property(
      tail(length),
      fc.constantFrom(
        '',
        ' ',
        'text before ',
        '"',
        '\n',
        String.raw`a\n`,
        String.raw`\u0020`,
        '%20',
        '[',
        '(',
        ',',
        '=',
      ),
      (secret, before) => {
        expect(redact(`${before}${prefix}${secret}${closing}`)).not.toContain(secret)
      },
    ),
  )
})

test('an AWS access key id is masked', () => expect(redact('id AKIAIOSFODNN7EXAMPLE!')).toBe('id ***!'))

test('a key that follows a word with the same beginning is masked', () => {
  expect(redact('task-sk-abcdefghijklmnop1234')).toBe('task-***')
  expect(redact('ask-risk-sk-proj-abcdefghijklmnop1234')).toBe('ask-risk-***')
})

test.each([
  ['task-force-management-policy-2024', 'task-force-management-policy-2024'],
  ['Send `Authorization: Bearer <key>`', 'Send `Authorization: Bearer <key>`'],
  ['Bearer authentication is required', 'Bearer authentication is required'],
  ['a password of 1234', 'a password of 1234'],
  ['https://api.openai.com/v1/models?limit=20', 'https://api.openai.com/v1/models?limit=20'],
  ['Authorization: Bearer abcdef0123456789', 'Authorization: Bearer ***'],
  ['GET https://weir:p@ss@host:5432/db?x=1', 'GET https://***@host:5432/db?x=1'],
  ['?api-key=abc123&model=gpt-5', '?api-key=***&model=gpt-5'],
  [String.raw`{"password":"a\"b","n":1}`, '{"password":"***","n":1}'],
  ['{"usage":{"total_tokens":12}}', '{"usage":{"total_tokens":12}}'],
])('%p becomes %p', (text, expected) => expect(redact(text)).toBe(expected))

test('masking twice is masking once', () => {
  fc.assert(
    fc.property(fc.constantFrom(...KEYS), tail(40), fc.string(), ([prefix], secret, rest) => {
      const once = redact(`${rest}${prefix}${secret} ${rest}`)
      expect(redact(once)).toBe(once)
    }),
  )
})

test('a known secret never survives: as it stands, in JSON, in a URL, anywhere', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 8, maxLength: 60 }).filter((text) => text.trim().length >= 8 && !text.includes('*')),
      fc.string(),
      fc.string(),
      fc.constantFrom(
        (text: string) => text,
        (text: string) => JSON.stringify({ text }),
        (text: string) => `https://example.com/?q=${encodeURIComponent(text)}`,
      ),
      (given, before, after, spell) => {
        const secret = given.trim()
        const secrets = [given]
        // `|` keeps the neighbours apart: `before` and `after` may hold pieces of the secret themselves.
        const text = spell(`${before}|${secret}|${after}`)
        const result = createRedactor(() => secrets)(text)
        expect(result).not.toContain(secret)
        expect(result).not.toContain(encodeURIComponent(secret))
      },
    ),
  )
})

test('one secret may contain another', () => {
  const secrets = ['abcdefgh', 'abcdefgh-ijklmnop']
  expect(createRedactor(() => secrets)('<abcdefgh-ijklmnop> <abcdefgh>')).toBe('<***> <***>')
})

test('new secrets count from the next call on', () => {
  let secrets = ['first-secret']
  const redactKnown = createRedactor(() => secrets)
  expect(redactKnown('first-secret second-secret')).toBe('*** second-secret')
  secrets = ['first-secret', 'second-secret']
  expect(redactKnown('first-secret second-secret')).toBe('*** ***')
  secrets.splice(0, 1)
  expect(redactKnown('first-secret second-secret')).toBe('first-secret ***')
  secrets[0] = 'third-secret'
  expect(redactKnown('second-secret third-secret')).toBe('second-secret ***')
})

test('values of fewer than eight characters are no secrets', () => {
  const secrets = ['x', 'test', '       ']
  expect(createRedactor(() => secrets)('a test of x       .')).toBe('a test of x       .')
})

test('text without secrets is unchanged', () => {
  const words = fc.constantFrom(
    'model',
    'gpt-5-mini',
    'the',
    'key',
    'task-list',
    'token',
    '42',
    'héllo',
    '日本',
    '"a":1',
    'a=b',
  )
  fc.assert(
    fc.property(fc.array(words), fc.constantFrom(' ', '\n', ', '), (parts, separator) => {
      const text = parts.join(separator)
      expect(redact(text)).toBe(text)
    }),
  )
})

test('time grows with the text and not with its square', () => {
  const cases = [
    'ask-',
    'sk-',
    'eyJ',
    '://',
    'Bearer ',
    '+',
    '?key',
    '"secret"',
    'A_KEY',
    '_-',
    String.raw`\"`,
    'a@',
    '%20',
  ]
  // Another program may take the core away in the middle of a try, so the fastest one counts.
  const fastestMs = (text: string, tries: number): number => {
    const times = Array.from({ length: tries }, () => {
      const started = performance.now()
      redact(`Bearer :// sk- "secret":"${text}`)
      return performance.now() - started
    })
    return Math.min(...times)
  }
  for (const piece of cases) {
    // Ten times the text may take a hundred times as long only if the work is quadratic; the floor absorbs a busy machine.
    const limitMs = 40 * Math.max(fastestMs(piece.repeat(20_000), 1), 10)
    const large = piece.repeat(200_000)
    expect([piece, fastestMs(large, 1) < limitMs || fastestMs(large, 3) < limitMs]).toEqual([piece, true])
  }
})

test('headers that carry secrets are masked by name, others by content', () => {
  const headers = new Headers({
    authorization: 'short',
    'x-api-key': 'abc',
    cookie: 'a=b',
    'x-goog-api-key': 'k',
    'x-amz-security-token': 't',
    'content-type': 'application/json',
    'x-ratelimit-remaining-tokens': '12',
    'idempotency-key': 'order-7',
    referer: 'https://user:pw@example.com/',
  })
  expect(redactHeaders(headers, redact)).toEqual({
    authorization: '***',
    'x-api-key': '***',
    cookie: '***',
    'x-goog-api-key': '***',
    'x-amz-security-token': '***',
    'content-type': 'application/json',
    'x-ratelimit-remaining-tokens': '12',
    'idempotency-key': 'order-7',
    referer: 'https://***@example.com/',
  })
})

test.each([
  ['apiKey', true],
  ['api_key', true],
  ['token', true],
  ['client-secret', true],
  ['key_id', false],
  ['keyId', false],
  ['input_tokens', false],
  ['', false],
])('a field named %p carries a secret: %p', (name, expected) => expect(fieldCarriesSecret(name)).toBe(expected))
