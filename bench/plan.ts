// What planning costs: CPU per plan, by strategy and number of targets, through the router with real health, prices and
// memory. `npm run bench:plan`; a short form with a generous bound is in the tests.
import { parseArgs } from 'node:util'
import { DEFAULT_CONFIG } from '../src/config/schema.ts'
import { systemClock } from '../src/core/clock.ts'
import { UNRESTRICTED_KEY } from '../src/core/key.ts'
import { NO_USAGE } from '../src/core/usage.ts'
import { openaiChat } from '../src/dialects/openai-chat.ts'
import { priorFromCards } from '../src/lab/benchmark-cards.ts'
import { createScoreboard, scopeChainOf } from '../src/lab/scoreboard.ts'
import { createTaskLearning } from '../src/lab/task-learning.ts'
import { declaredTask, TASKS } from '../src/lab/task.ts'
import { estimateTokens } from '../src/ledger/estimate.ts'
import { openaiWire } from '../src/providers/openai/wire.ts'
import { createExpectedOutput } from '../src/routing/expected-output.ts'
import { createHealth } from '../src/routing/health.ts'
import { createPlanMemory } from '../src/routing/plan-memory.ts'
import { createSnapshot } from '../src/snapshot.ts'
import type { Snapshot } from '../src/snapshot.ts'
import { createTrials } from '../src/stages/trials.ts'
import type { Asked, PlanEngine } from '../src/stages/plan-world.ts'
import { createExploration } from '../src/stages/exploration.ts'
import { createRouter } from '../src/stages/router.ts'
import { deploymentsOf } from '../src/routing/route.ts'
import { scanJson } from '../src/core/json.ts'
import { quantile, table } from './figures.ts'

export const STRATEGIES = ['order', 'weighted', 'cheapest', 'fastest', 'least-busy', 'quality'] as const
type Strategy = (typeof STRATEGIES)[number]

type PlanCost = {
  readonly strategy: Strategy
  readonly targets: number
  /** CPU of the process, µs per plan: the median of the rounds. */
  readonly cpuUs: number
  /** Growth of the heap over the last half of the plans, bytes. */
  readonly grownBytes: number
}

/** Wall time of one plan after the other, µs. */
type PlanTime = {
  readonly p50: number
  readonly p99: number
  /** Of the fastest of three of each prompt: without the turns that other programs had on the core. */
  readonly undisturbedP99: number
}

const MESSAGES = [
  { role: 'system', content: 'You help the customers of a shop for garden tools. Be brief, and never invent prices.' },
  { role: 'user', content: 'Which spade do I need for clay?' },
]

function snapshotOf(strategy: Strategy, targets: number): Snapshot {
  const names = Array.from({ length: targets }, (_, index) => `m${index}`)
  const providers = Object.fromEntries(
    names.map((name, index) => [
      `p${index}`,
      {
        preset: 'openai-compatible',
        baseUrl: 'http://127.0.0.1:1/v1',
        keys: ['a-key-of-the-bench'],
        models: { [name]: { price: { input: String(1 + (index % 7)), output: String(2 + (index % 5)) } } },
      },
    ]),
  )
  const route = {
    strategy,
    targets: names.map((name, index) => ({ use: `p${index}/${name}`, weight: 1 + (index % 3) })),
    fallbacks: [],
    byTask: {},
    on: { contextLength: [], contentFilter: [], rateLimit: [], budget: [] },
    sticky: true,
    retries: 1,
    hedgeAfterMs: null,
    midstream: 'error' as const,
    minTokensPerS: null,
    ...(strategy === 'quality' ? { quality: { floor: 0.7, degrade: true } } : {}),
  }
  const config = { ...DEFAULT_CONFIG, providers, routes: { chat: route } }
  return createSnapshot(config, {}, { clock: systemClock, seed: 1 })
}

/** Deployments that have answered before, at different speeds. */
function engineFor(snapshot: Snapshot): PlanEngine {
  const health = createHealth({ clock: systemClock, random: Math.random })
  const expectedOutput = createExpectedOutput()
  for (const deployment of deploymentsOf(snapshot.catalogue.resolve('chat')!)) {
    const ticket = health.begin(deployment, null, 100)
    health.ended(ticket, { type: 'answered' }, { headers: null, isOurs: false })
    health.closed(ticket)
    expectedOutput.seen(deployment.id, null, { ...NO_USAGE, input: 100, output: 50 })
  }
  return {
    clock: systemClock,
    random: Math.random,
    healthOf: (id) => health.factsOf(id),
    planMemory: createPlanMemory({ monotonicMs: () => systemClock.monotonicMs() }),
    expectedOutput,
    scoreboard: createScoreboard(priorFromCards),
    taskLearning: createTaskLearning(),
    training: { heads: null },
    trials: createTrials(),
    pressure: { on: () => 0 },
    exploration: createExploration(systemClock),
    attemptTools: { wireOf: () => openaiWire, estimateTokens },
  }
}

/** A new conversation each time, as a busy gateway sees them. */
function askedWith(number: number, words = `Customer ${number}`): Asked {
  const body = { model: 'chat', messages: [...MESSAGES, { role: 'user', content: words }] }
  const text = JSON.stringify(body)
  return {
    call: {
      dialect: 'openai-chat',
      operation: 'chat',
      facts: openaiChat.readFacts(body),
      text,
      members: scanJson(text, { depth: 32, keys: 1_000 }).members,
      body,
      headers: {},
      chat: null,
    },
    dialect: openaiChat,
    caller: {
      key: { ...UNRESTRICTED_KEY, id: 'key_bench', name: 'bench' },
      team: null,
    },
    headers: new Headers(),
    endUser: null,
    tags: [],
  }
}

