import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { drivenClock } from './driven-clock.ts'
import { embed, embeddingBody, readEmbedding } from './embeddings.ts'
import { simulatedModels, SimulatorOptionError } from './model.ts'
import { pacedStream, waitUntil } from './paced-stream.ts'
import type { TimedPart } from './play.ts'
import { prose } from './prose.ts'
import { lognormal, randomOf } from './random.ts'
import { valueOfSchema } from './schema-value.ts'
import { readScript, withoutDirective } from './script.ts'
import { countTokens, cutToTokens, tokensOf } from './tokens.ts'

/** What a promise is rejected with; undefined when it is not. */
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('tokens', () => {
  test('pieces join to the text, are as many as are counted, and break no character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, limit) => {
        const pieces = tokensOf(text)
        expect(pieces.join('')).toBe(text)
        expect(pieces.length).toBe(countTokens(text))
        expect(pieces.every((piece) => piece.isWellFormed())).toBe(true)
        expect(cutToTokens(text, limit)).toBe(pieces.slice(0, limit).join(''))
      }),
    )
  })

  test('a token is four code points', () => {
    expect(['', 'a', 'abcd', 'abcde', '🏔️🏔️🏔️'].map(countTokens)).toEqual([0, 1, 1, 2, 2])
  })
})

describe('chance', () => {
  test('a lognormal spread has the median and the 99th percentile that it was given', () => {
    const random = randomOf('spread')
    const draws = Array.from({ length: 20_000 }, () => lognormal(random, { median: 200, p99: 1000 })).sort(
      (a, b) => a - b,
    )
    expect(draws[10_000]! / 200).toBeCloseTo(1, 1)
    expect(draws[19_800]! / 1000).toBeCloseTo(1, 0)
  })

  test('parts are kept apart', () => {
    expect(randomOf('ab', 'c')()).not.toBe(randomOf('a', 'bc')())
    expect(randomOf('a', 1)()).toBe(randomOf('a', 1)())
  })

  test('a long text takes linear time and has its length', () => {
    expect(countTokens(prose(randomOf(1), 'Größe der Alpen 🏔️', 250_000, true))).toBe(250_000)
  })
})

describe('scripts', () => {
  const none = { fault: null, output: null, tokens: null, ttftMs: null, gapMs: null, retryAfterS: null }
  test.each([
    ['', none],
    ['nothing [[here]] [sim fault=cut]', none],
    ['[[sim ]]', none],
    ['a [[sim fault=cut tokens=50 gap_ms=5]] b', { ...none, fault: 'cut', tokens: 50, gapMs: 5 }],
    ['[[sim ttft_ms=0.5 retry_after_s=2 fault=none]]', { ...none, ttftMs: 0.5, retryAfterS: 2, fault: 'none' }],
    ['[[sim output="say \\"]]\\" \\u00e9\nnext" tokens=3]]', { ...none, output: 'say "]]" é\nnext', tokens: 3 }],
    ['[[sim output=]]', { ...none, output: '' }],
    ['[[sim output=word]] [[sim output=later]]', { ...none, output: 'word' }],
  ])('%j', (text, expected) => {
    expect(readScript(new Headers(), text)).toEqual(expected as typeof none)
  })

  test('a header wins over the directive', () => {
    const headers = new Headers({ 'x-sim-fault': 'trickle', 'x-sim-ttft-ms': '3' })
    expect(readScript(headers, '[[sim fault=cut gap_ms=5]]')).toMatchObject({ fault: 'trickle', ttftMs: 3, gapMs: 5 })
  })

  test('a directive is taken out of what is echoed', () => {
    expect(withoutDirective('before [[sim tokens=1]]after')).toBe('before after')
    expect(withoutDirective('as it is')).toBe('as it is')
  })
})

