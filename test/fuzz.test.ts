// Hundreds of wrong requests, made by rule and by chance. Whatever comes in, a documented answer goes out.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { chunks, completion, eventStream, providerAt, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'
import { expectAtRest, refusalOf } from './documented.ts'

const FIXED_SEED = 20_260_101
const NEW_SEED = Math.floor(Math.random() * 2 ** 31)
// A failure names its seed; this tells which one a passing run has tried.
process.stdout.write(`fuzz: seeds ${FIXED_SEED} and ${NEW_SEED}\n`)

const CHAT = '/v1/chat/completions'
const PATHS = [CHAT, '/v1/completions', '/v1/embeddings'] as const

let upstream: Upstream
let weir: TestGateway

beforeAll(async () => {
  upstream = startUpstream((request, _number, body) => {
    if (new URL(request.url).pathname.endsWith('/embeddings'))
      return Response.json({ object: 'list', data: [{ embedding: [1] }], usage: { prompt_tokens: 1, total_tokens: 1 } })
    return /"stream":\s*true/.test(body) ? eventStream(chunks(['ok']).join('')) : Response.json(completion('ok'))
  })
  weir = await startGateway(providerAt(upstream.url, 'log: { level: error }\n'))
})
afterAll(async () => {
  await weir[Symbol.asyncDispose]()
  upstream[Symbol.dispose]()
})

/** Sends a body as bytes; null when it was answered, else the code of the refusal. */
async function send(
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<string | null> {
  const response = await weir.gateway.fetch(
    new Request(`http://gateway${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${weir.key}`, 'content-type': 'application/json', ...headers },
      body: body as Uint8Array<ArrayBuffer>,
    }),
  )
  if (response.status !== 200) return refusalOf(response)
  await response.text()
  return null
}

const REAL = JSON.stringify({
  model: 'up/m',
  messages: [
    { role: 'system', content: 'Antworte höflich. 请用中文。👋' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a "quoted" \\ line\n' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      ],
    },
  ],
  tools: [
    {
      type: 'function',
      function: { name: 'f', parameters: { type: 'object', properties: { a: { type: 'number' } } } },
    },
  ],
  stream: true,
  stream_options: { include_usage: true },
  temperature: 1e-3,
  n: 1,
  user: 'somebody',
  weir: { tags: ['night', 'batch:7'], timeout_ms: 5000 },
})
const REAL_BYTES = new TextEncoder().encode(REAL)

test('a real request, cut at every byte, is malformed every time', async () => {
  expect(await send(CHAT, REAL_BYTES)).toBeNull()
  const sentBefore = upstream.received.length
  for (let length = 0; length < REAL_BYTES.length; length++)
    expect([length, await send(CHAT, REAL_BYTES.subarray(0, length))]).toEqual([length, 'request_malformed'])
  expect(upstream.received.length).toBe(sentBefore)
  expect(REAL_BYTES.length).toBeGreaterThan(500)
  await expectAtRest(weir)
})

// JSON texts and not values: some of them no value can say.
const ODD_VALUES = [
  'null', 'true', 'false', '0', '-0', '-1', '1.5', '1e308', '1e999', '-1e999', '9007199254740991', '9007199254740993', '123456789012345678901234567890',
  '""', '" "', '"x"', '"up/m"', String.raw`"\ud800"`, String.raw`"\udc00\ud800"`, String.raw`"\u0000"`, String.raw`"\r\nset-cookie: a=b"`, '"../../../etc/passwd"', '"漢字"', `"${'y'.repeat(100_000)}"`,
  '[]', '[null]', '[[]]', '[{}]', '[1,"a",null]', '{}', '{"a":1}', '{"__proto__":{"a":1}}', '{"constructor":1}', '{"length":1e9}', '["a\\nb"]',
] // prettier-ignore
const FIELDS = [
  'model', 'messages', 'prompt', 'input', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens', 'n', 'user', 'safety_identifier',
  'weir', 'models', 'provider', 'route', 'seed', 'tools', '__proto__', 'constructor', 'toString', '',
] // prettier-ignore
const INNER_FIELDS = [
  ['stream_options', 'include_usage'],
  ['weir', 'tags'],
  ['weir', 'timeout_ms'],
  ['weir', 'unknown'],
  ['weir', '__proto__'],
] as const
const GOOD: Readonly<Record<string, string>> = {
  model: '"up/m"',
  messages: '[{"role":"user","content":"hi"}]',
  prompt: '"hi"',
  input: '"hi"',
}

