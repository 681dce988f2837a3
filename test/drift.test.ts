// Drift through a whole gateway: a deployment that changes under its name is told of, and believed less.
import { expect, test } from 'bun:test'
import { systemClock } from '../src/core/clock.ts'
import type { Alert } from '../src/core/alert.ts'
import { GOLDEN_SET } from '../src/lab/golden-set.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { completion, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

const DAY = 86_400_000

async function alertsOf(weir: TestGateway): Promise<readonly Alert[]> {
  const { data } = await weir.store.listAlerts({ cursor: null, limit: 50, kind: 'quality_drift' })
  return data.map(({ alert }) => alert)
}

async function ask(weir: TestGateway, count: number, text: (index: number) => string): Promise<void> {
  for (let index = 0; index < count; index++)
    await (
      await weir.call('/v1/chat/completions', { ...QUESTION, messages: [{ role: 'user', content: text(index) }] })
    ).text()
  await weir.gateway.quality.settled()
}

test('another model behind the same name widens what is believed of it, and is told once', async () => {
  let model = 'm-2026-01'
  using upstream = startUpstream(() => Response.json({ ...completion('Hello to you all'), model }))
  await using weir = await startGateway(providerAt(upstream.url, 'lab: { evidence: all, cpu_share: 1 }'))
  const { scoreboard, book } = weir.gateway.quality
  await ask(weir, 1, () => 'Say hello')
  const about = { id: 'req_x', at: 0, keyId: 'k', teamId: null, route: 'r', deployment: 'up/m', shares: [1] }
  await book.say(about, [{ source: 's', evidence: { kind: 'human', quality: 1, weight: null }, comment: null }])
  const own = () => scoreboard.scores(['gateway'], 'up/m', Date.now())[0]!.own
  expect(own()).toBeCloseTo(1, 3)
  model = 'm-2026-07'
  await ask(weir, 5, (index) => `Say hello ${index}`)
  expect(own()).toBeCloseTo(0.3, 3)
  expect(await alertsOf(weir)).toMatchObject([
    {
      subject: { scope: 'deployment', id: 'up/m' },
      facts: { signal: 'model', numbers: { before: 'm-2026-01', now: 'm-2026-07' } },
    },
  ])
})

/** Runs timers by hand; `pass` runs those that are due, and lets what they began go on. */
function drivenClock() {
  let now = Date.UTC(2026, 0, 1)
  const timers: { readonly atMs: number; readonly run: () => void }[] = []
  return {
    clock: {
      now: () => now,
      monotonicMs: () => systemClock.monotonicMs(),
      after: (delayMs: number, run: () => void) => {
        // Deadlines of requests are real; what waits for a minute or more is driven.
        if (delayMs < 60_000) return systemClock.after(delayMs, run)
        const timer = { atMs: now + delayMs, run }
        timers.push(timer)
        return () => {
          const at = timers.indexOf(timer)
          if (at >= 0) timers.splice(at, 1)
        }
      },
    },
    pass: (ms: number) => {
      now += ms
      for (const timer of timers.filter(({ atMs }) => atMs <= now)) {
        timers.splice(timers.indexOf(timer), 1)
        timer.run()
      }
    },
  }
}

/** Answers golden prompts right, except those of a task that it has forgotten. */
function scholar(forgotten: () => string | null) {
  return (_request: Request, _number: number, body: string) => {
    const { messages } = JSON.parse(body) as { messages: { content: string }[] }
    const asked = messages.at(-1)!.content
    const known = GOLDEN_SET.find(({ prompt }) => prompt === asked)
    if (known === undefined) return Response.json(completion('Hello'))
    const { contains, number, json } = known.check
    const right = contains?.[0] ?? (number === undefined ? JSON.stringify(json) : String(number))
    return Response.json(completion(known.task === forgotten() ? 'I have forgotten' : right))
  }
}

test('golden prompts: a deployment that forgets a task is told of and believed less; its standing outlives a restart', async () => {
  let forgotten: string | null = null
  using upstream = startUpstream(scholar(() => forgotten))
  const yaml = providerAt(upstream.url, 'routes: { chat: { targets: [up/m] } }\ngolden: { every: 1d }')
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  const kept = { ...store, close: async () => {} }
  const { clock, pass } = drivenClock()
  const runOn = async (weir: TestGateway): Promise<void> => {
    pass(DAY)
    await weir.gateway.quality.golden.settled()
  }
  {
    await using weir = await startGateway(yaml, { clock, store: kept })
    weir.gateway.quality.golden.start()
    await runOn(weir)
    expect(upstream.received).toHaveLength(150)
    expect(weir.gateway.quality.golden.shown()).toContainEqual({
      deployment: 'up/m',
      task: 'reasoning',
      at: clock.now(),
      last: { passed: 30, asked: 30 },
      usual: { passed: 30, asked: 30 },
    })
    pass(60_000)
    await weir.gateway.quality.golden.settled()
    expect(upstream.received).toHaveLength(150)
  }
  await using weir = await startGateway(yaml, { clock, store: kept })
  weir.gateway.quality.golden.start()
  await runOn(weir)
  expect(await alertsOf(weir)).toEqual([])
  forgotten = 'reasoning'
  await runOn(weir)
  expect((await alertsOf(weir)).map(({ facts }) => facts)).toEqual([
    { signal: 'golden prompts', task: 'reasoning', numbers: { passed: 0, asked: 30, usual_share: 1 } },
  ])
  const spend = await store.spend({ by: ['key'], bucket: null, from: 0, to: 2e13 })
  expect(spend.map(({ group, requests }) => [group['key'], requests])).toEqual([['key_lab', 450]])
  await store.close()
}, 20_000)

test('golden prompts stay within what a day may cost, and a deployment that does not answer is not thought worse', async () => {
  let isDead = false
  using upstream = startUpstream((_request, _number, body) =>
    isDead
      ? Response.json({ error: { message: 'no' } }, { status: 500 })
      : scholar(() => null)(_request, _number, body),
  )
  // 10 tokens in at $1 and 5 out at $2 a million: $0.00002 each.
  const yaml = providerAt(
    upstream.url,
    'routes: { chat: { targets: [up/m], retries: 0 } }\ngolden: { every: 1d, max_usd: 0.0004, deployments: [up/m] }',
  )
  const { clock, pass } = drivenClock()
  await using weir = await startGateway(yaml, { clock })
  const { golden } = weir.gateway.quality
  golden.start()
  pass(DAY)
  await golden.settled()
  expect(upstream.received).toHaveLength(20)
  pass(60_000)
  await golden.settled()
  expect(upstream.received).toHaveLength(20)
  expect(weir.log()).toContain('golden_budget_used_up')
  isDead = true
  const before = golden.shown()
  pass(DAY)
  await golden.settled()
  expect(golden.shown().map(({ last }) => last)).toEqual(before.map(({ last }) => last))
  expect(weir.log()).toContain('golden_unanswered')
  expect(await alertsOf(weir)).toEqual([])
}, 20_000)