describe('model options', () => {
  test('override what they name, in camelCase and in snake_case, and start from small', () => {
    const models = simulatedModels({
      large: { tokensPerSecond: 5 },
      mine: {
        ttft_ms: { median: 1, p99: 2 },
        rate_limit: { rpm: 3, retry_after_s: 4 },
        price: { input: 1, output: '0.5' },
      },
      odd: { faults: { error_500: 0.4, cut: 0.6 } },
    })
    expect(models['large']).toMatchObject({ tokensPerSecond: 5, context: 200_000 })
    expect(models['mine']).toMatchObject({
      ttftMs: { median: 1, p99: 2 },
      rateLimit: { rpm: 3, retryAfterS: 4 },
      price: { input: '1', output: '0.5' },
      context: 128_000,
    })
    expect(models['odd']?.faults).toEqual({ error_500: 0.4, cut: 0.6 })
  })

  test.each<[unknown, string, string]>([
    [{ speed: 1 }, 'models.m', 'speed'],
    [null, 'models.m', 'expected object'],
    [{ ttftMs: { median: 0, p99: 1 } }, 'models.m.ttftMs.median', '>0'],
    [{ ttft_ms: { median: 5, p99: 1 } }, 'models.m.ttft_ms.p99', 'below the median'],
    [{ ttftMs: { median: 5 } }, 'models.m.ttftMs.p99', 'expected number'],
    [{ tokens_per_second: 'fast' }, 'models.m.tokens_per_second', 'expected number'],
    [{ context: 1.5 }, 'models.m.context', 'int'],
    [{ price: { input: '-1', output: '1' } }, 'models.m.price.input', 'dollars per million tokens'],
    [{ price: { input: true, output: '1' } }, 'models.m.price.input', 'dollars per million tokens'],
    [{ errorShare: 2 }, 'models.m.errorShare', '<=1'],
    [{ rateLimit: { rpm: 1, retry_after_s: -1 } }, 'models.m.rateLimit.retry_after_s', '>=0'],
    [{ faults: { nope: 0.1 } }, 'models.m.faults', 'nope'],
    [{ faults: { cut: 1.5 } }, 'models.m.faults.cut', '<=1'],
    [{ errorShare: 0.6, faults: { cut: 0.5 } }, 'models.m.faults', 'above 1'],
    [{ ttftMs: { median: 1, p99: 1 }, ttft_ms: { median: 1, p99: 1 } }, 'models.m.ttft_ms', 'same field'],
    [{ kind: 'oracle' }, 'models.m.kind', 'chat'],
  ])('%j is refused with its path', (model, path, words) => {
    let error: unknown
    try {
      simulatedModels({ m: model })
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(SimulatorOptionError)
    expect(error).toHaveProperty('path', path)
    expect(String(error)).toContain(words)
  })
})

describe('values of a schema', () => {
  const of = (schema: unknown, seed = 1) => valueOfSchema(schema, randomOf(seed), ['What', 'weather', 'Paris'])
  // oxlint-disable-next-line typescript/no-explicit-any -- each row knows the shape of its own value
  test.each<[string, unknown, (value: any) => boolean]>([
    ['constants', { const: 5 }, (value) => value === 5],
    ['enums', { enum: ['a', 'b'] }, (value) => value === 'a' || value === 'b'],
    ['nullable types', { type: ['null', 'integer'], minimum: 3, maximum: 3 }, (value) => value === 3],
    ['null', { type: 'null' }, (value) => value === null],
    ['booleans', { type: 'boolean' }, (value) => typeof value === 'boolean'],
    ['bounds', { type: 'integer', exclusiveMinimum: 4, exclusiveMaximum: 6 }, (value) => value === 5],
    ['upper bounds alone', { type: 'number', maximum: -5 }, (value) => value <= -5],
    ['steps', { type: 'number', multipleOf: 0.1, minimum: 0.25, maximum: 0.35 }, (value) => value === 0.3],
    ['zero', { type: 'integer', minimum: -0.5, maximum: 0.5 }, (value) => Object.is(value, 0)],
    ['lengths', { type: 'string', minLength: 12, maxLength: 13 }, (value) => value.length >= 12 && value.length <= 13],
    ['names in the question', { type: 'string', maxLength: 4 }, (value) => ['Pari', 'What', 'weat'].includes(value)],
    ['formats', { type: 'string', format: 'date-time' }, (value) => !Number.isNaN(Date.parse(value))],
    [
      'lists',
      { type: 'array', items: { type: 'integer' }, minItems: 3, maxItems: 3 },
      (value) => value.length === 3 && value.every(Number.isInteger),
    ],
    [
      'sets',
      { type: 'array', items: { enum: [1, 2, 3] }, minItems: 3, uniqueItems: true },
      (value) => new Set(value).size === 3,
    ],
    [
      'tuples',
      { prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false, maxItems: 2 },
      (value) => value.length === 2 && Number.isInteger(value[1]),
    ],
    [
      'optional fields of an object that demands none',
      { properties: { a: { type: 'integer' }, b: { type: 'string', pattern: 'x' } } },
      (value) => Number.isInteger(value.a) && !('b' in value),
    ],
    [
      'required fields only',
      { type: 'object', properties: { a: { type: 'integer' }, b: {} }, required: ['a'] },
      (value) => Object.keys(value).join('') === 'a',
    ],
    [
      'required fields without a schema',
      { type: 'object', required: ['x'], additionalProperties: { type: 'integer' } },
      (value) => Number.isInteger(value.x),
    ],
    ['references', { $defs: { 'a/b': { type: 'integer' } }, $ref: '#/$defs/a~1b' }, Number.isInteger],
    [
      'the first option that can be met',
      { anyOf: [{ type: 'string', pattern: 'x' }, { type: 'integer' }] },
      Number.isInteger,
    ],
    [
      'all of',
      {
        allOf: [
          { properties: { a: { const: 1 } }, required: ['a'] },
          { properties: { b: { const: 2 } }, required: ['b'] },
        ],
      },
      (value) => value.a === 1 && value.b === 2,
    ],
    [
      'recursion that may end',
      {
        $ref: '#/$defs/node',
        $defs: {
          node: {
            type: 'object',
            properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] }, name: { type: 'string' } },
            required: ['name'],
          },
        },
      },
      (value) => typeof value.name === 'string',
    ],
    ['anything', true, (value) => value !== undefined],
    [
      'a field called __proto__',
      JSON.parse('{"type":"object","properties":{"__proto__":{"const":1}},"required":["__proto__"]}'),
      (value) => Object.hasOwn(value, '__proto__'),
    ],
  ])('%s', (_, schema, fits) => {
    for (let seed = 0; seed < 20; seed++) {
      const { value, unmet } = of(schema, seed)
      expect(unmet).toBeNull()
      expect(fits(value)).toBe(true)
    }
  })

  test.each<[unknown, string]>([
    [{ type: 'string', pattern: 'a' }, 'pattern'],
    [
      { type: 'object', properties: { a: { type: 'array', items: { type: 'colour' }, minItems: 1 } }, required: ['a'] },
      'properties.a.items.type',
    ],
    [{ type: 'string', format: 'sonnet' }, 'format'],
    [{ type: 'string', format: 'date', maxLength: 3 }, 'format'],
    [{ type: 'string', minLength: 1e9 }, 'minLength'],
    [{ type: 'integer', minimum: 1.2, maximum: 1.8 }, 'multipleOf'],
    [{ type: 'number', minimum: 2, maximum: 1 }, 'minimum'],
    [{ enum: [] }, 'enum'],
    [{ anyOf: [] }, 'anyOf'],
    [{ anyOf: [{ type: 'x' }, { pattern: 'y' }] }, 'pattern'],
    [{ $ref: '#/nowhere' }, '$ref'],
    [{ $ref: 'https://example.com/schema' }, '$ref'],
    [{ $ref: '#' }, '$ref'],
    [{ $ref: '#/%zz' }, '$ref'],
    [{ allOf: [{ $ref: '#/nowhere' }] }, '$ref'],
    [{ type: 'array', items: { const: 1 }, minItems: 2, uniqueItems: true }, 'uniqueItems'],
    [7, 'schema'],
  ])('%j is said to be beyond it', (schema, keyword) => {
    expect(of(schema).unmet).toBe(keyword)
  })

  test('a schema without an end is given up early', () => {
    const endless = {
      $defs: {
        node: {
          type: 'object',
          properties: { a: { $ref: '#/$defs/node' }, b: { $ref: '#/$defs/node' } },
          required: ['a', 'b'],
        },
      },
      $ref: '#/$defs/node',
    }
    expect(of(endless).unmet).toEndWith('nesting')
    const wide = { type: 'array', minItems: 1e9, items: { type: 'integer' } }
    expect(of(wide).unmet).toEndWith('nesting')
    let fold: unknown = { type: 'string' }
    for (let depth = 0; depth < 20; depth++) fold = { allOf: [fold, fold] }
    expect(of(fold).unmet).toEndWith('nesting')
  })
})