function bodyWith(field: string, value: string): string {
  const fields = { ...GOOD, [field]: value }
  // An own member of that name, and not the prototype.
  const rest = field === '__proto__' ? ['"__proto__":' + value] : []
  return `{${[...Object.entries(fields).map(([name, text]) => `${JSON.stringify(name)}:${text}`), ...rest].join(',')}}`
}

for (const path of PATHS)
  test(`every field that ${path} reads, with every wrong value, is answered or refused by the book`, async () => {
    let refused = 0
    for (const value of ODD_VALUES) {
      for (const field of FIELDS) if ((await send(path, bodyWith(field, value))) !== null) refused++
      for (const [outer, inner] of INNER_FIELDS)
        if ((await send(path, bodyWith(outer, `{${JSON.stringify(inner)}:${value}}`))) !== null) refused++
    }
    // Most of these are wrong; a gateway that lets everything through would not be reading.
    expect(refused).toBeGreaterThan(200)
    await expectAtRest(weir)
  })

const WRONG_TYPES: readonly (readonly [field: string, value: string, param: string])[] = [
  ['model', '7', 'model'],
  ['model', 'null', 'model'],
  ['model', '""', 'model'],
  ['model', String.raw`"a\u0000b"`, 'model'],
  ['model', String.raw`"a\ud800b"`, 'model'],
  ['model', `"${'m'.repeat(513)}"`, 'model'],
  ['messages', '"hi"', 'messages'],
  ['messages', '[]', 'messages'],
  ['stream', '"true"', 'stream'],
  ['stream_options', '[]', 'stream_options'],
  ['max_tokens', '-1', 'max_tokens'],
  ['max_tokens', '1.5', 'max_tokens'],
  ['max_tokens', '1e999', 'max_tokens'],
  ['max_tokens', '"10"', 'max_tokens'],
  ['n', '{}', 'n'],
  ['user', '[1]', 'user'],
  ['user', `"${'u'.repeat(513)}"`, 'user'],
  ['weir', '[]', 'weir'],
  ['weir', '{"tags":"a"}', 'weir.tags'],
  ['weir', '{"timeout_ms":0}', 'weir.timeout_ms'],
  ['weir', '{"surprise":1}', 'weir.surprise'],
]
for (const [field, value, param] of WRONG_TYPES)
  test(`${field}: ${value.slice(0, 30)} is refused with the place that is wrong`, async () => {
    const response = await weir.call(CHAT, bodyWith(field, value))
    const { error } = (await response.clone().json()) as { error: { param: string } }
    expect([await refusalOf(response), error.param]).toEqual(['request_malformed', param])
  })

