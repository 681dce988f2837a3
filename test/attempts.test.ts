// What happens between a plan and an answer: retries, fallbacks by cause, credentials, limits, and what they cost.
import { expect, test } from 'bun:test'
import { chunks, completion, eventStream, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'

const CHAT = '/v1/chat/completions'
const PRICED = 'models: { m: { price: { input: 1000, output: 1000 } } }'

/** Two providers `one` and `two` and a route `chat` over both; `more` belongs to the route. */
function twoTargets(one: Upstream, two: Upstream, more = '', top = ''): string {
  return `
providers:
  one: { preset: openai-compatible, base_url: "${one.url}/v1", keys: [a-first-secret], ${PRICED} }
  two: { preset: openai-compatible, base_url: "${two.url}/v1", keys: [a-second-secret], ${PRICED} }
routes:
  chat: { targets: [one/m, two/m], ${more} }
log: { level: error }
${top}`
}

const ok =
  (text = 'ok') =>
  (_request: Request, _number: number, body: string) =>
    body.includes('"stream":true') ? eventStream(chunks([text]).join('')) : Response.json(completion(text))
const status =
  (code: number, message: string, headers: Record<string, string> = {}) =>
  () =>
    Response.json({ error: { message, type: 'x', code: null } }, { status: code, headers })

async function attemptsOf(weir: TestGateway, response: Response) {
  const id = response.headers.get('x-weir-request-id') ?? ''
  await response.text()
  await weir.gateway.journal.flush()
  const record = await weir.store.getRequest(id)
  return { entry: await weir.store.getEntry(id), attempts: record?.attempts ?? [] }
}
const lines = (attempts: readonly { readonly target: string; readonly outcome: { readonly type: string } }[]) =>
  attempts.map(({ target, outcome }) => `${target} ${outcome.type}`)

test('a passing failure is tried once more where it is, then elsewhere', async () => {
  using flaky = startUpstream((request, number, body) =>
    number === 1 ? status(503, 'busy')() : ok('second time')(request, number, body),
  )
  using healthy = startUpstream(ok())
  await using weir = await startGateway(twoTargets(flaky, healthy))
  const answer = await weir.call(CHAT, { ...QUESTION, model: 'chat' })
  expect(lines((await attemptsOf(weir, answer)).attempts)).toEqual(['one/m overloaded', 'one/m answered'])

  await using never = await startGateway(twoTargets(flaky, healthy, 'retries: 0'))
  flaky.received.length = 0
  const elsewhere = await never.call(CHAT, { ...QUESTION, model: 'chat' })
  expect(lines((await attemptsOf(never, elsewhere)).attempts)).toEqual(['one/m overloaded', 'two/m answered'])
})

test('a rate limit goes elsewhere at once, and until its time is up nobody is sent there', async () => {
  using full = startUpstream(status(429, 'slow down', { 'retry-after': '30' }))
  using healthy = startUpstream(ok())
  await using weir = await startGateway(twoTargets(full, healthy))
  for (let count = 0; count < 5; count++)
    expect((await weir.call(CHAT, { ...QUESTION, model: 'chat' })).headers.get('x-weir-target')).toBe('two/m')
  expect(full.received.length).toBe(1)
})

test('the last target is waited for when it says for how long, once, and within the deadline', async () => {
  using full = startUpstream((request, number, body) =>
    number % 2 === 1 ? status(429, 'slow down', { 'retry-after-ms': '150' })() : ok()(request, number, body),
  )
  await using weir = await startGateway(twoTargets(full, full))
  const began = performance.now()
  const answer = await weir.call(CHAT, { ...QUESTION, model: 'one/m' })
  expect(answer.status).toBe(200)
  expect(performance.now() - began).toBeGreaterThan(140)
  expect(lines((await attemptsOf(weir, answer)).attempts)).toEqual(['one/m rate_limited', 'one/m answered'])

  using shut = startUpstream(status(429, 'come back tomorrow', { 'retry-after': '3600' }))
  await using other = await startGateway(twoTargets(shut, shut))
  const refused = await other.call(CHAT, { ...QUESTION, model: 'one/m' })
  expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true])
  // Who comes now is told at once: the door is known to be shut.
  expect((await other.call(CHAT, { ...QUESTION, model: 'one/m' })).status).toBe(503)
  expect(shut.received.length).toBe(1)
})

