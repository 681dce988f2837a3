// Experiments through the running gateway: models that answer from a table of recorded answers, a judge that knows the right ones, time that
// is driven.
import { Webhook } from 'standardwebhooks'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'bun:test'
import { createAdmin } from '../src/admin/admin.ts'
import type { AdminOptions } from '../src/admin/options.ts'
import type { Experiment, ExperimentSpec, Label, Stage } from '../src/core/experiment.ts'
import { OPTIONAL_STAGES } from '../src/core/experiment.ts'
import { systemClock } from '../src/core/clock.ts'
import type { Clock } from '../src/core/clock.ts'
import { parseBreaks } from '../src/core/drill.ts'
import { isObject } from '../src/core/json.ts'
import { parseObject } from '../src/core/json-read.ts'
import { runWords } from '../src/cli/testing.ts'
import type { AdminRequest } from '../src/cli/admin-call.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { completion, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'

const DAY_MS = 86_400_000

/** Question `n` and its right answer. */
const questionOf = (n: number): string => `What is ${n} times 7?`
const rightAnswer = (question: string): string => String(Number(/What is (\d+)/.exec(question)?.[1]) * 7)

/** What a model makes of a question; `at` counts its requests from 1. */
type Model = (question: string, at: number) => string | Response

const GOOD: Model = rightAnswer
const BAD: Model = (question) => String(Number(rightAnswer(question)) + 1)
/** Grades by what is right, out of what stands between the marks. */
const JUDGE = (question: string): string => {
  const [, prompt = '', answer = ''] = /prompt>>\n([\s\S]*?)\n<<[\s\S]*answer>>\n([\s\S]*?)\n<</.exec(question) ?? []
  return JSON.stringify({ verdict: answer === rightAnswer(prompt) ? 1 : 0 })
}
const USAGE = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 }

function lastQuestion(body: string): string {
  const messages = parseObject(body)?.['messages']
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : null
  return isObject(last) && typeof last['content'] === 'string' ? last['content'] : ''
}

function provider(model: Model): Upstream {
  return startUpstream((_request, at, body) => {
    const answer = model(lastQuestion(body), at)
    return typeof answer === 'string' ? Response.json(completion(answer, USAGE)) : answer
  })
}

/** A clock that can be put forward; in between time passes as it does. */
function aheadClock(): Clock & { ahead: number } {
  const clock = { ...systemClock, ahead: 0 }
  return Object.assign(clock, {
    now: () => Date.now() + clock.ahead,
    monotonicMs: () => performance.now() + clock.ahead,
  })
}

type World = {
  readonly weir: TestGateway
  readonly clock: ReturnType<typeof aheadClock>
  readonly upstreams: { readonly [name in 'old' | 'new' | 'judge']: Upstream }
  /** Asks that many new questions, each a conversation of its own, and waits for all that comes of them. */
  ask(count: number): Promise<readonly Response[]>
  experiment(id: string): Experiment
}

/** Questions are never asked twice, whoever asks. */
let asked = 0

