// What another policy would have made of a log, from requests through a whole gateway to the command line.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { runWords } from '../src/cli/testing.ts'
import { openData } from '../src/data.ts'
import { declaredTask } from '../src/lab/task.ts'
import type { ReplayReport } from '../src/replay/replay.ts'
import { completion, QUESTION, startGateway, startUpstream } from './gateway.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'weir-replay-'))
const data = path.join(folder, 'data')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PROVIDERS = `
log: { requests: false }
providers:
  up:
    preset: openai-compatible
    base_url: http://127.0.0.1:1/v1
    keys: [a-key-of-the-test]
    models:
      gpt-4o: { price: { input: 5, output: 15 } }
      gpt-4o-mini: { price: { input: 0.15, output: 0.6 } }
      free-of-price: {}
`
const USAGE = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 }
/** 1 000 × $5 and 100 × $15 a million. */
const LARGE_USD = 0.0065
const SMALL_USD = 0.00021

const policies: Record<string, string> = {
  same: 'routes: { chat: { targets: [up/gpt-4o, up/gpt-4o-mini], strategy: weighted } }',
  cheap: 'routes: { chat: { targets: [up/gpt-4o, up/gpt-4o-mini], strategy: quality, quality: { floor: 0.65 } } }',
  careful: 'routes: { chat: { targets: [up/gpt-4o, up/gpt-4o-mini], strategy: quality, quality: { floor: 0.75 } } }',
  floored: 'routes: { chat: { targets: [up/gpt-4o, up/gpt-4o-mini], strategy: weighted, quality: { floor: 0.65 } } }',
  nested:
    'routes: { chat: { targets: [inner, up/gpt-4o] }, inner: { targets: [up/gpt-4o, up/gpt-4o-mini], strategy: quality, quality: { floor: 0.65 } } }',
  exploring:
    'routes: { chat: { targets: [up/gpt-4o, up/gpt-4o-mini], strategy: quality, quality: { floor: 0.75, explore: { share: 0.25 } } } }',
  gone: 'routes: { other: { targets: [up/gpt-4o] } }',
  unpriced: 'routes: { chat: { targets: [up/free-of-price] } }',
  wrong: 'routes: { chat: { targets: [nowhere/x] } }',
}

/** Forty questions, half of them to each of two models, drawn by weight; every answer of the large one is liked, every other one of the small. */
beforeAll(async () => {
  for (const [name, yaml] of Object.entries(policies))
    writeFileSync(path.join(folder, `${name}.yaml`), `${PROVIDERS}${yaml}`)
  using upstream = startUpstream(() => Response.json(completion('Hello', USAGE)))
  const opened = await openData(data, {})
  const yaml = `${PROVIDERS.replace('http://127.0.0.1:1', upstream.url)}${policies['same']}`
  await using weir = await startGateway(yaml, { store: opened.store })
  let small = 0
  for (let request = 0; request < 40; request++) {
    const answer = await weir.call(
      '/v1/chat/completions',
      { ...QUESTION, model: 'chat' },
      { headers: { 'x-weir-task': 'open_qa' } },
    )
    await answer.arrayBuffer()
    const id = answer.headers.get('x-weir-request-id')!
    const deployment = answer.headers.get('x-weir-target')!
    const isLiked = deployment === 'up/gpt-4o' || small++ % 2 === 0
    const about = { id, at: Date.now(), keyId: 'k', teamId: null, route: 'chat', deployment }
    await opened.store.putEvidence({
      answered: [{ ...about, shares: declaredTask('open_qa').shares }],
      evidence: [
        { kind: 'task_success', quality: isLiked ? 1 : 0, weight: 1 },
        // What only tells of faults is no verdict.
        { kind: 'asked_again', quality: 0, weight: 0.2 },
      ].map((piece) => ({
        ...piece,
        requestId: id,
        source: 'test',
        at: 0,
        deployment,
        task: 'open_qa',
        comment: null,
      })),
      scores: [],
      learned: [],
    })
  }
  // And what is no chat with an answer.
  await (await weir.call('/v1/chat/completions', { ...QUESTION, model: 'nobody' })).arrayBuffer()
})

async function weir(...words: string[]) {
  return runWords(['replay', ...words], {
    environment: { WEIR_DATA: data },
  })
}

async function report(policy: string): Promise<ReplayReport> {
  const { code, out, err } = await weir('--policy', path.join(folder, `${policy}.yaml`), '--since', '1d', '--json')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out) as ReplayReport
}