function measurePlan(strategy: Strategy, targets: number, plans: number): PlanCost {
  const snapshot = snapshotOf(strategy, targets)
  const router = createRouter(engineFor(snapshot), snapshot)
  const requests = Array.from({ length: 64 }, (_, index) => askedWith(index))
  const run = (count: number): void => {
    for (let index = 0; index < count; index++) {
      const { plan } = router.route(requests[index % requests.length]!, null)
      if (plan.targets.length !== targets) throw new Error(`a plan of ${plan.targets.length} targets`)
    }
  }
  run(Math.ceil(plans / 2))
  const rounds = 7
  const each = Math.ceil(plans / rounds)
  Bun.gc(true)
  const before = process.memoryUsage().heapUsed
  const cpuUs = Array.from({ length: rounds }, () => {
    const { user, system } = process.cpuUsage()
    run(each)
    const after = process.cpuUsage()
    return (after.user - user + after.system - system) / each
  })
  Bun.gc(true)
  return { strategy, targets, cpuUs: quantile(cpuUs, 0.5), grownBytes: process.memoryUsage().heapUsed - before }
}

/** Words as prompts have them, so many characters; `number` makes each another one. */
function promptOf(number: number, characters: number): string {
  const words =
    'the river that a low dam lets through is measured and regulated by what it carries down to its mouth'.split(' ')
  let state = number + 1
  let text = `Summarise case ${number} and say what to do.\n`
  while (text.length < characters) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += `${words[state % words.length]}${state % 7 === 0 ? `${state % 1_000}. ` : ' '}`
  }
  return text.slice(0, characters)
}

/** A plan by quality of targets of which there is evidence, for prompts of so many characters, each of them new. */
function measureQuality(targets: number, characters: number, plans: number): PlanTime {
  const snapshot = snapshotOf('quality', targets)
  const engine = engineFor(snapshot)
  for (const [place, { id }] of deploymentsOf(snapshot.catalogue.resolve('chat')!).entries())
    for (const task of TASKS)
      for (let each = 0; each < 40; each++)
        engine.scoreboard.observe(
          scopeChainOf('key_bench', null),
          id,
          declaredTask(task).shares,
          { kind: 'human', quality: each % 10 < 5 + (place % 6) ? 1 : 0, weight: null },
          systemClock.now(),
        )
  const router = createRouter(engine, snapshot)
  const times: number[] = []
  const fastest: number[] = []
  for (let number = 0; number < 2 * plans; number++) {
    const text = promptOf(number, characters)
    const three = [0, 1, 2].map(() => {
      const asked = askedWith(number, text)
      const startedMs = performance.now()
      const { plan } = router.route(asked, null)
      if (plan.decision === null) throw new Error('a plan without a decision')
      return (performance.now() - startedMs) * 1_000
    })
    times.push(three[0]!)
    fastest.push(Math.min(...three))
  }
  const warm = times.slice(plans)
  return {
    p50: quantile(warm, 0.5),
    p99: quantile(warm, 0.99),
    undisturbedP99: quantile(fastest.slice(plans), 0.99),
  }
}

const HELP = `npm run bench:plan -- [options]

CPU per plan by strategy and number of targets, and the time of a choice by quality.

  --quick    a fifth as many plans
  --json     figures as JSON on standard output
  --help     this text

Example: npm run bench:plan -- --quick
`

export type PlanFigures = {
  readonly plans: readonly PlanCost[]
  readonly choices: readonly (PlanTime & { readonly characters: number })[]
}

function measured(isQuick: boolean): PlanFigures {
  const some = (plans: number): number => (isQuick ? plans / 5 : plans)
  return {
    plans: STRATEGIES.flatMap((strategy) => [
      measurePlan(strategy, 5, some(140_000)),
      measurePlan(strategy, 100, some(14_000)),
    ]),
    choices: (isQuick ? [100, 4_096] : [100, 1_000, 4_096, 1_000_000]).map((characters) => ({
      characters,
      ...measureQuality(12, characters, some(characters > 10_000 ? 200 : 5_000)),
    })),
  }
}

function tablesOf({ plans, choices }: PlanFigures): string {
  const cost = (strategy: Strategy, targets: number): string =>
    plans.find((one) => one.strategy === strategy && one.targets === targets)!.cpuUs.toPrecision(3)
  const rows = STRATEGIES.map((strategy) => [strategy, cost(strategy, 5), cost(strategy, 100)])
  const chosen = choices.map(({ characters, p50, p99, undisturbedP99 }) => [
    `a prompt of ${characters} characters`,
    p50.toFixed(0),
    p99.toFixed(0),
    undisturbedP99.toFixed(0),
  ])
  return `${table([['strategy', '5 targets, µs', '100 targets, µs'], ...rows])}

${table([['by quality, 12 targets', 'p50 µs', 'p99 µs', 'p99 µs, fastest of three'], ...chosen])}`
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) process.stdout.write(HELP)
  else {
    const figures = measured(values.quick)
    process.stdout.write(`${values.json ? JSON.stringify(figures) : tablesOf(figures)}\n`)
  }
}
