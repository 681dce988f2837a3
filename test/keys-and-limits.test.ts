// Who may call, what, from where and how much: from the caller's side, through the whole path.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Clock } from '../src/core/clock.ts'
import { systemClock } from '../src/core/clock.ts'
import type { LimitSet, VirtualKey } from '../src/core/key.ts'
import { issueKey, newKeySecret } from '../src/keys/issue-key.ts'
import type { NewKey } from '../src/keys/issue-key.ts'
import { chunks, completion, eventStream, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'
import { expectAtRest, refusalOf } from './documented.ts'

const CHAT = '/v1/chat/completions'
const NO_LIMITS: LimitSet = { rpm: null, tpm: null, concurrency: null }
/** A full second, so that waits come out even. */
const START = 1_800_000_000_000

/** A clock that stands until it is moved; timers run by the real one. */
function drivenClock(): Clock & { advance(ms: number): void } {
  let passed = 0
  return {
    now: () => START + passed,
    monotonicMs: () => 1_000 + passed,
    after: (ms, callback) => systemClock.after(ms, callback),
    advance(ms) {
      passed += ms
    },
  }
}

async function make(
  weir: TestGateway,
  fields: Partial<NewKey>,
  clock: Clock = systemClock,
): Promise<{ key: VirtualKey; secret: string }> {
  const issued = issueKey({ name: 'test', ...fields }, { hash: weir.hash, clock })
  await weir.store.insertKey(issued.key)
  return issued
}

async function makeTeam(
  weir: TestGateway,
  fields: { models?: readonly string[]; limits?: Partial<LimitSet>; disabled?: boolean },
): Promise<string> {
  const id = `team_${Math.random().toString(36).slice(2)}`
  await weir.store.insertTeam({
    id,
    name: id,
    limits: { ...NO_LIMITS, ...fields.limits },
    models: fields.models ?? null,
    tags: [],
    metadata: {},
    disabled: fields.disabled ?? false,
    createdAt: START,
  })
  return id
}

/** `ok`, or the code of the refusal. */
async function outcome(response: Response): Promise<string> {
  if (response.status !== 200) return refusalOf(response)
  await response.text()
  return 'ok'
}

const ask = async (
  weir: TestGateway,
  key: string | null,
  body: object = {},
  headers: Record<string, string> = {},
): Promise<string> => outcome(await weir.call(CHAT, { ...QUESTION, ...body }, { key, headers }))

const answering = (): ReturnType<typeof startUpstream> => startUpstream(() => Response.json(completion('ok')))

// ---- who

test('a key is taken wherever the clients of other vendors put it, and nowhere else', async () => {
  using upstream = answering()
  await using weir = await startGateway(providerAt(upstream.url))
  const { key } = weir
  const ways: readonly (readonly [headers: Record<string, string>, query: string, expected: string])[] = [
    [{ authorization: `Bearer ${key}` }, '', 'ok'],
    [{ authorization: `bearer   ${key}` }, '', 'ok'],
    [{ 'x-api-key': key }, '', 'ok'],
    [{ 'x-goog-api-key': key }, '', 'ok'],
    [{}, `?key=${key}`, 'ok'],
    [{ authorization: `Bearer ${key}`, 'x-api-key': key }, '', 'ok'],
    [{ authorization: `Bearer ${key}`, 'x-api-key': 'other' }, '', 'request_malformed'],
    [{ authorization: `Basic ${btoa(`:${key}`)}` }, '', 'key_missing'],
    [{ authorization: key }, '', 'key_missing'],
    [{ cookie: `key=${key}` }, '', 'key_missing'],
    [{ authorization: `Bearer ${key}x` }, '', 'key_unknown'],
    [{ authorization: `Bearer ${key.toUpperCase()}` }, '', 'key_unknown'],
    [{ 'x-api-key': '' }, '', 'key_missing'],
    [{}, '', 'key_missing'],
  ]
  for (const [headers, query, expected] of ways)
    expect([headers, query, await outcome(await weir.call(CHAT + query, QUESTION, { key: null, headers }))]).toEqual([
      headers,
      query,
      expected,
    ])
})

test('an unknown key learns nothing: not which models there are, nor that its body is wrong', async () => {
  using upstream = answering()
  await using weir = await startGateway(providerAt(upstream.url))
  for (const [path, body] of [
    [CHAT, QUESTION],
    [CHAT, '{"broken'],
    [CHAT, { ...QUESTION, model: 'none' }],
    ['/v1/models', undefined],
    ['/v1/models/up/m', undefined],
    ['/v1/requests/req_1', undefined],
  ] as const) {
    const response = await weir.call(path, body, { key: 'sk-weir-wrong' })
    expect(await refusalOf(response)).toBe('key_unknown')
  }
  expect(upstream.received).toEqual([])
})

test('a key that expires, is disabled, revoked, or whose team is disabled stops at once', async () => {
  using upstream = answering()
  const clock = drivenClock()
  await using weir = await startGateway(providerAt(upstream.url), { clock })
  const expiring = await make(weir, { expiresAt: START + 5_000 }, clock)
  const disabled = await make(weir, {}, clock)
  const revoked = await make(weir, {}, clock)
  const teamId = await makeTeam(weir, {})
  const member = await make(weir, { teamId }, clock)
  for (const { secret } of [expiring, disabled, revoked, member]) expect(await ask(weir, secret)).toBe('ok')
  clock.advance(4_999)
  expect(await ask(weir, expiring.secret)).toBe('ok')
  clock.advance(1)
  expect(await ask(weir, expiring.secret)).toBe('key_expired')
  await weir.store.updateKey(disabled.key.id, { disabled: true })
  await weir.store.deleteKey(revoked.key.id)
  await weir.store.updateTeam(teamId, { disabled: true })
  // As the admin API does after each change.
  weir.gateway.keyRing.invalidate()
  expect(await ask(weir, disabled.secret)).toBe('key_disabled')
  expect(await ask(weir, revoked.secret)).toBe('key_unknown')
  expect(await ask(weir, member.secret)).toBe('key_disabled')
  await weir.store.updateKey(disabled.key.id, { disabled: false })
  weir.gateway.keyRing.invalidate()
  expect(await ask(weir, disabled.secret)).toBe('ok')
})

test('a rotated key: the new secret works, the old one until its grace is over, as one key', async () => {
  using upstream = answering()
  const clock = drivenClock()
  await using weir = await startGateway(providerAt(upstream.url), { clock })
  const old = await make(weir, { limits: { rpm: 3 } }, clock)
  expect(await ask(weir, old.secret)).toBe('ok')
  const { secret, record } = newKeySecret({ hash: weir.hash })
  await weir.store.rotateKey(old.key.id, record, clock.now() + 60_000)
  weir.gateway.keyRing.invalidate()
  expect([await ask(weir, secret), await ask(weir, old.secret)]).toEqual(['ok', 'ok'])
  // The limits are the key's and not the secret's.
  expect([await ask(weir, secret), await ask(weir, old.secret)]).toEqual(['rate_limited', 'rate_limited'])
  clock.advance(61_000)
  expect([await ask(weir, secret), await ask(weir, old.secret)]).toEqual(['ok', 'key_expired'])
})

// ---- what

test('models are allowed by name with wildcards, by the key and by its team, and the list shows what is left', async () => {
  using upstream = answering()
  await using weir = await startGateway(`
providers:
  up: { preset: openai-compatible, base_url: "${upstream.url}/v1", keys: [a-first-secret], models: { m: {}, m-large: {}, x: {} } }
routes:
  chat: { targets: [up/m] }
  both: { targets: [up/m, up/x] }
`)
  const all = ['chat', 'both', 'up/m', 'up/m-large', 'up/x']
  const teamId = await makeTeam(weir, { models: ['up/m*', 'chat'] })
  const cases: readonly (readonly [fields: Partial<NewKey>, allowed: readonly string[]])[] = [
    [{}, all],
    [{ models: ['*'] }, all],
    [{ models: [] }, []],
    [{ models: ['up/*'] }, ['up/m', 'up/m-large', 'up/x']],
    [{ models: ['up/?'] }, ['up/m', 'up/x']],
    [{ models: ['*-large'] }, ['up/m-large']],
    [{ models: ['UP/*'] }, []],
    [{ models: ['chat'] }, ['chat']],
    [{ models: ['both', 'up/x'], teamId }, []],
    [{ models: ['*'], teamId }, ['chat', 'up/m', 'up/m-large']],
  ]
  for (const [fields, allowed] of cases) {
    const { secret } = await make(weir, fields)
    const list = (await (await weir.call('/v1/models', undefined, { key: secret })).json()) as {
      data: { id: string }[]
    }
    expect([fields, list.data.map(({ id }) => id).sort()]).toEqual([fields, [...allowed].sort()])
    for (const model of all) {
      // A route of one target may also be named by what it leads to.
      const expected =
        allowed.includes(model) || (model === 'chat' && allowed.includes('up/m')) ? 'ok' : 'model_not_allowed'
      expect([fields, model, await ask(weir, secret, { model })]).toEqual([fields, model, expected])
      const shown = await weir.call(`/v1/models/${model}`, undefined, { key: secret })
      expect([fields, model, shown.status]).toEqual([fields, model, allowed.includes(model) ? 200 : 404])
    }
    // Names that a key may not use are not suggested to it.
    const unknown = await weir.call(CHAT, { ...QUESTION, model: 'up/m-larg' }, { key: secret })
    if (unknown.status === 404)
      expect((await unknown.text()).includes('up/m-large')).toBe(allowed.includes('up/m-large'))
  }
  await expectAtRest(weir)
})

test('endpoints are allowed by family', async () => {
  using upstream = startUpstream((request) =>
    Response.json(request.url.endsWith('/embeddings') ? { data: [{ embedding: [1] }] } : completion('ok')),
  )
  await using weir = await startGateway(providerAt(upstream.url))
  const { secret } = await make(weir, { endpoints: ['embeddings'] })
  const call = async (path: string, body: object): Promise<string> =>
    outcome(await weir.call(path, { model: 'up/m', ...body }, { key: secret }))
  expect(await call('/v1/embeddings', { input: 'a' })).toBe('ok')
  expect(await call(CHAT, QUESTION)).toBe('endpoint_not_allowed')
  expect(await call('/v1/completions/', { prompt: 'a' })).toBe('endpoint_not_allowed')
  expect((await weir.call('/v1/models', undefined, { key: secret })).status).toBe(200)
  const { secret: none } = await make(weir, { endpoints: [] })
  expect(await outcome(await weir.call('/v1/embeddings', { model: 'up/m', input: 'a' }, { key: none }))).toBe(
    'endpoint_not_allowed',
  )
})

// ---- from where

// A key that may be used from 10.1.0.0/16 and from 2001:db8::/32, behind proxies in 192.0.2.0/24.
const ADDRESSES: readonly (readonly [
  title: string,
  socket: string | null,
  forwarded: string | null,
  expected: string,
])[] = [
  ['a caller inside', '10.1.2.3', null, 'ok'],
  ['a caller outside', '10.2.0.1', null, 'address_not_allowed'],
  ['an IPv4 caller on a socket of both kinds', '::ffff:10.1.2.3', null, 'ok'],
  ['an IPv6 caller inside', '2001:db8::7', null, 'ok'],
  ['an IPv6 caller outside', '2001:db9::7', null, 'address_not_allowed'],
  ['no address at all', null, null, 'address_not_allowed'],
  ['a caller outside that claims to be inside', '10.2.0.1', '10.1.2.3', 'address_not_allowed'],
  ['a caller inside, whatever it claims', '10.1.2.3', '10.2.0.1', 'ok'],
  ['a caller inside behind a proxy', '192.0.2.1', '10.1.2.3', 'ok'],
  ['a caller outside behind a proxy', '192.0.2.1', '10.2.0.1', 'address_not_allowed'],
  ['a caller behind two proxies', '192.0.2.1', '10.1.2.3, 192.0.2.9', 'ok'],
  ['a caller outside that forges a hop', '192.0.2.1', '10.1.2.3, 10.2.0.1', 'address_not_allowed'],
  [
    'a caller outside that forges a hop behind two proxies',
    '192.0.2.1',
    '10.1.2.3,10.2.0.1,192.0.2.9',
    'address_not_allowed',
  ],
  ['a proxy that says nothing', '192.0.2.1', null, 'address_not_allowed'],
  ['a proxy that names no address', '192.0.2.1', 'unknown', 'address_not_allowed'],
  ['an empty claim', '192.0.2.1', '', 'address_not_allowed'],
  ['a shortened address', '192.0.2.1', '10.1', 'address_not_allowed'],
]
for (const [title, socket, forwarded, expected] of ADDRESSES)
  test(`${title}: ${expected}`, async () => {
    using upstream = answering()
    await using weir = await startGateway(providerAt(upstream.url, 'server: { trusted_proxies: [192.0.2.0/24] }\n'))
    const { secret } = await make(weir, { addresses: ['10.1.0.0/16', '2001:db8::/32'] })
    const headers = {
      authorization: `Bearer ${secret}`,
      ...(forwarded === null ? {} : { 'x-forwarded-for': forwarded }),
    }
    const request = new Request(`http://gateway${CHAT}`, { method: 'POST', headers, body: JSON.stringify(QUESTION) })
    expect(await outcome(await weir.gateway.fetch(request, () => socket))).toBe(expected)
    const list = await weir.gateway.fetch(new Request('http://gateway/v1/models', { headers }), () => socket)
    expect(await outcome(list)).toBe(expected)
  })

test('over a real socket the address is the one of the socket', async () => {
  using upstream = answering()
  await using weir = await startGateway(providerAt(upstream.url))
  const { url } = weir.listen()
  for (const [addresses, expected] of [
    [['127.0.0.0/8'], 'ok'],
    [['10.0.0.0/8'], 'address_not_allowed'],
  ] as const) {
    const { secret } = await make(weir, { addresses })
    const response = await fetch(`${url}${CHAT}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'x-forwarded-for': '10.0.0.1' },
      body: JSON.stringify(QUESTION),
    })
    expect(await outcome(response)).toBe(expected)
  }
})

test('a key that asks for the end user takes it from the body or a header', async () => {
  using upstream = answering()
  await using weir = await startGateway(providerAt(upstream.url))
  const { secret } = await make(weir, { requireEndUser: true })
  expect(await ask(weir, secret)).toBe('end_user_required')
  expect(await ask(weir, secret, { user: '' })).toBe('end_user_required')
  expect(await ask(weir, secret, { user: null })).toBe('end_user_required')
  expect(await ask(weir, secret, { user: 'ann' })).toBe('ok')
  expect(await ask(weir, secret, { safety_identifier: 'ann' })).toBe('ok')
  expect(await ask(weir, secret, {}, { 'x-weir-end-user': 'ann' })).toBe('ok')
  expect(upstream.received.length).toBe(3)
  expect(upstream.received.every(({ headers }) => headers.get('x-weir-end-user') === null)).toBe(true)
})

// ---- how much

test('requests a minute: the headers count down, a refusal says when, and then it is true', async () => {
  using upstream = answering()
  const clock = drivenClock()
  await using weir = await startGateway(providerAt(upstream.url), { clock })
  const { key, secret } = await make(weir, { limits: { rpm: 2 } }, clock)
  const call = (): Promise<Response> => weir.call(CHAT, QUESTION, { key: secret })
  const headersOf = (response: Response): unknown =>
    ['limit', 'remaining', 'reset'].map((name) => response.headers.get(`x-ratelimit-${name}-requests`))
  expect(headersOf(await call())).toEqual(['2', '1', '1m1s'])
  clock.advance(10_000)
  expect(headersOf(await call())).toEqual(['2', '0', '1m1s'])
  clock.advance(10_000)
  const refused = await call()
  expect(refused.headers.get('retry-after')).toBe('41')
  expect(refused.headers.get('x-should-retry')).toBe('true')
  const { error } = (await refused.clone().json()) as { error: { message: string; type: string; code: string } }
  expect(error).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded' })
  expect(error.message).toBe(`The key ${key.id} has used 2 of 2 requests in the last minute.`)
  expect(await refusalOf(refused)).toBe('rate_limited')
  clock.advance(40_999)
  expect(await outcome(await call())).toBe('rate_limited')
  clock.advance(1)
  expect(await outcome(await call())).toBe('ok')
  // The second one still counts.
  expect(await outcome(await call())).toBe('rate_limited')
  expect(upstream.received.length).toBe(3)
})

test('tokens a minute: the estimate is held, the actual counts, and what never fits is said to be too large', async () => {
  const used = [10, 5]
  using upstream = startUpstream(() =>
    Response.json(completion('ok', { prompt_tokens: used[0], completion_tokens: used[1] })),
  )
  const clock = drivenClock()
  await using weir = await startGateway(providerAt(upstream.url), { clock })
  const { secret } = await make(weir, { limits: { tpm: 1_000 } }, clock)
  const call = (maxTokens: number): Promise<Response> =>
    weir.call(CHAT, { ...QUESTION, max_tokens: maxTokens }, { key: secret })
  const first = await call(500)
  expect(first.headers.get('x-ratelimit-limit-tokens')).toBe('1000')
  expect(first.headers.get('x-ratelimit-remaining-tokens')).toBe('985')
  // Nine more of 15 leave 850: without the correction the second one would have been refused.
  for (let index = 0; index < 9; index++) expect(await outcome(await call(500))).toBe('ok')
  expect(await outcome(await call(900))).toBe('rate_limited')
  expect(await outcome(await call(5_000))).toBe('request_too_large')
  // An answer may turn out larger than its estimate: then later ones wait.
  used[1] = 900
  expect(await outcome(await call(500))).toBe('ok')
  const refused = await call(10)
  expect(await refusalOf(refused)).toBe('rate_limited')
  clock.advance(Number(refused.headers.get('retry-after-ms')) - 1)
  expect(await outcome(await call(10))).toBe('rate_limited')
  clock.advance(1)
  expect(await outcome(await call(10))).toBe('ok')
})

test('whatever came before, a request comes in after the wait it was told, and not a millisecond sooner', async () => {
  using upstream = startUpstream(() => Response.json(completion('ok', { prompt_tokens: 40, completion_tokens: 60 })))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(30_000), { minLength: 1, maxLength: 12 }),
      fc.constantFrom<Partial<LimitSet>>({ rpm: 3 }, { tpm: 420 }, { rpm: 4, tpm: 420 }),
      async (pauses, limits) => {
        const clock = drivenClock()
        await using weir = await startGateway(providerAt(upstream.url, 'log: { level: error }\n'), { clock })
        const { secret } = await make(weir, { limits }, clock)
        const call = (): Promise<Response> => weir.call(CHAT, { ...QUESTION, max_tokens: 60 }, { key: secret })
        for (const pause of pauses) {
          clock.advance(pause)
          const response = await call()
          if (response.status === 200) continue
          expect(await refusalOf(response)).toBe('rate_limited')
          const waitMs = Number(response.headers.get('retry-after-ms'))
          expect(Number(response.headers.get('retry-after'))).toBe(Math.ceil(waitMs / 1_000))
          if (waitMs > 1) {
            clock.advance(waitMs - 1)
            // Where two limits refuse, the first one's wait may end before the second one's.
            expect(await outcome(await call())).toBe('rate_limited')
          }
          clock.advance(1)
          const again = await call()
          if (limits.rpm === undefined || limits.tpm === undefined) expect(again.status).toBe(200)
          await again.text()
        }
        await expectAtRest(weir)
      },
    ),
    { seed: 20_260_101, numRuns: 40 },
  )
})

// Every way out of a request, each of which must give its place back.
type Way = {
  readonly title: string
  readonly answer: () => Response | Promise<Response>
  readonly stream?: boolean
  readonly expected: string
}
const never = (): Promise<Response> => new Promise(() => {})
const endless = (): Response =>
  eventStream(
    new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(chunks(['a']).slice(0, 2).join(''))),
    }),
  )
const WAYS: readonly Way[] = [
  { title: 'an answer', answer: () => Response.json(completion()), expected: 'ok' },
  { title: 'a stream', answer: () => eventStream(chunks(['a']).join('')), stream: true, expected: 'ok' },
  {
    title: 'a refusal of the provider',
    answer: () => Response.json({ error: { message: 'no' } }, { status: 400 }),
    expected: 'upstream_rejected',
  },
  {
    title: 'a failure of the provider',
    answer: () => new Response('', { status: 503 }),
    expected: 'all_targets_failed',
  },
  { title: 'an answer that makes no sense', answer: () => new Response('<html>'), expected: 'all_targets_failed' },
  { title: 'a timeout before the answer', answer: never, expected: 'all_targets_timed_out' },
  { title: 'a timeout before the stream', answer: never, stream: true, expected: 'all_targets_timed_out' },
  { title: 'a timeout inside the stream', answer: endless, stream: true, expected: 'ok' },
  {
    title: 'a stream that breaks',
    answer: () => eventStream(chunks(['a']).slice(0, 2).join('')),
    stream: true,
    expected: 'ok',
  },
  { title: 'a client that leaves before the answer', answer: never, expected: 'client_closed' },
  { title: 'a client that leaves before the stream', answer: never, stream: true, expected: 'client_closed' },
  { title: 'a client that leaves the stream', answer: endless, stream: true, expected: 'left' },
  { title: 'a crash of the gateway itself', answer: () => Response.json(completion()), expected: 'crash' },
]
for (const { title, answer, stream = false, expected } of WAYS)
  test(`the place in flight is free again after ${title}`, async () => {
    const go = Promise.withResolvers<void>()
    let current = answer
    using upstream = startUpstream(async () => {
      await go.promise
      return current()
    })
    let crashing = false
    // From then on no deadline passes: how long the next answer takes is not what is asked here.
    let isOver = false
    const clock: Clock = {
      ...systemClock,
      monotonicMs() {
        // Once: what cleans up behind a crash looks at the clock, too.
        if (crashing) {
          crashing = false
          throw new Error('boom')
        }
        return systemClock.monotonicMs()
      },
      after: (delayMs, callback) => (isOver ? () => {} : systemClock.after(delayMs, callback)),
    }
    await using weir = await startGateway(
      providerAt(upstream.url, title.includes('timeout') ? 'timeouts: { first_token: 150ms, idle: 150ms }\n' : ''),
      {
        clock,
      },
    )
    const teamId = await makeTeam(weir, { limits: { concurrency: 1 } })
    const { secret } = await make(weir, { teamId, limits: { concurrency: 1, rpm: 100 } })
    const abort = new AbortController()
    const asked = weir.call(CHAT, { ...QUESTION, stream, user: 'ann' }, { key: secret, signal: abort.signal })
    while (upstream.received.length === 0) await Bun.sleep(1)
    expect(weir.gateway.limiter.inFlight('key')).toBe(1)
    crashing = expected === 'crash'
    go.resolve()
    if (expected === 'client_closed') abort.abort()
    const response = await asked
    if (expected === 'crash') {
      expect(response.status).toBe(500)
      expect(await response.text()).not.toContain('boom')
      expect(weir.log()).toContain('boom')
    } else if (expected === 'left') {
      expect(await refusalOf(await weir.call(CHAT, QUESTION, { key: secret }))).toBe('concurrency_limited')
      abort.abort()
      await response.text().catch(() => '')
    } else expect(await outcome(response)).toBe(expected)
    await expectAtRest(weir)
    isOver = true
    current = () => Response.json(completion())
    expect(await ask(weir, secret)).toBe('ok')
  })

test('requests at once: one too many is told so, for whom, and that it may retry', async () => {
  const go = Promise.withResolvers<void>()
  using upstream = startUpstream(async () => {
    await go.promise
    return Response.json(completion())
  })
  await using weir = await startGateway(providerAt(upstream.url))
  const { key, secret } = await make(weir, { limits: { concurrency: 2 } })
  const running = [ask(weir, secret), ask(weir, secret)]
  while (upstream.received.length < 2) await Bun.sleep(1)
  const refused = await weir.call(CHAT, QUESTION, { key: secret })
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(((await refused.clone().json()) as { error: { message: string } }).error.message).toBe(
    `The key ${key.id} has 2 requests in flight and may have 2 at once.`,
  )
  expect(await refusalOf(refused)).toBe('concurrency_limited')
  // Another key is nobody's neighbour.
  const other = ask(weir, weir.key)
  go.resolve()
  expect(await Promise.all([...running, other])).toEqual(['ok', 'ok', 'ok'])
  expect(await ask(weir, secret)).toBe('ok')
})

test('key, team, end user and gateway: a refusal by one of them takes nothing from the others', async () => {
  using upstream = answering()
  const clock = drivenClock()
  await using weir = await startGateway(
    providerAt(upstream.url, 'limits: { gateway: { rpm: 8 }, end_user: { rpm: 2 } }\n'),
    { clock },
  )
  const teamId = await makeTeam(weir, { limits: { rpm: 4 } })
  const member = await make(weir, { teamId, limits: { rpm: 3 } }, clock)
  const second = await make(weir, { teamId }, clock)
  const outsider = await make(weir, {}, clock)
  const whose = async (secret: string, user?: string): Promise<string> => {
    const response = await weir.call(CHAT, { ...QUESTION, ...(user === undefined ? {} : { user }) }, { key: secret })
    if (response.status === 200) return `ok ${response.headers.get('x-ratelimit-remaining-requests')}`
    return ((await response.json()) as { error: { message: string } }).error.message.replace(/ has used.*/, '')
  }
  // The tightest scope is the one that the headers tell of.
  expect(await whose(member.secret, 'ann')).toBe('ok 1')
  expect(await whose(member.secret, 'ann')).toBe('ok 0')
  for (let index = 0; index < 3; index++)
    expect(await whose(member.secret, 'ann')).toBe(`The end user ${member.key.id}/ann`)
  // Five refusals later the key has its third request, the team its fourth.
  expect(await whose(member.secret, 'bob')).toBe('ok 0')
  expect(await whose(member.secret, 'bob')).toBe(`The key ${member.key.id}`)
  expect(await whose(second.secret, 'bob')).toBe('ok 0')
  expect(await whose(second.secret)).toBe(`The team ${teamId}`)
  // The same name under another key is another end user.
  expect(await whose(outsider.secret, 'ann')).toBe('ok 1')
  expect(await whose(outsider.secret, 'ann')).toBe('ok 0')
  expect(await whose(outsider.secret)).toBe('ok 1')
  expect(await whose(outsider.secret)).toBe('ok 0')
  expect(await whose(outsider.secret)).toBe('This gateway')
  expect(upstream.received.length).toBe(8)
  clock.advance(61_000)
  expect(await whose(member.secret, 'ann')).toBe('ok 1')
  await expectAtRest(weir)
})

test('limits of the configuration hold for keys and teams that have none of their own', async () => {
  using upstream = answering()
  await using weir = await startGateway(providerAt(upstream.url, 'limits: { key: { rpm: 1 }, team: { rpm: 2 } }\n'))
  const own = await make(weir, { limits: { rpm: 5 } })
  const plain = await make(weir, {})
  expect([await ask(weir, plain.secret), await ask(weir, plain.secret)]).toEqual(['ok', 'rate_limited'])
  for (let index = 0; index < 5; index++) expect(await ask(weir, own.secret)).toBe('ok')
  expect(await ask(weir, own.secret)).toBe('rate_limited')
  const teamId = await makeTeam(weir, {})
  const members = [await make(weir, { teamId }), await make(weir, { teamId }), await make(weir, { teamId })]
  expect(await Promise.all(members.map(({ secret }) => ask(weir, secret)))).toEqual(['ok', 'ok', 'rate_limited'])
})

test('of many requests in one moment exactly as many come in as the limit says', async () => {
  using upstream = answering()
  await using weir = await startGateway(providerAt(upstream.url, 'limits: { gateway: { rpm: 60 } }\n'))
  const keys = await Promise.all(Array.from({ length: 10 }, () => make(weir, { limits: { rpm: 7 } })))
  const outcomes = await Promise.all(keys.flatMap(({ secret }) => Array.from({ length: 12 }, () => ask(weir, secret))))
  expect(outcomes.filter((one) => one === 'ok').length).toBe(60)
  expect(outcomes.filter((one) => one === 'rate_limited').length).toBe(60)
  expect(upstream.received.length).toBe(60)
  await expectAtRest(weir)
})
