import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { GatewayError } from '../core/error.ts'
import type { RequestRecord } from '../core/ledger.ts'
import { NO_USAGE } from '../core/usage.ts'
import { createLogger, type LogFields, type Logger, type LogLevel } from './log.ts'
import { createRedactor } from './redact.ts'

const AT = Date.UTC(2026, 10, 23, 16, 0, 0, 7)
const SECRETS = ['provider-secret-1']

type Sink = { log: Logger; turn: () => string[]; writes: string[] }

function logTo(
  options: {
    format?: 'json' | 'text'
    level?: LogLevel
    write?: (lines: string) => void
    secrets?: () => readonly string[]
  } = {},
): Sink {
  const writes: string[] = []
  const scheduled: (() => void)[] = []
  const log = createLogger({
    level: options.level ?? 'debug',
    format: options.format ?? 'json',
    write: options.write ?? ((lines) => void writes.push(lines)),
    redact: createRedactor(options.secrets ?? (() => SECRETS)),
    now: () => AT,
    schedule: (flush) => void scheduled.push(flush),
  })
  return {
    log,
    writes,
    turn() {
      for (const flush of scheduled.splice(0)) flush()
      return writes.splice(0).flatMap((lines) => lines.split('\n').slice(0, -1))
    },
  }
}

const RECORD: RequestRecord = {
  id: 'req_1',
  clientRequestId: null,
  at: AT - 1500,
  dimensions: {
    keyId: 'key_1',
    teamId: null,
    endUser: null,
    tags: [],
    requestedModel: 'chat',
    route: 'chat',
    operation: 'chat',
    dialect: 'openai-chat',
  },
  status: 200,
  errorCode: null,
  target: 'openai/gpt-5-mini',
  stream: true,
  durationMs: 1500.04,
  ttftMs: 120.26,
  overheadMs: 0.31249,
  attempts: [
    {
      target: 'openai/gpt-5-mini',
      credentialId: 'openai#1',
      outcome: { type: 'answered' },
      status: 200,
      startedAt: AT,
      durationMs: 1400,
      ttftMs: 100,
      message: null,
    },
  ],
  finishReason: 'stop',
  rawUsage: '{"prompt_tokens":10}',
  usage: { ...NO_USAGE, input: 7, cacheRead: 3, output: 20 },
  usageSource: 'reported',
  costNanoUsd: 1_500_000n,
}

test('a request is one line with what it was, took and cost', () => {
  const { log, turn } = logTo()
  log.requestLine(RECORD)
  expect(turn().map((line) => JSON.parse(line))).toEqual([
    {
      time: '2026-11-23T16:00:00.007Z',
      level: 'info',
      event: 'request',
      id: 'req_1',
      key_id: 'key_1',
      operation: 'chat',
      dialect: 'openai-chat',
      model: 'chat',
      route: 'chat',
      target: 'openai/gpt-5-mini',
      status: 200,
      stream: true,
      duration_ms: 1500,
      ttft_ms: 120.3,
      overhead_ms: 0.312,
      attempts: 1,
      finish_reason: 'stop',
      input_tokens: 10,
      output_tokens: 20,
      usage: 'reported',
      cost_usd: '0.0015',
    },
  ])
})

test('a failed request lists its attempts', () => {
  const { log, turn } = logTo()
  const failed = {
    ...RECORD.attempts[0]!,
    outcome: { type: 'broken', reason: 'cut' } as const,
    status: null,
    message: 'the key sk-abcdefghijklmnop1234 is bad',
  }
  log.requestLine({
    ...RECORD,
    status: 502,
    errorCode: 'all_targets_failed',
    target: null,
    attempts: [failed],
    usage: null,
    usageSource: null,
    costNanoUsd: null,
    ttftMs: null,
  })
  const line = JSON.parse(turn()[0]!)
  expect(line.error).toBe('all_targets_failed')
  expect(line.attempts).toEqual([
    { target: 'openai/gpt-5-mini', outcome: 'broken', status: null, duration_ms: 1400, message: 'the key *** is bad' },
  ])
  expect(line).not.toHaveProperty('cost_usd')
})

test('lines of one turn are one write', () => {
  const { log, writes, turn } = logTo()
  log.info('first')
  log.warn('second', { stage: 'admit' })
  log.requestLine(RECORD)
  expect(writes).toEqual([])
  expect(turn().map((line) => JSON.parse(line).event)).toEqual(['first', 'second', 'request'])
  log.info('third')
  log.flush()
  expect(writes).toHaveLength(1)
  log.flush()
  expect(writes).toHaveLength(1)
})

