// Evidence of quality through a whole gateway: what answers say against themselves, and what callers say of them.
import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { createAdmin } from '../src/admin/admin.ts'
import type { AdminRequest } from '../src/cli/admin-call.ts'
import { runWords } from '../src/cli/testing.ts'
import type { JsonObject } from '../src/core/json.ts'
import { bytesOfHeadInput } from '../src/lab/head-input-bytes.ts'
import { headInputOf } from '../src/lab/heads.ts'
import { promptOfText } from '../src/lab/prompt.ts'
import { taskOf, TASKS } from '../src/lab/task.ts'
import { routeTargets } from '../src/snapshot.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { chunks, completion, eventStream, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { CallOptions, TestGateway } from './gateway.ts'

const ON = 'lab: { evidence: all }'

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

test('unless the operator says otherwise, answers are looked at where quality chooses', async () => {
  using upstream = startUpstream(() => Response.json(completion('Hello to you')))
  const routes = `routes:
  plain: { targets: [up/m] }
  best: { targets: [up/m], strategy: quality }
  deaf: { targets: [up/m], strategy: quality, evidence: false }
  keen: { targets: [up/m], evidence: true }
`
  for (const [lab, looked] of [
    ['', ['best', 'keen', 'auto']],
    ['lab: { evidence: all }\n', ['plain', 'best', 'keen', 'auto', 'up/m']],
    ['lab: { evidence: off }\n', ['keen']],
  ] as const) {
    await using weir = await startGateway(providerAt(upstream.url, lab + routes))
    const found: string[] = []
    for (const model of ['plain', 'best', 'deaf', 'keen', 'auto', 'up/m']) {
      const id = await ask(weir, { ...QUESTION, model })
      await weir.gateway.quality.settled()
      if ((await weir.store.getAnswered(id)) !== null) found.push(model)
    }
    expect(found).toEqual([...looked])
  }
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

/** The admin API and the command line of a gateway. */
function operated(weir: TestGateway) {
  const admin = createAdmin({
    store: weir.store,
    hash: weir.hash,
    keys: weir.gateway.keyRing,
    clock: weir.gateway.clock,
    operatorTokenHash: weir.hash('an-admin-token'),
    quality: {
      scores: (chain: readonly string[], all: boolean) =>
        weir.gateway.quality.shown(chain, all ? routeTargets(weir.gateway.snapshot) : []),
      counts: () => weir.gateway.sampler.counts(),
      drift: () => ({
        signals: weir.gateway.quality.drift.shown(),
        golden: weir.gateway.quality.golden.shown(),
      }),
      prompts: () => ({
        mode: weir.gateway.snapshot.config.prompts.keep,
        ...weir.gateway.quality.prompts.counts(),
      }),
    },
    onInternalError: (cause: unknown) => {
      throw cause
    },
  } as never)
  const call = (request: Request): Promise<Response> => admin.fetch(request, { address: null })
  const get = async (path: string) => {
    const response = await call(
      new Request(`http://admin${path}`, { headers: { authorization: 'Bearer an-admin-token' } }),
    )
    return { status: response.status, body: (await response.json()) as JsonObject }
  }
  const run = async (...words: string[]) => {
    const { code, out, err } = await runWords(words, {
      environment: { WEIR_ADMIN_TOKEN: 'an-admin-token' },
      clock: weir.gateway.clock,
      outside: {
        readInput: async () => '',
        askAdmin: async ({ method, url, token, body }: AdminRequest) => {
          const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
          const response = await call(
            new Request(url, { method, headers, ...(body === null ? {} : { body: JSON.stringify(body) }) }),
          )
          return { status: response.status, body: await response.json() }
        },
      },
    })
    return { code, out: out + err }
  }
  return { get, run, call }
}

test('a score is shown with its interval, the evidence behind it and where that came from: API, command line, metrics', async () => {
  using upstream = startUpstream((_request, number) => Response.json(completion(number === 1 ? '' : 'Hello to you')))
  await using weir = await startGateway(
    providerAt(upstream.url, `${ON}\nroutes: { chat: { targets: [up/m, up/other] } }`),
  )
  const { get, run } = operated(weir)
  expect((await run('quality', 'list')).out).toContain('No evidence yet.')
  const headers = { 'x-weir-task': 'code' }
  for (let count = 0; count < 2; count++) {
    const id = await ask(
      weir,
      { ...QUESTION, seed: count, model: 'chat', messages: [{ role: 'user', content: `Say ${count}` }] },
      { headers },
    )
    await looked(weir, id)
    if (count === 1) await tell(weir, { request_id: id, task_success: true })
  }
  const { body } = await get('/admin/quality')
  expect(body).toMatchObject({
    scope: 'gateway',
    looked_at: { seen: 2 },
    data: [
      {
        deployment: 'up/m',
        task: 'code',
        observations: 2,
        effective: expect.closeTo(1.8),
        prior_share: expect.closeTo(2 / 3.8),
      },
    ],
  })
  const [score] = body['data'] as JsonObject[]
  expect(score!['sources']).toEqual({ task_success: expect.closeTo(1 / 1.8), empty_answer: expect.closeTo(0.8 / 1.8) })
  expect(score!['low']).toBeLessThan(score!['mean'] as number)
  const all = (await get('/admin/quality?all=true&task=code')).body['data'] as JsonObject[]
  expect(all.map(({ deployment, observations }) => [deployment, observations])).toEqual([
    ['up/m', 2],
    ['up/other', 0],
  ])
  const { key } = (await weir.store.findKeyByHash(weir.hash(weir.key)))!
  expect((await get(`/admin/quality?scope=key:${key.id}`)).body['data']).toMatchObject([{ observations: 2 }])
  expect((await get('/admin/quality?scope=key:none')).status).toBe(404)
  expect((await get('/admin/quality?scope=everybody')).status).toBe(400)
  const listed = await run('quality', 'list')
  expect(listed).toMatchObject({ code: 0, out: expect.stringContaining('task_success 55.6 %, empty_answer 44.4 %') })
  const lines = (await run('quality', 'export')).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonObject)
  expect(lines.filter(({ type }) => type === 'day').map(({ kind, pieces, mean }) => [kind, pieces, mean])).toEqual([
    ['empty_answer', 1, 0],
    ['task_success', 1, 1],
  ])
  expect((await get('/admin/quality/drift')).body['signals']).toContainEqual({
    deployment: 'up/m',
    task: 'code',
    signal: 'refusals',
    learned: 2,
    usual: 0,
    watched: 0,
    alarm: 0,
  })
  expect((await run('quality', 'drift')).out).toContain('refusals')
  const metrics = await weir.gateway.metrics.text()
  expect(metrics).toContain('weir_quality_evidence{provider="up",model="m",task="code"} 2')
  expect(metrics).toMatch(/weir_quality_score_share\{provider="up",model="m",task="code",bound="low"\} 0\.\d+/)
})

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

test('what heads see of a prompt is kept with the prompt’s mode, and graded answers teach the planner by prompt', async () => {
  using upstream = startUpstream(() => Response.json(completion('Hello to you')))
  const routes =
    'routes: { best: { targets: [up/rivers, up/trains], strategy: quality }, both: { targets: [up/rivers, up/trains] } }'
  await using weir = await startGateway(providerAt(upstream.url, `prompts: { keep: hashed }\n${routes}`))
  const { store, gateway } = weir
  const id = await ask(weir, { ...QUESTION, model: 'best' })
  await gateway.quality.settled()
  await tell(weir, { request_id: id, thumb: 'up' })
  const quiet = await weir.issue({ metadata: { prompts: 'off' } })
  const other = await ask(weir, { ...QUESTION, model: 'best' }, { key: quiet })
  await gateway.quality.settled()
  await tell(weir, { request_id: other, thumb: 'up' }, { key: quiet })
  expect((await store.labelledAnswers({ cursor: null, limit: 9 })).data).toHaveLength(1)

  const qualities = (about: string) =>
    gateway
      .explain({
        request: { model: 'both', messages: [{ role: 'user', content: `Tell me about the ${about} number 7` }] },
        dialect: 'openai-chat',
        caller: null,
        headers: new Headers(),
      })
      .targets.toSorted((one, two) => (one.target < two.target ? -1 : 1))
      .map(({ quality }) => quality!.mean)
  const [before] = qualities('river')
  const rows = Array.from({ length: 1_040 }, (_, each) => {
    const about = Math.floor(each / 2) % 2 === 0 ? 'river' : 'train'
    const prompt = promptOfText(`Tell me about the ${about} number ${Math.floor(each / 2)}`)
    const { shares } = taskOf(prompt)
    const deployment = each % 2 === 0 ? 'up/rivers' : 'up/trains'
    const isGood = deployment === `up/${about}s`
    const input = bytesOfHeadInput(headInputOf(prompt, shares))
    const request = { id: `req_${each}`, at: each, keyId: 'k', teamId: null, route: 'best', deployment, shares, input }
    const said = { source: 's', kind: 'human', at: each, deployment, task: 'chat', weight: 1, comment: null }
    return { request, said: { ...said, requestId: request.id, quality: Number(isGood) } }
  })
  await store.putEvidence({
    answered: rows.map(({ request }) => request),
    evidence: rows.map(({ said }) => said),
    scores: [],
    learned: [],
  })
  await gateway.quality.training.look()
  const [riversAtRivers, trainsAtRivers] = qualities('river')
  const [riversAtTrains, trainsAtTrains] = qualities('train')
  expect(before).toBeCloseTo(0.5, 1)
  expect(riversAtRivers!).toBeGreaterThan(trainsAtRivers! + 0.1)
  expect(trainsAtTrains!).toBeGreaterThan(riversAtTrains! + 0.1)
}, 20_000)

test('whatever is sent as feedback, it is counted or refused with the part that is wrong', async () => {
  using upstream = startUpstream(() => Response.json(completion('Hello')))
  await using weir = await startGateway(providerAt(upstream.url, HOOKS))
  const id = await ask(weir, QUESTION)
  await looked(weir, id)
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constant(id),
    fc.constantFrom('up', 'down', 'code', 0, 0.5, 1),
  )
  const field = fc.constantFrom('request_id', 'thumb', 'score', 'task_success', 'label', 'comment', 'source', 'x')
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('', '/graded', '/listed', '/nobody'),
      fc.oneof(
        fc.dictionary(field, value),
        fc.record({ body: fc.record({ value, metadata: fc.record({ weir_request_id: value }) }) }),
        fc.record({
          events: fc.oneof(value, fc.array(fc.record({ metadata: fc.record({ request_id: value }), scores: value }))),
        }),
      ),
      async (path, body) => {
        const told = await tell(weir, body, { path: `/v1/feedback${path}` })
        expect([200, 400, 404]).toContain(told.status)
        if (told.status === 400) expect(told.error?.param).toEqual(expect.any(String))
      },
    ),
    { numRuns: 200 },
  )
  expect(weir.log()).not.toContain('"internal"')
})