test('a provider that refuses every request with a promise is believed once a request', async () => {
  using full = startUpstream(status(429, 'slow down', { 'retry-after-ms': '60' }))
  await using weir = await startGateway(twoTargets(full, full))
  for (const tries of [2, 4]) {
    const answer = await weir.call(CHAT, { ...QUESTION, model: 'one/m' })
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ error: { code: 'all_targets_cooling' } })
    expect(full.received.length).toBe(tries)
  }
})

test('a bad or exhausted credential is replaced by the next one of its provider', async () => {
  using picky = startUpstream((request, number, body) => {
    const key = request.headers.get('authorization')
    if (key === 'Bearer key-one') return status(401, 'invalid api key')()
    if (key === 'Bearer key-two') return status(429, 'slow down')()
    return ok()(request, number, body)
  })
  await using weir = await startGateway(`
providers:
  up: { preset: openai-compatible, base_url: "${picky.url}/v1", keys: [key-one, key-two, key-three], models: { m: {} } }
`)
  const answer = await weir.call(CHAT, QUESTION)
  const { attempts } = await attemptsOf(weir, answer)
  expect(attempts.map(({ credentialId, outcome }) => `${credentialId} ${outcome.type}`)).toEqual([
    'up#1 credential_bad',
    'up#2 rate_limited',
    'up#3 answered',
  ])
  for (let count = 0; count < 3; count++) await (await weir.call(CHAT, QUESTION)).text()
  expect(picky.received.length).toBe(6)
  expect(weir.log()).toContain('"benched":"up#1"')
})

test('too long a prompt goes where the route says that it fits, and is else the caller’s to hear of', async () => {
  using small = startUpstream(
    status(400, "This model's maximum context length is 10 tokens.", { 'content-type': 'application/json' }),
  )
  using large = startUpstream(ok('long enough'))
  await using plain = await startGateway(twoTargets(small, large))
  const told = await plain.call(CHAT, { ...QUESTION, model: 'chat' })
  expect([told.status, await told.text()]).toEqual([400, expect.stringContaining('maximum context length')])
  expect(large.received.length).toBe(0)

  await using weir = await startGateway(twoTargets(small, large, 'on: { context_length: [two/m] }'))
  const answer = await weir.call(CHAT, { ...QUESTION, model: 'chat' })
  expect(lines((await attemptsOf(weir, answer)).attempts)).toEqual(['one/m context_too_long', 'two/m answered'])
})

test('what a content filter refuses goes where the route says, also when it came as an answer', async () => {
  const filtered = {
    ...completion(''),
    choices: [{ index: 0, message: { role: 'assistant', content: '…' }, finish_reason: 'content_filter' }],
  }
  for (const answer of [
    status(400, 'The response was filtered due to our content management policy.'),
    () => Response.json(filtered),
  ]) {
    using strict = startUpstream(answer)
    using other = startUpstream(ok())
    await using weir = await startGateway(twoTargets(strict, other, 'on: { content_filter: [two/m] }'))
    const { attempts, entry } = await attemptsOf(weir, await weir.call(CHAT, { ...QUESTION, model: 'chat' }))
    expect(lines(attempts)).toEqual(['one/m filtered', 'two/m answered'])
    // The filtered answer had used 15 tokens at $1000 a million, as the good one did.
    const paid = attempts[0]?.consumed === undefined ? 15_000_000n : 30_000_000n
    expect(entry?.costNanoUsd).toBe(paid)
  }
})