test('what is below the level is not written', () => {
  const { log, turn } = logTo({ level: 'warn' })
  log.debug('a')
  log.info('b')
  log.requestLine(RECORD)
  log.warn('c')
  log.error('d')
  expect(turn().map((line) => JSON.parse(line).event)).toEqual(['c', 'd'])
})

test('the text form is one line an event, with nothing that could pass for another line', () => {
  const { log, turn } = logTo({ format: 'text' })
  log.info('provider_failed', {
    provider: 'openai',
    message: 'a\nb\u001b[31m\u0085\u202e',
    attempts: 2,
    none: undefined,
    list: ['x'],
  })
  expect(turn()).toEqual([
    String.raw`2026-11-23T16:00:00.007Z info  provider_failed provider=openai message="a\nb\u001b[31m\u0085\u202e" attempts=2 list=["x"]`,
  ])
})

test('secrets never reach a line: in no field, no name, no depth, no error', () => {
  const { log, turn } = logTo()
  const planted = 'provider-secret-1'
  const error = new Error(`refused ${planted}`, { cause: new GatewayError('internal', { message: planted }) })
  log.error('request_failed', {
    [planted]: planted,
    url: new URL(`https://${planted}@example.com/?key=${planted}`),
    nested: { list: [{ deep: `x${planted}y` }], deeper: { deeper: { deeper: planted } } },
    headers: new Headers({ authorization: 'Bearer shorty', 'x-other': planted }),
    error,
    token: 'short',
    apiKey: { nested: 'secret' },
  })
  log.requestLine({
    ...RECORD,
    clientRequestId: planted,
    target: `openai/${planted}`,
    finishReason: planted,
    dimensions: {
      ...RECORD.dimensions,
      endUser: planted,
      tags: [planted],
      requestedModel: planted,
      route: `a/${planted}`,
    },
    attempts: [
      { ...RECORD.attempts[0]!, outcome: { type: 'rejected' }, target: `openai/${planted}`, message: planted },
    ],
  })
  const lines = turn()
  expect(lines).toHaveLength(2)
  expect(lines.join()).not.toMatch(/provider-secret|shorty|short"|nested":"secret/)
  expect(JSON.parse(lines[0]!).error.message).toBe('refused ***')
})

test('a secret across the cut of a long text is not left in half', () => {
  const { log, turn } = logTo()
  log.info('long', { text: `${'a'.repeat(2040)}provider-secret-1${'b'.repeat(100)}` })
  expect(turn()[0]).not.toContain('provide')
})

test('a line is bounded, however much is handed in', () => {
  const { log, turn } = logTo()
  const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`field_${index}`, 'x'.repeat(5000)]))
  log.info('wide', { id: 'req_1', wide, list: Array.from({ length: 1000 }, () => wide) })
  log.info('long', { text: 'x'.repeat(1_000_000) })
  const [first, second] = turn().map((line) => JSON.parse(line))
  expect(first).toEqual({
    time: '2026-11-23T16:00:00.007Z',
    level: 'info',
    event: 'wide',
    id: 'req_1',
    cut_line_length: expect.any(Number),
  })
  expect(second.text).toHaveLength(2049)
})

test('nothing that is handed in makes the log throw, and each line is JSON', () => {
  const cyclic: Record<string, unknown> = { name: 'a' }
  cyclic.self = cyclic
  const throwing = {
    get field(): string {
      throw new Error('no')
    },
  }
  const odd: LogFields = {
    cyclic,
    throwing,
    big: 10n ** 30n,
    none: Number.NaN,
    symbol: Symbol('x'),
    list: [undefined, () => 1, Symbol('y')],
    bytes: new Uint8Array(3),
    buffer: new ArrayBuffer(4),
    date: new Date(Number.NaN),
    when: new Date(AT),
    nothing: null,
    coded: Object.assign(new Error('x'), { code: 'ECONNRESET' }),
  }
  const { log, turn } = logTo()
  log.info('odd', odd)
  const line = JSON.parse(turn()[0]!)
  expect(line).toMatchObject({
    throwing: '[unreadable]',
    big: `1${'0'.repeat(30)}`,
    none: 'NaN',
    list: ['[undefined]', '[function]', '[symbol]'],
    bytes: '[3 bytes]',
    buffer: '[4 bytes]',
    date: 'Invalid Date',
    when: '2026-11-23T16:00:00.007Z',
    nothing: null,
  })
  expect(line.coded.code).toBe('ECONNRESET')
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true })),
      fc.string(),
      (fields, event) => {
        log.info(event, fields)
        expect(JSON.parse(turn()[0]!).level).toBe('info')
      },
    ),
  )
})