const open: (() => PromiseLike<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function world(
  candidate: Model,
  {
    more = '',
    judge = JUDGE,
    baseline = GOOD,
    store,
  }: { more?: string; judge?: Model; baseline?: Model; store?: Store } = {},
): Promise<World> {
  const upstreams = { old: provider(baseline), new: provider(candidate), judge: provider(judge) }
  for (const upstream of Object.values(upstreams)) open.push(() => upstream[Symbol.dispose]())
  const model = (upstream: Upstream, id: string, price: number): string =>
    `{ preset: openai-compatible, base_url: "${upstream.url}/v1", keys: [a-secret-value], models: { ${id}: { price: { input: ${price}, output: ${price} } } } }`
  const clock = aheadClock()
  const weir = await startGateway(
    `
providers:
  old: ${model(upstreams.old, 'm', 10)}
  new: ${model(upstreams.new, 'm', 1)}
  grader: ${model(upstreams.judge, 'm', 0.1)}
routes:
  chat: { targets: [old/m], retries: 0 }
${more}`,
    { clock, ...(store === undefined ? {} : { store }) },
  )
  open.push(() => weir[Symbol.asyncDispose]())
  await weir.gateway.experiments.load()
  return {
    weir,
    clock,
    upstreams,
    async ask(count) {
      const responses: Response[] = []
      for (let left = count; left > 0; left -= 20)
        responses.push(
          ...(await Promise.all(
            Array.from({ length: Math.min(20, left) }, async () => {
              const response = await weir.call('/v1/chat/completions', {
                model: 'chat',
                messages: [{ role: 'user', content: questionOf(++asked) }],
              })
              await response.clone().text()
              return response
            }),
          )),
        )
      await weir.gateway.experiments.settled()
      return responses
    },
    experiment: (id) => weir.gateway.experiments.get(id).experiment,
  }
}

const SPEC: ExperimentSpec = {
  route: 'chat',
  baseline: 'old/m',
  candidate: 'new/m',
  stages: OPTIONAL_STAGES,
  margin: 0.1,
  pairsPerStage: 30,
  tolerance: 0.02,
  shadowShare: 1,
  maxNanoUsd: 10_000_000_000n,
  shareOfSpend: null,
  judge: { model: 'grader/m', mode: 'pointwise' },
}

/** Answers that people labelled: half of them right. */
const LABELS: readonly Label[] = Array.from({ length: 60 }, (_, n) => {
  const prompt = questionOf(1_000 + n)
  const isGood = n % 2 === 0
  return { id: `label_${n}`, at: n, prompt, answer: isGood ? rightAnswer(prompt) : 'no idea', isGood }
})

async function started(world: World, change: Partial<ExperimentSpec> = {}): Promise<string> {
  const { experiments } = world.weir.gateway
  await experiments.label(LABELS)
  const { experiment } = await experiments.create({ ...SPEC, ...change })
  await experiments.command(experiment.id, 'start', 'by hand')
  await experiments.settled()
  await experiments.tick()
  await experiments.settled()
  return experiment.id
}

async function auditOf({ weir }: World, id: string) {
  return (await weir.store.listAudit(id, { cursor: null, limit: 100 })).data
}

function adminOf({ weir, clock }: World) {
  const { gateway, store, hash } = weir
  const token = 'an-admin-token-of-the-test'
  const admin = createAdmin({
    ...({} as AdminOptions),
    store,
    hash,
    clock,
    experiments: gateway.experiments,
    operatorTokenHash: hash(token),
    metricsOpen: false,
    version: 'test',
    onInternalError: (cause) => {
      throw cause
    },
  })
  return async (line: string, body?: object) => {
    const [method = 'GET', path = '/'] = line.split(' ')
    const response = await admin.fetch(
      new Request(`http://admin${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
      { address: null },
    )
    const text = await response.text()
    return { status: response.status, json: parseObject(text) ?? {} }
  }
}

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** Verifies each message that it gets. */
function receiver() {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const server = startUpstream((request, _, body) => {
    resolve(new Webhook(SECRET).verify(body, Object.fromEntries(request.headers)))
    return new Response(null, { status: 204 })
  })
  open.push(() => server[Symbol.dispose]())
  return { more: `alerts: { webhook: { url: "${server.url}/weir", secret: ${SECRET} } }`, first: promise }
}

test('a bad model under a good name is rolled back before a caller has seen it: an alert is sent, and the audit tells why', async () => {
  const { more, first } = receiver()
  const all = await world(BAD, { more })
  all.weir.gateway.alerts.start()
  open.push(() => all.weir.gateway.alerts.stop())
  const id = await started(all)
  expect(all.experiment(id).ramp.stage).toBe('shadow')
  for (let round = 0; round < 5 && all.experiment(id).ramp.status === 'running'; round++) await all.ask(20)
  expect(all.experiment(id).ramp).toMatchObject({ stage: 'shadow', status: 'rolled_back' })
  const audit = await auditOf(all, id)
  expect(audit.map(({ no, from, to }) => [no, from, to])).toEqual([
    [1, 'draft', 'offline'],
    [2, 'offline', 'shadow'],
    [3, 'shadow', 'rolled_back'],
  ])
  const last = audit[2]
  expect(last?.why).toBe('worse by the margin')
  expect(last?.numbers.rollback).toBeGreaterThanOrEqual(20)
  expect(last?.numbers.promote).toBeLessThan(1)
  expect(last?.numbers.meanDifference).toBe(-1)
  expect(await first).toMatchObject({
    kind: 'quality_rollback',
    severity: 'critical',
    subject: { scope: 'experiment', id },
    data: { route: 'chat', baseline: 'old/m', candidate: 'new/m', reason: 'worse by the margin' },
  })
  // Nobody but the lab ever asked it, and nothing more is asked of it.
  const asked = all.upstreams.new.received.length
  const [response] = await all.ask(1)
  expect([response?.headers.get('x-weir-target'), all.upstreams.new.received.length]).toEqual(['old/m', asked])
}, 20_000)

test('an equal and cheaper model goes up stage by stage to all of the traffic', async () => {
  const all = await world(GOOD)
  const id = await started(all)
  const stages: Stage[] = []
  for (let round = 0; round < 40 && all.experiment(id).ramp.stage !== 'full'; round++) {
    await all.ask(40)
    stages.push(all.experiment(id).ramp.stage)
  }
  expect(all.experiment(id).ramp).toMatchObject({ stage: 'full', status: 'running' })
  all.clock.ahead += 7 * DAY_MS
  await all.weir.gateway.experiments.tick()
  await all.weir.gateway.experiments.settled()
  expect(all.experiment(id).ramp.stage).toBe('done')
  expect((await auditOf(all, id)).map(({ to }) => to)).toEqual([
    'offline',
    'shadow',
    'canary_1',
    'canary_5',
    'canary_25',
    'full',
    'done',
  ])
  // Per request: 110 tokens at $10 a million against $1.
  const before = await savedBy(all)
  const targets = (await all.ask(20)).map((response) => response.headers.get('x-weir-target'))
  expect(new Set(targets)).toEqual(new Set(['new/m']))
  expect((await savedBy(all)) - before).toBe(20n * (1_100_000n - 110_000n))
  // What all came to is told net of copies and judging, to the nano-dollar.
  const { labNanoUsd, routeNanoUsd } = all.experiment(id)
  const spent = await all.weir.store.spend({ by: ['purpose'], bucket: null, from: 0, to: FAR })
  const ofLab = spent.find(({ group }) => group.purpose === 'lab')
  expect([ofLab?.costNanoUsd, ofLab?.savedNanoUsd]).toEqual([labNanoUsd, -labNanoUsd])
  const ofCallers = spent.find(({ group }) => group.purpose !== 'lab')
  expect(ofCallers?.costNanoUsd).toBeGreaterThan(routeNanoUsd)
  expect(ofCallers?.savedNanoUsd).toBe(BigInt(ofCallers?.requests ?? 0) * 1_100_000n - (ofCallers?.costNanoUsd ?? 0n))
}, 60_000)

const FAR = 10_000_000_000_000

async function savedBy({ weir }: World): Promise<bigint> {
  await weir.gateway.journal.flush()
  const rows = await weir.store.spend({ by: ['route'], bucket: null, from: 0, to: FAR })
  return rows.find(({ group }) => group.route === 'chat')?.savedNanoUsd ?? 0n
}

test('once the configuration says the same, an experiment that is over has nothing left to change', async () => {
  const all = await world(GOOD)
  const id = await started(all, { stages: ['shadow'], judge: null })
  const { gateway } = all.weir
  for (const why of ['known well', 'known long enough']) await gateway.experiments.command(id, 'promote', why)
  expect(all.experiment(id).ramp.stage).toBe('done')
  const answered = async () => (await all.ask(1))[0]?.headers.get('x-weir-target')
  expect(await answered()).toBe('new/m')
  const { config } = gateway.snapshot
  const { chat } = config.routes
  if (chat === undefined) throw new Error('there is no route')
  gateway.configure({ ...config, routes: { chat: { ...chat, targets: [{ use: 'new/m', weight: 1 }] } } })
  expect(await answered()).toBe('new/m')
  expect(gateway.experiments.get(id).problem).toBe(
    'old/m is no target of chat any more, so there is nothing to take the place of. The experiment is over and may be deleted.',
  )
  gateway.configure({ ...config, routes: {} })
  expect(gateway.experiments.get(id).problem).toBe('The configuration has no route chat any more.')
  await gateway.experiments.remove(id)
  expect(gateway.experiments.list()).toEqual([])
})

test('what to test next is told by what it saves for what the test costs', async () => {
  const all = await world(GOOD, { more: '  other: { targets: [new/m] }\n' })
  await all.ask(10)
  await all.weir.gateway.journal.flush()
  const { json } = await adminOf(all)('GET /admin/experiments/next')
  expect(json['data']).toMatchObject([
    // Ten requests of 110 tokens at $10 a million and at $1.
    {
      route: 'chat',
      baseline: 'old/m',
      candidate: 'new/m',
      requests: 10,
      saving_usd: '0.0099',
      pairs: 480,
      test_usd: '0.0528',
    },
  ])
  expect((await cliOf(all)(['lab', 'status', '--next'])).out).toMatch(/chat +old\/m +new\/m +\$0.0099/)
})

const broken = (): Response => Response.json({ error: { message: 'out of order' } }, { status: 503 })

test('a candidate that turns bad with real traffic is rolled back by its guardrail, and no caller gets an error of it', async () => {
  const all = await world((question, at) => (at > 40 && at % 2 === 0 ? broken() : rightAnswer(question)))
  const id = await started(all, { stages: ['canary_25'], shadowShare: 0.001, judge: null })
  for (let round = 0; round < 40 && all.experiment(id).ramp.status === 'running'; round++)
    for (const response of await all.ask(40)) expect(response.status).toBe(200)
  const audit = await auditOf(all, id)
  expect(audit.at(-1)).toMatchObject({ from: 'canary_25', to: 'rolled_back' })
  expect(audit.at(-1)?.why).toStartWith('guardrail error:')
  expect(audit.at(-1)?.numbers.guardrails.error?.evidence).toBeGreaterThanOrEqual(100)
}, 30_000)

test('a candidate that cannot answer at all blows the fuse within its first answers', async () => {
  const all = await world(broken)
  const id = await started(all, { stages: ['canary_25'], judge: null })
  for (let round = 0; round < 10 && all.experiment(id).ramp.status === 'running'; round++) {
    // A deployment that fails is benched for a while, and tried again by one request.
    all.clock.ahead += 600_000
    await all.ask(20)
  }
  const last = (await auditOf(all, id)).at(-1)
  expect([last?.to, last?.why]).toEqual(['rolled_back', expect.stringMatching(/^fuse: 5 hard errors in \d+ answers$/)])
  expect(all.upstreams.new.received.length).toBeLessThan(40)
}, 20_000)

test('a candidate that writes invalid JSON is found without a judge', async () => {
  const all = await world(() => '{"answer": ')
  const id = await started(all, { judge: null, stages: ['shadow'] })
  const call = async (n: number) => {
    const messages = [{ role: 'user', content: `${questionOf(n)} Answer in JSON.` }]
    const response = await all.weir.call('/v1/chat/completions', {
      model: 'chat',
      messages,
      response_format: { type: 'json_object' },
    })
    await response.text()
  }
  // The baseline writes a number, which is no object either: both are wrong, and neither is worse.
  await Promise.all(Array.from({ length: 20 }, (_, n) => call(5_000 + n)))
  await all.weir.gateway.experiments.settled()
  expect(all.experiment(id).ramp.test).toMatchObject({ pairs: 20, sum: 0 })
  expect(all.experiment(id).ramp.guardrails.invalid_format).toMatchObject({ candidate: 20, control: 20 })
})

test('a judge that is no better than a coin is refused, with its J, and nothing is copied for it', async () => {
  const all = await world(BAD, { judge: (_question, at) => JSON.stringify({ verdict: at % 2 }) })
  const id = await started(all)
  const { judge } = all.weir.gateway.experiments.get(id)
  expect(judge).toMatchObject({
    type: 'refused',
    why: expect.stringMatching(/^The judge is refused: .* its J is -?0\.\d\d, and below 0\.3/),
  })
  await all.ask(10)
  expect([all.upstreams.new.received.length, all.experiment(id).ramp.stage]).toEqual([0, 'shadow'])
})

test('a judge that errs in one of ten costs pairs, and still tells a bad model from a good one', async () => {
  const all = await world(BAD, {
    judge: (question, at) => {
      const { verdict } = JSON.parse(JUDGE(question)) as { verdict: number }
      return JSON.stringify({ verdict: at % 10 === 0 ? 1 - verdict : verdict })
    },
  })
  const id = await started(all)
  for (let round = 0; round < 10 && all.experiment(id).ramp.status === 'running'; round++) await all.ask(20)
  expect((await auditOf(all, id)).at(-1)).toMatchObject({
    from: 'shadow',
    to: 'rolled_back',
    why: 'worse by the margin',
  })
  // The verdicts are evidence of the models, too.
  const scores = (deployment: string) =>
    all.weir.gateway.quality.scoreboard.scores(['gateway'], deployment, all.clock.now())
  const best = (deployment: string) => Math.max(...scores(deployment).map(({ mean }) => mean))
  expect(best('old/m')).toBeGreaterThan(best('new/m'))
}, 20_000)

test('two answers are compared in both orders where the judge is to compare', async () => {
  const all = await world(BAD, {
    judge: (question) => {
      const [, prompt = '', first = '', second = ''] =
        /prompt>>\n([\s\S]*?)\n<<[\s\S]*?<<\S+ first answer>>\n([\s\S]*?)\n<<[\s\S]*?<<\S+ second answer>>\n([\s\S]*?)\n<</.exec(
          question,
        ) ?? []
      const right = rightAnswer(prompt)
      return JSON.stringify({
        better: first === second ? 'tie' : first === right ? 'first' : second === right ? 'second' : 'tie',
      })
    },
  })
  const { experiments } = all.weir.gateway
  await experiments.label(
    LABELS.map((label, n) => ({
      ...label,
      prompt: questionOf(2_000 + (n >> 1)),
      answer: label.isGood ? rightAnswer(questionOf(2_000 + (n >> 1))) : 'no idea',
    })),
  )
  const { experiment } = await experiments.create({ ...SPEC, judge: { model: 'grader/m', mode: 'pairwise' } })
  await experiments.command(experiment.id, 'start', 'by hand')
  await experiments.settled()
  expect(experiments.get(experiment.id).judge).toMatchObject({
    type: 'ready',
    record: { counts: { goodCalledGood: 30, badCalledBad: 30 } },
  })
  for (let round = 0; round < 5 && all.experiment(experiment.id).ramp.status === 'running'; round++) await all.ask(20)
  expect((await auditOf(all, experiment.id)).at(-1)).toMatchObject({
    to: 'rolled_back',
    numbers: { meanDifference: -1 },
  })
}, 20_000)

test('kept answers are shown to be labelled, each until it has a label, and not to viewers', async () => {
  const all = await world(GOOD, { more: 'prompts: { keep: full }\nlab: { cpu_share: 1 }' })
  await all.ask(3)
  await all.weir.gateway.quality.settled()
  const run = cliOf(all, { typed: ['y', 's', 'n'] })
  const labelled = await run(['lab', 'label', '--kept', '10', '--route', 'chat'])
  expect([labelled.code, labelled.err]).toEqual([0, ''])
  expect(labelled.out).toContain('2 labels added. There are 1 good and 1 bad ones.')
  const open = await adminOf(all)('GET /admin/labels/open?route=chat')
  expect(open.json['data']).toHaveLength(1)
  expect((await run(['lab', 'label', '--kept', '10', '--route', 'none'])).err).toContain('No answer is kept')
  expect((await run(['lab', 'label'])).err).toContain('<file> is missing')
})

test('metrics count copies by what came of them, and experiments by where they stand', async () => {
  const all = await world(GOOD)
  await started(all, { judge: null, stages: ['shadow'] })
  await all.ask(3)
  const text = await all.weir.gateway.metrics.text()
  expect(text).toContain('weir_lab_copies_total{outcome="made"} 3')
  expect(text).toContain('weir_experiments{stage="shadow",status="running"} 1')
})

test('kept prompts are asked offline first: a bad model is found before any request is copied, and personal ones are left out', async () => {
  const all = await world(BAD, { more: 'prompts: { keep: full }\nlab: { cpu_share: 1 }' })
  await all.ask(40)
  const messages = [{ role: 'user', content: questionOf(77_777) }]
  const own = await all.weir.call(
    '/v1/chat/completions',
    { model: 'chat', messages },
    { headers: { 'x-weir-tags': 'pii' } },
  )
  await own.text()
  await all.weir.gateway.quality.settled()
  const id = await started(all)
  expect((await auditOf(all, id)).map(({ from, to, why }) => [from, to, why])).toEqual([
    ['draft', 'offline', 'started'],
    ['offline', 'rolled_back', 'worse by the margin'],
  ])
  const asked = all.upstreams.new.received.map(({ body }) => lastQuestion(body))
  expect(asked.length).toBeGreaterThan(10)
  expect(asked).not.toContain(questionOf(77_777))
  const pairs = await all.weir.store.listPairs(id, { limit: 100 })
  expect(new Set(pairs.map(({ stage }) => stage))).toEqual(new Set(['offline']))
}, 20_000)

test('a good model leaves the offline stage by its pairs', async () => {
  const all = await world(GOOD, { more: 'prompts: { keep: full }\nlab: { cpu_share: 1 }' })
  await all.ask(40)
  await all.weir.gateway.quality.settled()
  const id = await started(all)
  expect((await auditOf(all, id)).at(-1)).toMatchObject({
    from: 'offline',
    to: 'shadow',
    why: '30 pairs without an objection',
  })
  expect(all.upstreams.new.received.length).toBe(30)
})

test('what may not be copied is not: no-store and personal requests, and nothing beyond the money', async () => {
  const all = await world(GOOD, { more: 'cache: { no_store_tags: [secret] }' })
  const id = await started(all, { judge: null, stages: ['shadow'] })
  const call = async (headers: Record<string, string>) => {
    const messages = [{ role: 'user', content: questionOf(++asked) }]
    const response = await all.weir.call('/v1/chat/completions', { model: 'chat', messages }, { headers })
    await response.text()
    await all.weir.gateway.experiments.settled()
  }
  const { experiments } = all.weir.gateway
  for (const headers of [{ 'x-weir-tags': 'secret' }, { 'cache-control': 'no-store' }, { 'x-weir-tags': 'PII' }])
    await call(headers)
  expect(experiments.get(id).copies).toEqual({ made: 0, dropped: { no_store: 2, personal: 1 } })
  await call({})
  expect(experiments.get(id).copies.made).toBe(1)
  await experiments.change(id, { maxNanoUsd: all.experiment(id).labNanoUsd })
  await call({})
  await experiments.change(id, { maxNanoUsd: SPEC.maxNanoUsd, shareOfSpend: 0.0001 })
  await call({})
  expect(experiments.get(id).copies).toMatchObject({ made: 1, dropped: { money: 2 } })
  expect(all.upstreams.new.received.length).toBe(1)
  // Its entries are the lab's own, and no limit of a caller counted them.
  const spent = await all.weir.store.spend({ by: ['key', 'purpose'], bucket: null, from: 0, to: FAR })
  expect(spent.filter(({ group }) => group.purpose === 'lab')).toMatchObject([
    { group: { key: 'key_lab' }, requests: 1 },
  ])
})

test('a plan tells that a candidate stands in it by an experiment, and the cache keeps its answers apart', async () => {
  const all = await world(GOOD, { more: 'cache: { mode: exact, ttl: 1h }' })
  const id = await started(all, { stages: ['canary_25'], judge: null, shadowShare: 0.0001 })
  await all.weir.gateway.experiments.command(id, 'promote', 'by hand')
  const call = async (n: number) => {
    const messages = [{ role: 'user', content: questionOf(n) }]
    const body = { model: 'chat', messages, temperature: 0 }
    const response = await all.weir.call('/v1/chat/completions', body, { headers: { 'x-weir-trace': 'full' } })
    await response.text()
    return response.headers
  }
  // One conversation in fifty is held out.
  let n = 4_321
  let first = await call(n)
  while (first.get('x-weir-target') !== 'new/m') first = await call(++n)
  expect(first.get('x-weir-trace')).toContain(`takes the place of old/m by ${id}`)
  expect((await call(n)).get('x-weir-cache')).toStartWith('hit')
  await all.weir.gateway.experiments.command(id, 'rollback', 'a complaint')
  const after = await call(n)
  expect([after.get('x-weir-target'), after.get('x-weir-cache')]).toEqual(['old/m', 'miss'])
})

test('a judge that says nothing is not taken to be measured: it is asked again later', async () => {
  let isDown = true
  const all = await world(GOOD, { judge: (question) => (isDown ? broken() : JUDGE(question)) })
  const id = await started(all)
  const judgeOf = () => all.weir.gateway.experiments.get(id).judge
  expect(judgeOf()).toMatchObject({ type: 'refused', why: expect.stringContaining('no verdict') })
  isDown = false
  for (const minutes of [1, 5]) {
    all.clock.ahead += minutes * 60_000
    await all.weir.gateway.experiments.tick()
    await all.weir.gateway.experiments.settled()
    expect(judgeOf()?.type).toBe(minutes === 1 ? 'refused' : 'ready')
  }
})

test('a drill on real requests neither helps nor harms a candidate', async () => {
  const all = await world(GOOD)
  const id = await started(all, { stages: ['canary_25'], judge: null, shadowShare: 0.0001 })
  const { drills } = all.weir.gateway
  const before = all.experiment(id).ramp
  await drills.start({ routes: [], breaks: parseBreaks('new=500') ?? [], on: { type: 'all' }, forMs: 60_000 }, null)
  await all.ask(60)
  drills.stop()
  await drills.settled()
  expect(all.experiment(id).ramp).toEqual(before)
})

test('a conversation stays where it is, and whoever is in the candidate’s share stays in it as the share grows', async () => {
  const all = await world(GOOD)
  const id = await started(all, { stages: ['canary_5', 'canary_25'], judge: null, shadowShare: 0.0001 })
  const targetsOf = async () => {
    const targets = new Map<number, string | null>()
    for (let n = 0; n < 200; n++) {
      const messages = [{ role: 'user', content: questionOf(9_000 + n) }]
      const response = await all.weir.call('/v1/chat/completions', { model: 'chat', messages })
      targets.set(n, response.headers.get('x-weir-target'))
      await response.text()
    }
    return targets
  }
  const first = await targetsOf()
  expect(await targetsOf()).toEqual(first)
  await all.weir.gateway.experiments.command(id, 'promote', 'by hand')
  const second = await targetsOf()
  const candidates = (targets: typeof first) => [...targets].flatMap(([n, target]) => (target === 'new/m' ? [n] : []))
  expect(candidates(second).length).toBeGreaterThan(candidates(first).length)
  expect(candidates(first).filter((n) => !candidates(second).includes(n))).toEqual([])
})

describe('what is written', () => {
  function twoStores(): [Store, Store] {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-experiments-'))
    const openOne = () => openSqliteStore({ path: path.join(folder, 'weir.db'), sync: 'process' })
    open.push(() => rmSync(folder, { recursive: true }))
    return [openOne(), openOne()]
  }

  test('survives a restart: stage, evidence, money, and who was asked', async () => {
    const [store, again] = twoStores()
    const one = await world(GOOD, { store })
    const id = await started(one)
    await one.ask(20)
    const before = one.experiment(id)
    expect(before.ramp.stagePairs).toBe(20)
    const other = await world(GOOD, { store: again })
    expect(other.experiment(id)).toEqual(before)
    await other.weir.gateway.experiments.tick()
    await other.weir.gateway.experiments.settled()
    await other.ask(20)
    expect(other.experiment(id).ramp).toMatchObject({ stage: 'canary_1', test: { pairs: 40 } })
  }, 20_000)

  test('is written once by two processes that see the same: no transition is made twice, and evidence of both counts', async () => {
    const [store, again] = twoStores()
    const one = await world(GOOD, { store })
    const id = await started(one)
    const other = await world(GOOD, { store: again })
    await other.weir.gateway.experiments.tick()
    await other.weir.gateway.experiments.settled()
    for (let round = 0; round < 4; round++) await Promise.all([one.ask(20), other.ask(20)])
    await one.weir.gateway.experiments.tick()
    await other.weir.gateway.experiments.tick()
    expect(one.experiment(id)).toEqual(other.experiment(id))
    const audit = await auditOf(one, id)
    expect(audit.map(({ no }) => no)).toEqual(audit.map((_, index) => index + 1))
    expect(new Set(audit.map(({ to }) => to)).size).toBe(audit.length)
    const { pairs } = one.experiment(id).ramp.test
    expect((await store.listPairs(id, { limit: 1_000 })).length).toBe(pairs)
    expect(pairs).toBe(160)
    expect(one.experiment(id).ramp.stage).toBe('full')
  }, 30_000)
})

test('requests that are under way when the stage changes are counted in the stage that they came in', async () => {
  const all = await world(GOOD)
  const id = await started(all, { stages: ['canary_25'], judge: null })
  const { experiments } = all.weir.gateway
  const asked = all.ask(40)
  await experiments.command(id, 'promote', 'by hand')
  await asked
  const { stage, status, assigned } = all.experiment(id).ramp
  expect([stage, status, assigned.candidate + assigned.control]).toEqual(['full', 'running', expect.any(Number)])
  expect((await auditOf(all, id)).map(({ to }) => to)).toEqual(['canary_25', 'full'])
})

const DRAFT = { route: 'chat', baseline: 'old/m', candidate: 'new/m', max_usd: '1' }

test.each([
  [{ route: 'none' }, 'route', 'There is no route none'],
  [{ route: 'old/m' }, 'route', 'There is no route old/m'],
  [{ baseline: 'grader/m' }, 'baseline', 'grader/m is no target of chat; its targets are old/m.'],
  [{ candidate: 'm' }, 'candidate', 'write provider/model'],
  [{ candidate: 'old/m' }, 'candidate', 'the baseline itself'],
  [{ candidate: 'new/unpriced' }, 'candidate', 'has no price'],
  [{ judge: { model: 'nobody' } }, 'judge.model', 'no model or route nobody'],
  [{ margin: 0 }, 'margin', ''],
  [{ stages: ['full'] }, 'stages[0]', ''],
  [{ surprise: 1 }, 'surprise', ''],
])('an experiment that makes no sense is refused with its field: %p', async (change, param, words) => {
  const ask = adminOf(await world(GOOD))
  const { status, json } = await ask('POST /admin/experiments', { ...DRAFT, ...change })
  expect([status, json['error']]).toMatchObject([400, { code: 'request_malformed', param }])
  expect(JSON.stringify(json)).toContain(words)
})

test('a person leads an experiment: each step is in the audit, and what its state does not allow is refused', async () => {
  const all = await world(GOOD)
  const ask = adminOf(all)
  const made = await ask('POST /admin/experiments', DRAFT)
  expect([made.status, made.json]).toMatchObject([
    201,
    { stage: 'draft', shadow_rate: 0.02, share_of_spend: 0.02, margin: 0.05, max_usd: '1', judge: null },
  ])
  const at = `/admin/experiments/${made.json['id'] as string}`
  expect((await ask(`POST ${at}/pause`, {})).json['error']).toMatchObject({ code: 'conflict' })
  expect((await ask(`POST ${at}/start`, {})).json).toMatchObject({ status: 'running' })
  await all.weir.gateway.experiments.settled()
  expect((await ask(`GET ${at}`)).json).toMatchObject({
    stage: 'shadow',
    needs: { next: 'canary_1', pairs: { have: 0, need: 30 }, evidence: { have: 1, need: 0 } },
  })
  const second = await ask('POST /admin/experiments', { ...DRAFT, start: true })
  expect(JSON.stringify(second.json)).toContain('one at a time')
  expect((await ask(`DELETE ${at}`)).status).toBe(409)
  expect((await ask(`PATCH ${at}`, { max_usd: 2, shadow_rate: 0.5 })).json).toMatchObject({
    max_usd: '2',
    shadow_rate: 0.5,
  })
  expect((await ask(`POST ${at}/pause`, { why: 'a holiday' })).json).toMatchObject({ status: 'paused' })
  expect((await ask(`POST ${at}/start`, {})).json).toMatchObject({ status: 'running', stage: 'shadow' })
  expect((await ask(`POST ${at}/promote`, { why: 'we know it well' })).json).toMatchObject({ stage: 'canary_1' })
  expect((await ask(`POST ${at}/rollback`, { why: 'a complaint' })).json).toMatchObject({ status: 'rolled_back' })
  expect(JSON.stringify((await ask(`POST ${at}/start`, {})).json)).toContain('may be started again from')
  const audit = (await ask(`GET ${at}/audit`)).json['data'] as { to: string; why: string }[]
  expect(audit.map(({ to, why }) => [to, why])).toEqual([
    ['offline', 'started'],
    ['shadow', '0 usable prompts are kept, and 30 are needed to ask them offline'],
    ['paused', 'paused by hand'],
    ['resumed', 'resumed by hand'],
    ['canary_1', 'we know it well'],
    ['rolled_back', 'a complaint'],
  ])
  expect((await ask(`DELETE ${at}`)).status).toBe(204)
  expect((await ask(`GET ${at}`)).status).toBe(404)
})

function cliOf(all: World, { typed = [], input = '' }: { typed?: readonly string[]; input?: string } = {}) {
  const ask = adminOf(all)
  const words = [...typed]
  return async (args: readonly string[]) => {
    return runWords(args, {
      environment: { WEIR_ADMIN_TOKEN: 'a-token', WEIR_ADMIN_URL: 'http://admin' },
      clock: all.clock,
      isTerminal: true,
      outside: {
        askAdmin: async ({ method, url, body }: AdminRequest) => {
          const { status, json } = await ask(`${method} ${url.replace('http://admin', '')}`, body ?? undefined)
          return { status, body: json }
        },
        askPerson: async () => words.shift() ?? null,
        readInput: async () => input,
      },
    })
  }
}

const NEW = ['--route', 'chat', '--baseline', 'old/m', '--candidate', 'new/m', '--max-usd', '1', '--judge', 'grader/m']

test('weir lab starts, shows and leads an experiment, and says what its judge lacks', async () => {
  const all = await world(GOOD)
  const run = cliOf(all)
  expect((await run(['lab', 'status'])).out).toContain('There is no experiment')
  const made = await run(['lab', 'start', ...NEW, '--json'])
  expect([made.code, made.err]).toEqual([0, ''])
  const { id } = JSON.parse(made.out) as { id: string }
  await all.weir.gateway.experiments.settled()
  const shown = await run(['lab', 'status', id])
  expect(shown.out).toMatch(/stage: +shadow, running/)
  expect(shown.out).toMatch(/waits for: +canary_1: 0 of 30 pairs, evidence 1 of 0/)
  expect(shown.out).toContain('at least 10 good and 10 bad labelled answers, better 100 of them; there are 0 and 0')
  expect((await run(['lab', 'status'])).out).toContain('The judge is not measured')
  expect((await run(['lab', 'promote', id, '--why', 'known well'])).out).toMatch(/stage: +canary_1/)
  expect((await run(['lab', 'rollback', id])).out).toMatch(/rolled_back[\s\S]*may start again/)
  expect((await run(['lab', 'audit', id])).out).toMatch(/shadow +canary_1 +0 +0 +1 +1 +known well/)
  for (const [args, code, words] of [
    [['lab', 'start', id], 1, 'may be started again from'],
    [['lab', 'pause', 'exp_none'], 1, 'no experiment'],
    [['lab', 'pause'], 2, '<experiment> is missing'],
    [['lab', 'start', '--route', 'chat'], 2, '--baseline is missing'],
    [['lab', 'start', ...NEW, '--margin', '2'], 2, '--margin takes a share'],
    [['lab', 'start', ...NEW, '--stages', 'full'], 1, 'stages[0]'],
    [['lab', 'status', id, '--next'], 2, '--next'],
  ] as const)
    expect([args, await run(args)]).toEqual([args, { code, out: '', err: expect.stringContaining(words) }])
})

test('weir lab label takes labels of a file, asks for those that are missing, and a judge is measured with them', async () => {
  const all = await world(GOOD)
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-labels-'))
  open.push(() => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'labels.jsonl')
  const lines = LABELS.map(({ prompt, answer, isGood }, n) => ({ prompt, answer, ...(n < 4 ? {} : { good: isGood }) }))
  writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)
  const labelled = await cliOf(all, { typed: ['y', 'n', 's', 'q'] })(['lab', 'label', file])
  expect([labelled.code, labelled.err]).toEqual([0, ''])
  expect(labelled.out).toContain('── 1 of 4 ──\nWhat is 1000 times 7?\n── answer ──\n7000')
  expect(labelled.out).toContain('58 labels added. There are 29 good and 29 bad ones.')
  const run = cliOf(all, { input: '{"prompt": "p", "answer": "a", "good": 1}' })
  expect((await run(['lab', 'label', '-'])).err).toContain('Line 1 is no label')
  expect((await cliOf(all, { input: '{"prompt": "p", "answer": "a"}' })(['lab', 'label', '-'])).err).toContain(
    'no `good`',
  )
  await run(['lab', 'start', ...NEW])
  await all.weir.gateway.experiments.settled()
  expect((await run(['lab', 'status', String(all.weir.gateway.experiments.list()[0]?.experiment.id)])).out).toMatch(
    /judge: +grader\/m pointwise: ready, J 0.967 \(finds 0.983 of the good and 0.983 of the bad, 58 labels\)/,
  )
})