test('a target that fails thrice in a row is left alone, is seen cooling down, and comes back by one probe', async () => {
  let isDown = true
  using flaky = startUpstream((request, number, body) => (isDown ? status(500, 'down')() : ok()(request, number, body)))
  using healthy = startUpstream(ok())
  await using weir = await startGateway(twoTargets(flaky, healthy, 'retries: 0'))
  const ask = () => weir.call(CHAT, { ...QUESTION, model: 'chat' })
  for (let count = 0; count < 10; count++) expect((await ask()).status).toBe(200)
  expect(flaky.received.length).toBe(3)
  const state = weir.gateway.health.states().find(({ deployment }) => deployment === 'one/m')
  expect(state).toMatchObject({ state: 'cooling', failed: 3, trips: 1 })
  expect(weir.log()).toContain('deployment_cooling')
  expect(await weir.gateway.metrics.text()).toContain('weir_deployment_state{provider="one",model="m"} 3')
  isDown = false
  const until = performance.now() + 5_000
  while (flaky.received.length === 3 && performance.now() < until) {
    await Promise.all([ask(), ask(), ask()])
    await Bun.sleep(50)
  }
  // Three at once, and one of them was the probe.
  expect(flaky.received.length).toBeGreaterThan(3)
  expect(weir.gateway.health.states().find(({ deployment }) => deployment === 'one/m')?.state).toBe('easing')
})

test('when everything is out, what recovers first is tried rather than nobody', async () => {
  let isDown = true
  using only = startUpstream((request, number, body) => (isDown ? status(500, 'down')() : ok()(request, number, body)))
  await using weir = await startGateway(twoTargets(only, only, 'retries: 0'))
  for (let count = 0; count < 4; count++) await (await weir.call(CHAT, { ...QUESTION, model: 'one/m' })).text()
  expect(weir.gateway.health.states()[0]).toMatchObject({ state: 'cooling' })
  isDown = false
  expect((await weir.call(CHAT, { ...QUESTION, model: 'one/m' })).status).toBe(200)
})

test('a role and pings are no answer: the first-token deadline still runs', async () => {
  using mute = startUpstream(() => {
    const timer: { stop?: () => void } = {}
    return eventStream(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(chunks([])[0]))
          const ticking = setInterval(() => controller.enqueue(new TextEncoder().encode(': ping\n\n')), 20)
          timer.stop = () => clearInterval(ticking)
        },
        cancel: () => timer.stop?.(),
      }),
    )
  })
  using healthy = startUpstream(ok())
  await using weir = await startGateway(twoTargets(mute, healthy, 'timeouts: { first_token: 200ms }'))
  const answer = await weir.call(CHAT, { ...QUESTION, model: 'chat', stream: true })
  const { attempts } = await attemptsOf(weir, answer)
  expect(attempts.map(({ outcome }) => outcome)).toEqual([
    { type: 'timed_out', stage: 'first_token' },
    { type: 'answered' },
  ])
})

test('a trickle is no answer where the route asks for a pace', async () => {
  const slow = () =>
    eventStream(
      new ReadableStream({
        async start(controller) {
          for (const chunk of chunks(Array.from({ length: 40 }, () => 'a'))) {
            controller.enqueue(new TextEncoder().encode(chunk))
            await Bun.sleep(100)
          }
        },
      }),
    )
  using trickling = startUpstream(slow)
  using healthy = startUpstream(ok('a good and long enough answer'))
  await using weir = await startGateway(twoTargets(trickling, healthy, 'min_tokens_per_s: 20'))
  const answer = await weir.call(CHAT, { ...QUESTION, model: 'chat', stream: true })
  const { attempts, entry } = await attemptsOf(weir, answer)
  expect(attempts.map(({ target, outcome }) => [target, outcome])).toEqual([
    ['one/m', { type: 'timed_out', stage: 'pace' }],
    ['two/m', { type: 'answered' }],
  ])
  // What the trickle had produced is paid for beside the answer.
  expect(attempts[0]?.consumed?.usage.output).toBeGreaterThan(0)
  const own = 10n * 1_000_000n + 1n * 1_000_000n
  expect(entry?.costNanoUsd).toBe(own + (attempts[0]?.consumed?.costNanoUsd ?? 0n))
})