describe('embeddings', () => {
  const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)

  test('are unit vectors, the same for the same text, in any number of dimensions', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 300 }), (text, dimensions) => {
        const vector = embed(text, dimensions, 3)
        expect(vector).toHaveLength(dimensions)
        expect(Math.hypot(...vector)).toBeCloseTo(1, 5)
        expect(embed(text, dimensions, 3)).toEqual(vector)
      }),
    )
  })

  test('texts that share words are closer than texts that do not', () => {
    const [river, stream, stock] = [
      'the river flows to the sea',
      'a river flows into a sea',
      'quarterly revenue beat estimates',
    ].map((text) => embed(text, 512, 1))
    expect(cosine(river!, stream!)).toBeGreaterThan(cosine(river!, stock!) + 0.2)
    expect(cosine(embed('a b', 512, 1), embed('b a', 512, 1))).toBeLessThan(0.9999)
  })

  test('base64 holds the same numbers as float', () => {
    const answer = (encoding_format: string) =>
      JSON.parse(
        embeddingBody(readEmbedding({ model: 'embed', input: ['one', 'two'], dimensions: 8, encoding_format }), 1),
      ) as { data: { embedding: unknown }[]; usage: object }
    const floats = answer('float')
    const bytes = Buffer.from(answer('base64').data[1]!.embedding as string, 'base64')
    expect(Array.from({ length: 8 }, (_, index) => bytes.readFloatLE(index * 4))).toEqual(
      floats.data[1]!.embedding as number[],
    )
    expect(floats.usage).toEqual({ prompt_tokens: 2, total_tokens: 2 })
  })
})

