// Evidence of quality through a whole gateway: what answers say against themselves, and what callers say of them.
import { expect, test } from 'bun:test'
import type { JsonObject } from '../src/core/json.ts'
import { TASKS } from '../src/lab/task.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { chunks, completion, eventStream, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { CallOptions, TestGateway } from './gateway.ts'

const ON = 'lab: { evidence: true }'

/** Resolves when an answer was looked at, and what it says is written. */
async function looked(weir: TestGateway, id: string): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    if ((await weir.gateway.quality.book.find(id)) !== null) break
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await weir.gateway.quality.settled()
}

async function ask(weir: TestGateway, body: object, options: CallOptions = {}): Promise<string> {
  const response = await weir.call('/v1/chat/completions', body, options)
  await response.text()
  return response.headers.get('x-weir-request-id') ?? ''
}

async function tell(weir: TestGateway, body: object, options: CallOptions & { readonly path?: string } = {}) {
  const response = await weir.call(options.path ?? '/v1/feedback', body, options)
  const json = (await response.json()) as JsonObject & {
    error?: { message: string; param: string; weir: { code: string } }
  }
  return { status: response.status, json, error: json.error }
}

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const CASES: readonly (readonly [name: string, fields: object, text: string, kind: string | null])[] = [
  ['a good answer', {}, 'Hello to you, and welcome.', null],
  [
    'JSON that does not fit',
    { response_format: { type: 'json_schema', json_schema: { name: 'c', schema: SCHEMA } } },
    '{"town": 1}',
    'invalid_format',
  ],
  ['a refusal', {}, "I'm sorry, but I can't help with that.", 'refusal'],
]

test.each(CASES)('%s, whole and streamed, is counted for what it is', async (_name, fields, text, kind) => {
  using upstream = startUpstream((_request, _number, body) =>
    body.includes('"stream":true') ? eventStream(chunks([text]).join('')) : Response.json(completion(text)),
  )
  await using weir = await startGateway(providerAt(upstream.url, ON))
  for (const stream of [false, true]) {
    const id = await ask(weir, { ...QUESTION, ...fields, stream, seed: Number(stream) })
    await looked(weir, id)
    expect(
      (await weir.store.evidenceOf(id)).filter((said) => said.kind !== 'asked_again').map((said) => said.kind),
    ).toEqual(kind === null ? [] : [kind])
  }
})

test('a provider that fails, and a route that is not looked at, leave no evidence', async () => {
  using upstream = startUpstream((_request, number) =>
    number === 1 ? Response.json({ error: { message: 'no' } }, { status: 400 }) : Response.json(completion('')),
  )
  await using weir = await startGateway(
    providerAt(upstream.url, `${ON}\nroutes: { quiet: { targets: [up/m], evidence: false } }`),
  )
  await ask(weir, QUESTION)
  await ask(weir, { ...QUESTION, model: 'quiet' })
  await weir.gateway.quality.settled()
  expect(weir.gateway.quality.scoreboard.rows()).toEqual([])
})

test('feedback counts for the caller’s own request: each kind once, replaced when it comes again, also after a restart', async () => {
  using upstream = startUpstream(() => Response.json(completion('Hello')))
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  const kept = { ...store, close: async () => {} }
  let id: string
  let secret: string
  {
    await using weir = await startGateway(providerAt(upstream.url, ON), { store: kept })
    secret = weir.key
    id = await ask(weir, QUESTION, { headers: { 'x-weir-task': 'code' } })
    await looked(weir, id)
    const first = await tell(weir, { request_id: id, thumb: 'up', task_success: true, comment: 'did what I wanted' })
    expect(first.json).toEqual({
      object: 'weir.feedback',
      request_id: id,
      counted: ['thumb', 'task_success'],
      replaced: 0,
    })
  }
  await using weir = await startGateway(providerAt(upstream.url, ON), { store: kept })
  expect((await tell(weir, { request_id: id, thumb: 'down' }, { key: secret })).json['replaced']).toBe(1)
  const code = weir.gateway.quality.scoreboard.scores(['gateway'], 'up/m', Date.now())[TASKS.indexOf('code')]!
  expect(code.observations).toBe(2)
  expect(code.mean).toBeCloseTo((1 + 1) / (2 + 1.5), 3)
  expect((await store.evidenceOf(id)).map(({ kind, quality, comment }) => [kind, quality, comment])).toEqual([
    ['task_success', 1, 'did what I wanted'],
    ['thumb', 0, null],
  ])
  await store.close()
})

test('feedback of a request that nobody looked at counts for other work; of one that was refused, for none', async () => {
  using upstream = startUpstream((_request, number) =>
    number === 1 ? Response.json(completion('Hello')) : Response.json({ error: { message: 'no' } }, { status: 400 }),
  )
  await using weir = await startGateway(providerAt(upstream.url))
  const id = await ask(weir, QUESTION)
  expect((await tell(weir, { request_id: id, score: 0.25 })).status).toBe(200)
  expect(weir.gateway.quality.scoreboard.rows().map(({ scope, task }) => [scope.split(':')[0], task])).toEqual([
    ['gateway', 'other'],
    ['key', 'other'],
  ])
  const refused = await ask(weir, QUESTION)
  expect(await tell(weir, { request_id: refused, score: 1 })).toMatchObject({
    status: 400,
    error: { param: 'request_id' },
  })
})