test('a client that leaves while a whole answer is awaited pays for its input, and nothing more is tried', async () => {
  const gone = new AbortController()
  using slow = startUpstream(async () => {
    setTimeout(() => gone.abort(), 20)
    await Bun.sleep(5_000)
    return new Response()
  })
  using healthy = startUpstream(ok())
  await using weir = await startGateway(twoTargets(slow, healthy))
  const began = performance.now()
  const answer = await weir.call(CHAT, { ...QUESTION, model: 'chat' }, { signal: gone.signal })
  expect(performance.now() - began).toBeLessThan(1_000)
  const { attempts, entry } = await attemptsOf(weir, answer)
  expect(lines(attempts)).toEqual(['one/m cancelled'])
  expect(healthy.received.length).toBe(0)
  expect(entry).toMatchObject({ status: 'aborted', provider: 'one', usageSource: 'estimated' })
  expect(entry?.usage.input).toBeGreaterThan(5)
  expect(entry?.usage.output).toBe(0)
  expect(entry?.costNanoUsd).toBe(BigInt(entry?.usage.input ?? 0) * 1_000_000n)
  expect(weir.gateway.health.states()[0]).toMatchObject({ inFlight: 0, failed: 0 })
})

test('a client that leaves during the pause before a retry gets none', async () => {
  const gone = new AbortController()
  using flaky = startUpstream(() => {
    setTimeout(() => gone.abort(), 10)
    return status(503, 'busy')()
  })
  await using weir = await startGateway(twoTargets(flaky, flaky))
  const answer = await weir.call(CHAT, { ...QUESTION, model: 'chat' }, { signal: gone.signal })
  expect(lines((await attemptsOf(weir, answer)).attempts)).toEqual(['one/m overloaded'])
})

test('a second attempt starts when the first says nothing for a while; the loser is ended and pays only for what it did', async () => {
  let isAborted = false
  using slow = startUpstream(async (request) => {
    request.signal.addEventListener('abort', () => (isAborted = true))
    await Bun.sleep(3_000)
    return new Response()
  })
  using fast = startUpstream(ok())
  for (const stream of [true, false]) {
    await using weir = await startGateway(twoTargets(slow, fast, 'hedge_after_ms: 50'))
    isAborted = false
    const began = performance.now()
    const answer = await weir.call(CHAT, { ...QUESTION, model: 'chat', stream })
    const { attempts, entry } = await attemptsOf(weir, answer)
    expect(performance.now() - began).toBeLessThan(1_500)
    expect(lines(attempts)).toEqual(
      stream ? ['two/m answered', 'one/m cancelled'] : ['two/m answered', 'one/m cancelled'],
    )
    expect(attempts[1]?.consumed?.usage.output).toBe(0)
    expect(entry).toMatchObject({ provider: 'two', status: 'complete' })
    const input = BigInt(attempts[1]?.consumed?.usage.input ?? 0)
    const own = stream ? 11_000_000n : 15_000_000n
    expect(entry?.costNanoUsd).toBe(own + input * 1_000_000n)
    expect(isAborted).toBe(true)
    expect(weir.gateway.health.states().map(({ inFlight }) => inFlight)).toEqual([0, 0])
    // Only one in twenty may be hedged: the next one waits.
    const gone = AbortSignal.timeout(200)
    const waiting = await weir.call(CHAT, { ...QUESTION, model: 'chat', stream }, { signal: gone })
    expect(lines((await attemptsOf(weir, waiting)).attempts)).toEqual(['one/m cancelled'])
  }
})

test('a hedge whose first attempt fails goes on with the second, and one that both lose tells of both', async () => {
  using failing = startUpstream(async () => {
    await Bun.sleep(100)
    return status(400, 'model x not found')()
  })
  using fast = startUpstream(async (request, number, body) => {
    await Bun.sleep(150)
    return ok()(request, number, body)
  })
  await using weir = await startGateway(twoTargets(failing, fast, 'hedge_after_ms: 30'))
  const answer = await weir.call(CHAT, { ...QUESTION, model: 'chat' })
  expect(lines((await attemptsOf(weir, answer)).attempts)).toEqual(['one/m unreachable', 'two/m answered'])
  await using lost = await startGateway(twoTargets(failing, failing, 'hedge_after_ms: 30'))
  const error = await lost.call(CHAT, { ...QUESTION, model: 'chat' })
  expect(error.status).toBe(502)
  expect(lines((await attemptsOf(lost, error)).attempts)).toEqual(['one/m unreachable', 'two/m unreachable'])
})