describe('paced streams', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const texts = (...times: number[]) => times.map((atMs, index): TimedPart => ({ atMs, text: String(index) }))
  const open = (parts: TimedPart[], caller = new AbortController()) => {
    const clock = drivenClock()
    const taken: number[] = []
    const iterator = (function* () {
      for (const [index, part] of parts.entries()) {
        taken.push(index)
        yield part
      }
    })()
    const reader = pacedStream(iterator, clock, 0, caller.signal).getReader()
    return { clock, reader, caller, taken }
  }
  const text = async (read: Promise<{ value?: Uint8Array | undefined }>) => new TextDecoder().decode((await read).value)

  test('give each part at its time, and no timer runs for what nobody asks for', async () => {
    const { clock, reader, taken } = open(texts(10, 20, 30))
    expect(clock.pending()).toBe(0)
    expect(taken).toEqual([])
    const first = reader.read()
    await turn()
    clock.advance(9)
    expect(clock.pending()).toBe(1)
    clock.advance(1)
    expect(await text(first)).toBe('0')
    await turn()
    expect(clock.pending()).toBe(0)
  })

  test('a reader that fell behind gets what is due, part by part', async () => {
    const { clock, reader } = open(texts(10, 20, 30))
    clock.advance(25)
    expect(await text(reader.read())).toBe('0')
    expect(await text(reader.read())).toBe('1')
    const third = reader.read()
    await turn()
    expect(clock.pending()).toBe(1)
    clock.advance(5)
    expect(await text(third)).toBe('2')
    expect((await reader.read()).done).toBe(true)
  })

  test('a cancel stops the timer and the making at once', async () => {
    const { clock, reader, taken } = open(texts(10, 20))
    const read = reader.read()
    await turn()
    expect(clock.pending()).toBe(1)
    await reader.cancel()
    expect(clock.pending()).toBe(0)
    expect((await read).done).toBe(true)
    expect(taken).toEqual([0])
  })

  test('an abort fails the body at once, also while it stalls and before it began', async () => {
    for (const parts of [texts(10), [{ stall: true } as const]]) {
      const { clock, reader, caller } = open(parts)
      const read = reader.read()
      caller.abort(new Error('gone'))
      expect(String(await failureOf(read))).toContain('gone')
      expect(clock.pending()).toBe(0)
    }
    const gone = new AbortController()
    gone.abort(new Error('gone'))
    expect(await failureOf(open(texts(1), gone).reader.read())).toMatchObject({
      message: expect.stringContaining('gone'),
    })
  })

  test('waiting ends with time or with the caller', async () => {
    const clock = drivenClock()
    const caller = new AbortController()
    await waitUntil(0, clock, caller.signal)
    const later = waitUntil(5, clock, caller.signal)
    clock.advance(5)
    await later
    const never = waitUntil(50, clock, caller.signal)
    caller.abort(new Error('gone'))
    expect(String(await failureOf(never))).toContain('gone')
    expect(clock.pending()).toBe(0)
    expect(String(await failureOf(waitUntil(0, clock, caller.signal)))).toContain('gone')
  })
})