const WRONG: readonly (readonly [name: string, body: object, param: string | null, words: RegExp])[] = [
  ['nothing is said', { request_id: 'ID' }, 'score', /Nothing is said/],
  ['no request is named', { thumb: 'up' }, 'request_id', /x-weir-request-id/],
  ['a thumb that is none', { request_id: 'ID', thumb: 'sideways' }, 'thumb', /`up` or `down`/],
  ['a score beyond its scale', { request_id: 'ID', score: 1.5 }, 'score', /from 0 to 1/],
  ['a success that is neither', { request_id: 'ID', task_success: 'yes' }, 'task_success', /true or false/],
  ['a label that is no task', { request_id: 'ID', label: 'cod' }, 'label', /Did you mean code/],
  ['a field that there is none of', { request_id: 'ID', thumbs: 'up' }, 'thumbs', /Did you mean thumb/],
  ['a comment without end', { request_id: 'ID', thumb: 'up', comment: 'x'.repeat(2_001) }, 'comment', /1 to 2000/],
]

test.each(WRONG)('feedback is refused precisely: %s', async (_name, body, param, words) => {
  await using weir = await startGateway()
  const { status, error } = await tell(weir, body)
  expect(status).toBe(400)
  expect(error?.param).toBe(param!)
  expect(error?.message).toMatch(words)
})

test('nobody speaks of another key’s request: it is as unknown as one that never was', async () => {
  using upstream = startUpstream(() => Response.json(completion('Hello')))
  await using weir = await startGateway(providerAt(upstream.url, ON))
  const id = await ask(weir, QUESTION)
  await looked(weir, id)
  const other = await weir.issue({})
  for (const [requestId, key, status] of [
    [id, other, 404],
    ['req_none', weir.key, 404],
    [id, null, 401],
  ] as const)
    expect((await tell(weir, { request_id: requestId, thumb: 'up' }, { key })).status).toBe(status)
  expect(await weir.store.evidenceOf(id)).toEqual([])
})

test('a label corrects the task, and is learned for the tenant', async () => {
  using upstream = startUpstream(() => Response.json(completion('Hello')))
  await using weir = await startGateway(providerAt(upstream.url, ON))
  const vague = {
    ...QUESTION,
    messages: [{ role: 'user', content: 'The mill is closed, and the river is high today.' }],
  }
  for (let count = 0; count < 40; count++) {
    const id = await ask(weir, {
      ...vague,
      seed: count,
      messages: [{ role: 'user', content: `The mill ${count} is closed.` }],
    })
    await looked(weir, id)
    expect((await tell(weir, { request_id: id, label: 'extraction', thumb: 'up' })).json['counted']).toEqual([
      'thumb',
      'label',
    ])
  }
  const id = await ask(weir, vague)
  await looked(weir, id)
  const { shares } = (await weir.store.getAnswered(id))!
  expect(shares[TASKS.indexOf('extraction')]!).toBeGreaterThan(0.3)
  const { mean } = weir.gateway.quality.scoreboard.scores(['gateway'], 'up/m', Date.now())[TASKS.indexOf('extraction')]!
  expect(mean).toBeGreaterThan(0.9)
}, 15_000)

const HOOKS = `${ON}
feedback:
  webhooks:
    graded: { request_id: /body/metadata/weir_request_id, score: /body/value, source: /body/name, comment: /body/comment, scale: [1, 5] }
    listed: { items: /events, request_id: /metadata/request_id, score: /scores/correct, task_success: /expected_met, label: /metadata/task }
`

test('what evaluation tools send is understood by a mapping of theirs', async () => {
  using upstream = startUpstream(() => Response.json(completion('Hello')))
  await using weir = await startGateway(providerAt(upstream.url, HOOKS))
  const id = await ask(weir, QUESTION)
  await looked(weir, id)
  const graded = {
    type: 'score-create',
    body: { name: 'helpful', value: 4, comment: 'fine', metadata: { weir_request_id: id } },
  }
  expect((await tell(weir, graded, { path: '/v1/feedback/graded' })).json['counted']).toEqual(['score'])
  const listed = {
    events: [
      { metadata: { request_id: id, task: 'code' }, scores: { correct: true }, expected_met: false },
      { metadata: { request_id: 'req_of_somebody' }, scores: { correct: 1 } },
      { metadata: { request_id: id } },
    ],
  }
  const { json } = await tell(weir, listed, { path: '/v1/feedback/listed' })
  expect(json).toMatchObject({
    counted: 1,
    skipped: [
      { index: 1, code: 'not_found' },
      { index: 2, code: 'request_malformed' },
    ],
  })
  expect((await weir.store.evidenceOf(id)).map(({ source, kind, quality }) => [source, kind, quality])).toEqual([
    ['helpful', 'score', 0.75],
    ['listed', 'score', 1],
    ['listed', 'task_success', 0],
  ])
  const wrong: readonly (readonly [path: string, body: object, status: number, words: RegExp])[] = [
    ['grade', graded, 404, /no feedback webhook of this name/],
    ['graded', { body: { ...graded.body, value: 7 } }, 400, /from 1 to 5/],
    ['listed', { events: 'none' }, 400, /must be a list/],
  ]
  for (const [path, body, status, words] of wrong) {
    const told = await tell(weir, body, { path: `/v1/feedback/${path}` })
    expect([told.status, told.error?.message]).toEqual([status, expect.stringMatching(words)])
  }
})
