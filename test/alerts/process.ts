// One of several processes on one store: it books requests under a budget, and delivers what is told of it. Its clock is that of
// the test, which runs many times faster than time does.
//
//   bun process.ts <store> <name> <factor> <start ms> <receiver> <entries>
import { createAlerts } from '../../src/alerts/alerts.ts'
import { configOf } from '../../src/config/testing.ts'
import type { Budget } from '../../src/core/budget.ts'
import type { Clock } from '../../src/core/clock.ts'
import { entryOf } from '../../src/core/testing.ts'
import { createBudgets } from '../../src/limits/budgets.ts'
import { createLogger } from '../../src/metrics/log.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { createRedactor } from '../../src/metrics/redact.ts'
import { createGuard } from '../../src/providers/guard.ts'
import { createUpstream } from '../../src/providers/upstream.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { SECRET } from './receiver.ts'

const [file = '', name = '', factorText = '1', startText = '0', receiver = '', entriesText = '0'] =
  process.argv.slice(2)
const factor = Number(factorText)
const started = Number(startText)
const entries = Number(entriesText)

const clock: Clock = {
  now: () => started + (Date.now() - started) * factor,
  monotonicMs: () => performance.now() * factor,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs / factor)
    return () => clearTimeout(timer)
  },
}
/** Deadlines of calls are those of this machine. */
const wallClock: Clock = {
  ...clock,
  monotonicMs: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

/** A hundred thresholds of one budget for ever: the two processes reach each of them at different moments. */
const BUDGET: Budget = {
  id: 'pool',
  scope: 'gateway',
  subject: null,
  window: { type: 'once' },
  limitNanoUsd: 100_000n,
  onExhausted: { type: 'alert' },
  borrowNanoUsd: null,
  alertAt: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
  raises: [],
  source: 'store',
  createdAt: 0,
}

const store = openSqliteStore({ path: file, sync: 'process' })
const budgets = createBudgets({ clock })
budgets.configure([BUDGET])
const redact = createRedactor(() => [])
const alerts = createAlerts({
  store,
  clock,
  random: Math.random,
  config: () => configOf({ alerts: { webhook: { url: receiver, secret: SECRET } } }).alerts,
  upstream: createUpstream({
    clock: wallClock,
    simulator: null,
    guard: createGuard({ resolve: async () => ['127.0.0.1'], clock: wallClock }),
  }),
  budgets,
  traffic: createMetrics({ now: () => clock.now(), maxModels: 1, version: '' }).recent,
  log: createLogger({
    level: 'error',
    format: 'json',
    write: (text) => void process.stderr.write(text),
    redact,
    now: () => Date.now(),
  }),
})
alerts.start()

for (let index = 0; index < entries; index++) {
  const reservation = await budgets.reserve({
    payer: { key: { id: 'k', name: 'k' }, team: null, organisation: null, endUser: null, tags: [], route: null },
    candidates: [{ provider: 'up', model: 'm', estimateNanoUsd: 0n }],
  })
  const costNanoUsd = 100_000n / BigInt(entries)
  const charges = reservation?.settle(costNanoUsd, 'up', 'm') ?? []
  const entry = entryOf({ id: `req_${name}_${index}`, at: clock.now(), costNanoUsd, charges })
  await store.commit({ intents: [], entries: [entry], records: [] })
  await new Promise((resolve) => setTimeout(resolve, 1))
}
process.stdout.write('booked\n')
