// What the lab is given of a request after its answer has left, and what that may cost.
import { expect, test } from 'bun:test'
import { systemClock } from '../src/core/clock.ts'
import { textOf } from '../src/core/chat.ts'
import type { Answered } from '../src/lab/answered.ts'
import { chunks, completion, eventStream, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

/** Joins the gateway's sampler; `next` resolves with the next request that is handed out. */
function learner(weir: TestGateway, wants: (route: string) => boolean = () => true) {
  const seen: Answered[] = []
  const awaited: ((answered: Answered) => void)[] = []
  const leave = weir.gateway.sampler.join({
    name: 'test',
    wants,
    take(answered) {
      const waiter = awaited.shift()
      if (waiter === undefined) seen.push(answered)
      else waiter(answered)
    },
  })
  return {
    leave,
    seen,
    next: () => {
      const first = seen.shift()
      return first === undefined ? new Promise<Answered>((resolve) => awaited.push(resolve)) : Promise.resolve(first)
    },
  }
}

function said({ answer }: Answered): string | null {
  return answer.type === 'read' ? textOf(answer.answer.choices[0]?.parts ?? []) : null
}

const isStreamed = (body: string): boolean => body.includes('"stream":true')
const answer = (_request: Request, _number: number, body: string) =>
  isStreamed(body) ? eventStream(chunks(['Hel', 'lo ', 'there']).join('')) : Response.json(completion('Hello there'))

const ANTHROPIC = { model: 'up/m', max_tokens: 50, messages: [{ role: 'user', content: 'Say hello' }] }
const RESPONSES = { model: 'up/m', input: 'Say hello' }
const GEMINI = { contents: [{ role: 'user', parts: [{ text: 'Say hello' }] }] }

const FORMS: readonly (readonly [name: string, path: string, body: object, isStream: boolean])[] = [
  ['a chat completion', '/v1/chat/completions', QUESTION, false],
  ['a streamed chat completion', '/v1/chat/completions', { ...QUESTION, stream: true }, true],
  ['a message of Anthropic’s form', '/v1/messages', ANTHROPIC, false],
  ['a streamed message of Anthropic’s form', '/v1/messages', { ...ANTHROPIC, stream: true }, true],
  ['a response', '/v1/responses', RESPONSES, false],
  ['a streamed response', '/v1/responses', { ...RESPONSES, stream: true }, true],
  ['Gemini’s form', '/v1beta/models/up/m:generateContent', GEMINI, false],
  ['a stream of Gemini’s form', '/v1beta/models/up/m:streamGenerateContent?alt=sse', GEMINI, true],
]

test.each(FORMS)('%s is read into the normal form, question and answer', async (_name, path, body, isStream) => {
  using upstream = startUpstream(answer)
  await using weir = await startGateway(providerAt(upstream.url))
  const lab = learner(weir)
  const response = await weir.call(path, body)
  await response.text()
  const answered = await lab.next()
  expect(answered).toMatchObject({
    requestId: response.headers.get('x-weir-request-id'),
    deployment: 'up/m',
    status: 'complete',
    errorCode: null,
    isNoStore: false,
    isTaskDeclared: false,
  })
  expect(said(answered)).toBe('Hello there')
  expect(answered.answer).toMatchObject({ type: 'read', isStream, isComplete: true })
  expect(answered.request.messages.map(({ role, parts }) => [role, textOf(parts)])).toEqual([['user', 'Say hello']])
  expect(answered.costNanoUsd).toBe(isStream ? 16_000n : 20_000n)
  expect(answered.task.shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1)
  expect(weir.gateway.sampler.counts()).toMatchObject({ waiting: 0, heldBytes: 0 })
})

test('it comes after its entry: whoever gets it finds it in the books', async () => {
  using upstream = startUpstream(answer)
  await using weir = await startGateway(providerAt(upstream.url))
  const lab = learner(weir)
  await (await weir.call('/v1/chat/completions', { ...QUESTION, stream: true })).text()
  const { requestId, costNanoUsd } = await lab.next()
  expect((await weir.store.getEntry(requestId))?.costNanoUsd).toBe(costNanoUsd!)
})

test('what the caller says of the request comes with it: task, session, and that nothing may be kept', async () => {
  using upstream = startUpstream(answer)
  await using weir = await startGateway(providerAt(upstream.url, 'cache: { no_store_tags: [private] }'))
  const lab = learner(weir)
  const headers = { 'x-weir-task': 'code', 'x-weir-session': 's-1' }
  await (await weir.call('/v1/chat/completions', QUESTION, { headers })).text()
  expect(await lab.next()).toMatchObject({ task: { task: 'code' }, isTaskDeclared: true, session: 's-1' })
  const ways: readonly (readonly [body: object, headers: Record<string, string>])[] = [
    [QUESTION, { 'cache-control': 'no-store' }],
    [QUESTION, { 'x-weir-tags': 'private' }],
    [{ ...QUESTION, store: false }, {}],
  ]
  for (const [body, more] of ways) {
    await (await weir.call('/v1/chat/completions', body, { headers: more })).text()
    expect((await lab.next()).isNoStore).toBe(true)
  }
})

test('a request that fails, and one whose client leaves, are told as such', async () => {
  const gone = Promise.withResolvers<void>()
  using upstream = startUpstream((_request, _number, body) =>
    isStreamed(body)
      ? eventStream(
          new ReadableStream({
            async start(controller) {
              for (const chunk of chunks(['half', ' of']).slice(0, 3))
                controller.enqueue(new TextEncoder().encode(chunk))
              await gone.promise
              controller.close()
            },
          }),
        )
      : Response.json({ error: { message: 'no' } }, { status: 500 }),
  )
  await using weir = await startGateway(providerAt(upstream.url))
  const lab = learner(weir)
  await (await weir.call('/v1/chat/completions', QUESTION)).text()
  expect(await lab.next()).toMatchObject({
    status: 'failed',
    errorCode: 'all_targets_failed',
    answer: { type: 'none' },
    deployment: 'up/m',
  })
  const abort = new AbortController()
  const response = await weir.call('/v1/chat/completions', { ...QUESTION, stream: true }, { signal: abort.signal })
  const reader = response.body!.getReader()
  await reader.read()
  abort.abort()
  await reader.cancel().catch(() => undefined)
  const left = await lab.next()
  gone.resolve()
  expect(left).toMatchObject({ status: 'aborted', answer: { type: 'read', isComplete: false } })
  expect(said(left)).toContain('half')
})

test('an answer that another request had, and the gateway’s own requests, are not handed out', async () => {
  using upstream = startUpstream(answer)
  await using weir = await startGateway(providerAt(upstream.url, 'cache: { mode: exact }'))
  const lab = learner(weir)
  for (let count = 0; count < 3; count++) await (await weir.call('/v1/chat/completions', QUESTION)).text()
  await lab.next()
  await weir.gateway.drills
    .start({ routes: ['up/m'], breaks: [], on: { type: 'synthetic' }, forMs: 1 }, null)
    .catch(() => undefined)
  await weir.gateway.drills.settled()
  const secret = await weir.issue({ metadata: { lab: 'off' } })
  await (await weir.call('/v1/chat/completions', { ...QUESTION, temperature: 0 }, { key: secret })).text()
  await (await weir.call('/v1/chat/completions', { ...QUESTION, temperature: 1 })).text()
  expect((await lab.next()).request.sampling.temperature).toBe(1)
  expect(weir.gateway.sampler.counts()).toMatchObject({ seen: 2, dropped: { no_room: 0 }, heldBytes: 0 })
})

test('where nobody wants to learn from a route, nothing of it is copied', async () => {
  using upstream = startUpstream(answer)
  await using weir = await startGateway(providerAt(upstream.url))
  const lab = learner(weir, (route) => route !== 'up/m')
  await (await weir.call('/v1/chat/completions', QUESTION)).text()
  lab.leave()
  await weir.gateway.sampler.settled()
  expect(weir.gateway.sampler.counts()).toEqual({
    waiting: 0,
    heldBytes: 0,
    seen: 0,
    dropped: { no_room: 0, not_booked: 0, not_readable: 0 },
  })
})

test('an answer larger than the bound is told as such, and holds nothing', async () => {
  using upstream = startUpstream(() => Response.json(completion('x'.repeat(3_000))))
  await using weir = await startGateway(providerAt(upstream.url, 'lab: { max_answer_size: 2KiB }'))
  const lab = learner(weir)
  await (await weir.call('/v1/chat/completions', QUESTION)).text()
  expect((await lab.next()).answer).toEqual({ type: 'too_large' })
  expect(weir.gateway.sampler.counts().heldBytes).toBe(0)
})

test('the queue is bounded: what finds no room is counted and forgotten, and looking takes no more than its share of the time', async () => {
  using upstream = startUpstream(answer)
  const timers: (readonly [delayMs: number, run: () => void])[] = []
  let nowMs = 1_000
  const clock = {
    ...systemClock,
    monotonicMs: () => nowMs,
    after: (delayMs: number, run: () => void) => {
      const timer = [delayMs, run] as const
      timers.push(timer)
      return () => {
        const at = timers.indexOf(timer)
        if (at >= 0) timers.splice(at, 1)
      }
    },
  }
  await using weir = await startGateway(providerAt(upstream.url, 'lab: { max_waiting: 3, cpu_share: 0.1 }'), { clock })
  const seen: string[] = []
  weir.gateway.sampler.join({
    name: 'slow',
    wants: () => true,
    take({ requestId }) {
      seen.push(requestId)
      nowMs += 4
      throw new Error('cannot learn')
    },
  })
  const ids: (string | null)[] = []
  for (let count = 0; count < 5; count++) {
    const response = await weir.call('/v1/chat/completions', QUESTION)
    await response.text()
    ids.push(response.headers.get('x-weir-request-id'))
  }
  expect(weir.gateway.sampler.counts()).toMatchObject({ waiting: 3, dropped: { no_room: 2 } })
  const delays: number[] = []
  while (weir.gateway.sampler.counts().waiting > 0) {
    const at = timers.findIndex(([delayMs]) => delayMs === 5 || delayMs === 36)
    const [delayMs, run] = timers.splice(at, 1)[0]!
    delays.push(delayMs)
    run()
  }
  // 4 ms of work at a tenth of the time: 36 ms of rest.
  expect(delays).toEqual([5, 36, 36])
  expect(seen).toEqual(ids.slice(0, 3) as string[])
  expect(weir.log()).toContain('lab_failed')
  expect(await weir.gateway.metrics.text()).toContain('weir_lab_dropped_total{reason="no_room"} 2')
})