const FIXED_BODIES: readonly (readonly [title: string, body: string | Uint8Array, code: string | null])[] = [
  ['10 MB in one string', bodyWith('user', `"${'x'.repeat(10_000_000)}"`), 'request_malformed'],
  ['10 MB in a message', bodyWith('messages', `[{"role":"user","content":"${'x'.repeat(10_000_000)}"}]`), null],
  ['10 MB in a member name', `{"${'x'.repeat(10_000_000)}":1,${bodyWith('n', '1').slice(1)}`, null],
  ['10 MB in an unknown option', bodyWith('weir', `{"${'x'.repeat(10_000_000)}":1}`), 'request_malformed'],
  ['more than the bound', new Uint8Array(33 * 1024 * 1024).fill(32), 'request_too_large'],
  ['nesting below the bound', bodyWith('seed', '['.repeat(127) + ']'.repeat(127)), null],
  ['nesting above the bound', bodyWith('seed', '['.repeat(128) + ']'.repeat(128)), 'request_malformed'],
  ['a million open brackets', '['.repeat(1_000_000), 'request_malformed'],
  ['a million open members', '{"a":'.repeat(1_000_000), 'request_malformed'],
  [
    '300 000 members',
    bodyWith('seed', `{${Array.from({ length: 300_000 }, (_, index) => `"k${index}":0`).join(',')}}`),
    'request_malformed',
  ],
  ['300 000 empty lists', bodyWith('seed', `[${'[],'.repeat(300_000)}[]]`), 'request_malformed'],
  ['a million numbers', bodyWith('seed', `[${'0,'.repeat(1_000_000)}0]`), null],
  ['a UTF-8 BOM', `\uFEFF${bodyWith('n', '1')}`, null],
  ['two BOMs', `\uFEFF\uFEFF${bodyWith('n', '1')}`, 'request_malformed'],
  ['UTF-16', Buffer.from(bodyWith('n', '1'), 'utf16le'), 'request_malformed'],
  ['a NUL byte before', `\0${bodyWith('n', '1')}`, 'request_malformed'],
  ['a NUL byte after', `${bodyWith('n', '1')}\0`, 'request_malformed'],
  ['a raw NUL in a string', bodyWith('user', '"a\0b"'), 'request_malformed'],
  ['an overlong UTF-8 slash', withBytes([0xc0, 0xaf]), 'request_malformed'],
  ['a surrogate in UTF-8', withBytes([0xed, 0xa0, 0x80]), 'request_malformed'],
  ['half a character', withBytes([0xe6, 0xbc]), 'request_malformed'],
  ['0xff', withBytes([0xff]), 'request_malformed'],
  ['a lone surrogate in text', bodyWith('messages', String.raw`[{"role":"user","content":"\ud83d"}]`), null],
  ['a lone surrogate as the end user', bodyWith('user', String.raw`"\ud83d"`), null],
  ['a NUL as the end user', bodyWith('user', String.raw`"\u0000"`), null],
  ['a name that stands twice', `{"model":"other/m",${bodyWith('n', '1').slice(1)}`, 'request_malformed'],
  [
    'a name that stands twice, once escaped',
    String.raw`{"mod\u0065l":"other/m",` + bodyWith('n', '1').slice(1),
    'request_malformed',
  ],
  ['messages that stand twice', `{"messages":[],${bodyWith('n', '1').slice(1)}`, 'request_malformed'],
  ['a polluting prototype instead of fields', `{"__proto__":${bodyWith('n', '1')}}`, 'request_malformed'],
  ['the prototype twice', `{"__proto__":1,"__proto__":2,${bodyWith('n', '1').slice(1)}`, 'request_malformed'],
  ['comments', bodyWith('n', '1').replace('{', '{/* */'), 'request_malformed'],
  ['a comma too many', bodyWith('n', '1').replace(/}$/, ',}'), 'request_malformed'],
  ['NaN', bodyWith('n', 'NaN'), 'request_malformed'],
  ['two objects', bodyWith('n', '1') + bodyWith('n', '1'), 'request_malformed'],
  ['a list', `[${bodyWith('n', '1')}]`, 'request_malformed'],
  ['a string', '"hello"', 'request_malformed'],
  ['a number', '1', 'request_malformed'],
  ['null', 'null', 'request_malformed'],
  ['white space', ' \n\t ', 'request_malformed'],
  ['a form', 'model=up%2Fm&messages=hi', 'request_malformed'],
  ['XML', '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', 'request_malformed'],
  ['a name of Object.prototype as the model', bodyWith('model', '"constructor"'), 'model_unknown'],
  ['a name of Object.prototype as the provider', bodyWith('model', '"__proto__/m"'), 'model_unknown'],
  ['names of Object.prototype behind a provider', bodyWith('model', '"up/__proto__"'), null],
  ['a model of other letters', bodyWith('model', '"up/漢字 é"'), null],
  ['a bound of 2^53 tokens', bodyWith('max_tokens', '9007199254740991'), null],
  [
    '2^53 answers of 2^53 tokens',
    bodyWith('max_tokens', '9007199254740991').replace('{', '{"n":9007199254740991,'),
    null,
  ],
]

function withBytes(bytes: readonly number[]): Uint8Array {
  const [before = '', after = ''] = bodyWith('user', '"|"').split('|')
  const encoder = new TextEncoder()
  return Uint8Array.from([...encoder.encode(before), ...bytes, ...encoder.encode(after)])
}

for (const [title, body, code] of FIXED_BODIES)
  test(`${title}: ${code ?? 'answered'}`, async () => {
    expect(await send(CHAT, body)).toBe(code)
    await expectAtRest(weir)
  })