test('the cheaper of two that are good enough takes over, and what that saves and costs in quality is told', async () => {
  const told = await report('cheap')
  expect(told).toMatchObject({
    requests: 40,
    logged: { cost_usd: '0.1342' },
    replayed: {
      cost_usd: '0.0084',
      quality: { mean: 0.82 },
      targets: [{ target: 'up/gpt-4o-mini', requests: 40, share: 1 }],
    },
    saved_usd: '0.1258',
    moves: [
      { from: 'up/gpt-4o', to: 'up/gpt-4o-mini', requests: 20, quality_change: -0.067, why: 'cheapest good enough' },
    ],
  })
  expect(told.left_out).toEqual([{ requests: 1, why: 'had no whole answer of a provider' }])
  expect(told.logged.quality.low).toBeLessThan(told.logged.quality.mean)
})

test('outcomes say what the policy would have been worth: those that it would have answered alike, by their chances', async () => {
  const { quality_outcomes: quality, cost_outcomes: cost } = await report('cheap')
  // Half of the answers of the small one were liked; it was drawn in half of the requests.
  expect(quality).toMatchObject({ requests: 40, effective_requests: 20, logged_mean: 0.75 })
  expect(quality!.snips!.value).toBeCloseTo(0.5)
  expect(quality!.snips!.low).toBeLessThan(0.5)
  expect(quality!.ips.value).toBeCloseTo(0.5)
  expect(quality!.doubly_robust.value).toBeCloseTo(0.5)
  expect(cost!.snips!.value).toBeCloseTo(SMALL_USD)
  expect(cost!.doubly_robust.value).toBeCloseTo(SMALL_USD)
  expect((await report('careful')).quality_outcomes!.snips!.value).toBeCloseTo(1)
})

test('a policy that would have done the same changes nothing but what chance drew', async () => {
  const told = await report('same')
  expect(told.replayed.targets.map(({ requests }) => requests)).toEqual([20, 20])
  expect(Math.abs(Number(told.saved_usd))).toBeLessThan(LARGE_USD)
})

test('a floor under another strategy filters, and a route within the route says who is first of it', async () => {
  expect((await report('floored')).replayed.targets.map(({ requests }) => requests)).toEqual([20, 20])
  expect((await report('nested')).replayed.targets).toEqual([{ target: 'up/gpt-4o-mini', requests: 40, share: 1 }])
})

test('where the policy tries others out, their chances count and not one draw', async () => {
  const { replayed } = await report('exploring')
  expect(replayed.targets).toEqual([
    { target: 'up/gpt-4o', requests: 30, share: 0.75 },
    { target: 'up/gpt-4o-mini', requests: 10, share: 0.25 },
  ])
  expect(Number(replayed.cost_usd)).toBeCloseTo(30 * LARGE_USD + 10 * SMALL_USD)
})

test('what cannot be compared is left out and told', async () => {
  expect((await report('gone')).left_out[0]).toEqual({
    requests: 40,
    why: 'ask for chat, which is no name in the policy',
  })
  expect((await report('unpriced')).left_out[0]).toEqual({
    requests: 40,
    why: 'would go to up/free-of-price, which has no price in the policy',
  })
})

test('it says what it cannot know', async () => {
  const { unknown } = await report('careful')
  expect(unknown.join('\n')).toContain('No answer of up/gpt-4o has been judged yet')
  expect(unknown.join('\n')).toContain('Headers, tools, pictures and schemas of the requests are not on record')
  expect((await report('cheap')).unknown.join('\n')).toContain(
    'Only 20 of 40 graded answers come from who would answer',
  )
})

test('people read the same', async () => {
  const { code, out } = await weir('--policy', path.join(folder, 'cheap.yaml'))
  expect(code).toBe(0)
  expect(out).toMatch(/^40 requests from /)
  expect(out).toMatch(/as it was +0\.1342 +0\.85\d/)
  expect(out).toMatch(/up\/gpt-4o +up\/gpt-4o-mini +20 +-0\.1258 +-0\.067 +cheapest good enough/)
  expect(out).toContain('Saved: $0.1258 (93.7 %)')
  expect(out).toContain('worth 20.')
})

test('a policy that is wrong is refused as any config is, and an empty time as what it is', async () => {
  const wrong = await weir('--policy', path.join(folder, 'wrong.yaml'))
  expect(wrong.code).not.toBe(0)
  expect(wrong.err).toContain('nowhere')
  expect((await weir('--policy', path.join(folder, 'cheap.yaml'), '--since', '1d', '--to', '2d')).err).toContain(
    'empty',
  )
  const none = await weir('--policy', path.join(folder, 'cheap.yaml'), '--since', '2020-01-01', '--to', '2020-01-02')
  expect(none.out).toMatch(/^0 requests/)
})