test('a log that cannot be written loses lines and says how many', () => {
  let full = true
  const written: string[] = []
  const { log, turn } = logTo({
    write: (lines) => {
      if (full) throw new Error('ENOSPC')
      written.push(lines)
    },
  })
  log.info('a')
  log.info('b')
  turn()
  full = false
  log.info('c')
  turn()
  const lines = written
    .join('')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
  expect(lines.map(({ event, lines }) => [event, lines])).toEqual([
    ['log_lines_lost', 2],
    ['c', undefined],
  ])
})

test('times are right across seconds, and when there is none', () => {
  const { log, turn } = logTo()
  for (const at of [AT, AT + 993, AT - 60_000, Number.NaN]) log.requestLine({ ...RECORD, at, durationMs: 0 })
  expect(turn().map((line) => JSON.parse(line).time)).toEqual([
    '2026-11-23T16:00:00.007Z',
    '2026-11-23T16:00:01.000Z',
    '2026-11-23T15:59:00.007Z',
    'Invalid Date',
  ])
})

test('by default the lines are written together a little later, an error at the end of the turn', async () => {
  const writes: string[] = []
  const log = createLogger({
    level: 'info',
    format: 'json',
    write: (lines) => void writes.push(lines),
    redact: (text) => text,
    now: () => AT,
  })
  log.info('a')
  await new Promise((resolve) => setImmediate(resolve))
  expect(writes).toHaveLength(0)
  log.error('b')
  await new Promise((resolve) => setImmediate(resolve))
  expect(writes).toHaveLength(1)
})

for (const [title, change] of [
  ['whole', {}],
  ['streamed', { stream: true, ttftMs: 12.34 }],
  ['of a route', { dimensions: { ...RECORD.dimensions, route: 'chat "x"', requestedModel: 'm\u2028\n' } }],
  ['without finish reason', { finishReason: null }],
] as const)
  test(`the short way to a request’s line says the same as the long one: ${title}`, () => {
    const usual: RequestRecord = { ...RECORD, ...change }
    const { log, turn } = logTo()
    log.requestLine(usual)
    // Another id of the caller is the only difference, and it takes the long way.
    log.requestLine({ ...usual, clientRequestId: 'abc' })
    const [short, long] = turn().map((line) => JSON.parse(line) as Record<string, unknown>)
    delete long?.['client_id']
    expect(short).toEqual({ ...long })
  })

test('the short way says the same as the long one whatever came before of the same key, and whatever has become a secret since', () => {
  const name = fc.constantFrom(
    'chat',
    'mock/m',
    'm "x"\u2028',
    'openai/gpt-5-mini',
    'sk-weir-abcdefgh',
    'n'.repeat(101),
  )
  const some = fc.constantFrom(null, 'somebody', 'mock/model-of-somebody')
  const request = fc.record({
    keyId: fc.constantFrom('key_1', 'key_2'),
    teamId: fc.constantFrom(null, 'team_1'),
    endUser: some,
    tags: fc.constantFrom([], ['a'], ['a', 'b'], ['a', 'mock/model-of-somebody']),
    requestedModel: name,
    route: name,
    target: fc.oneof(name, fc.constant(null)),
    finishReason: fc.constantFrom('stop', 'length', null),
    status: fc.constantFrom(200, 201),
    stream: fc.boolean(),
    path: fc.constantFrom(undefined, 'POST /v1/x'),
    usageSource: fc.constantFrom('reported', 'estimated'),
    ttftMs: fc.constantFrom(null, 0, 12.345),
    durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    overheadMs: fc.double({ min: 0, max: 100, noNaN: true }),
    costNanoUsd: fc.bigInt({ min: 0n, max: 10n ** 12n }),
    secrets: fc.constantFrom([], ['mock/model-of-somebody'], ['openai/gpt-5-mini']),
  })
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 12 }), (requests) => {
      let known: readonly string[] = []
      const { log, turn } = logTo({ secrets: () => known })
      for (const { keyId, teamId, endUser, tags, requestedModel, route, secrets, usageSource, ...rest } of requests) {
        known = secrets
        const dimensions = { ...RECORD.dimensions, keyId, teamId, endUser, tags, requestedModel, route }
        const usual = { ...RECORD, ...rest, dimensions, usageSource }
        log.requestLine(usual)
        log.requestLine({ ...usual, clientRequestId: 'abc' })
        const [short, long] = turn()
        expect(short).toBe(long!.replace('"client_id":"abc",', ''))
      }
    }),
    { numRuns: 500 },
  )
})