for (const [name, seed] of [
  ['the fixed seed', FIXED_SEED],
  [`seed ${NEW_SEED}`, NEW_SEED],
] as const) {
  test(`bodies with bytes flipped, put in, taken out and copied (${name})`, async () => {
    const edit = fc.record({
      kind: fc.constantFrom('flip', 'insert', 'remove', 'copy'),
      at: fc.nat(REAL_BYTES.length - 1),
      length: fc.integer({ min: 1, max: 40 }),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[]",:\\0e-'))),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(edit, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(...PATHS),
        async (edits, path) => {
          let bytes = [...REAL_BYTES]
          for (const { kind, at, length, byte } of edits)
            if (kind === 'flip') bytes[at % bytes.length] = byte
            else if (kind === 'insert') bytes.splice(at, 0, byte)
            else if (kind === 'remove') bytes.splice(at, length)
            else bytes = [...bytes.slice(0, at + length), ...bytes.slice(at)]
          await send(path, Uint8Array.from(bytes))
        },
      ),
      { seed, numRuns: 400 },
    )
    await expectAtRest(weir)
  })

  test(`bodies of any JSON at all (${name})`, async () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom(...ODD_VALUES.filter((text) => !text.includes('999'))).map((text) => JSON.parse(text) as unknown),
    )
    const body = fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 8 })
    await fc.assert(
      fc.asyncProperty(body, fc.boolean(), fc.constantFrom(...PATHS), async (fields, complete, path) => {
        await send(
          path,
          JSON.stringify(complete ? { ...fields, model: 'up/m', messages: ['hi'], prompt: 'hi', input: 'hi' } : fields),
        )
      }),
      { seed, numRuns: 300 },
    )
    await expectAtRest(weir)
  })

  test(`headers of any content (${name})`, async () => {
    const name = fc.constantFrom(
      'authorization', 'x-api-key', 'x-goog-api-key', 'content-type', 'content-encoding', 'content-length', 'transfer-encoding', 'accept', 'accept-encoding', 'x-weir-tags', 'x-weir-timeout-ms', 'x-weir-end-user',
      'x-weir-session', 'x-request-id', 'x-client-request-id', 'idempotency-key', 'x-forwarded-for', 'forwarded', 'cookie', 'range', 'if-none-match', 'expect', 'origin', 'traceparent', '__proto__', 'x-http-method-override',
    ) // prettier-ignore
    const latin = fc.string({
      unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
      maxLength: 60,
    })
    const value = fc.oneof(
      latin,
      fc.constantFrom(
        'gzip',
        'br',
        'zstd',
        'gzip, br',
        'chunked',
        '-1',
        '1e9',
        'NaN',
        '5, 5',
        'Bearer',
        'Bearer x',
        'a,b,,c',
        '0',
        '9'.repeat(400),
        'x'.repeat(9_000),
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 5 }), async (pairs) => {
        const headers = Object.fromEntries(pairs.filter(([header]) => header !== '__proto__'))
        await send(CHAT, bodyWith('n', '1'), headers)
      }),
      { seed, numRuns: 400 },
    )
    await expectAtRest(weir)
  })

  test(`addresses and methods of any form (${name})`, async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'v1',
        'chat',
        'completions',
        'models',
        'requests',
        'healthz',
        'readyz',
        'up',
        'm',
        '..',
        '.',
        '',
        '%2e%2e',
        '%2f',
        '%00',
        '%ff',
        '%zz',
        '%',
        '%c0%af',
        '__proto__',
        'constructor',
        '*',
        '~',
        'x'.repeat(3_000),
      ),
      fc.string({ maxLength: 12 }),
    )
    const path = fc
      .tuple(fc.array(piece, { maxLength: 5 }), fc.string({ maxLength: 8 }))
      .map(([pieces, query]) => `/${pieces.join('/')}?${query}`)
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PURGE', 'PROPFIND')
    await fc.assert(
      fc.asyncProperty(path, method, async (target, verb) => {
        const request = new Request(`http://gateway${target}`, {
          method: verb,
          headers: { authorization: `Bearer ${weir.key}` },
        })
        const response = await weir.gateway.fetch(request)
        if (verb === 'HEAD') {
          expect(response.status).not.toBe(500)
          expect(await response.text()).toBe('')
        } else if (response.status < 300) await response.text()
        else await refusalOf(response)
      }),
      { seed, numRuns: 500 },
    )
    await expectAtRest(weir)
  })
}

test('none of this made the gateway complain about itself', () => expect(weir.log()).not.toContain('"internal"'))
