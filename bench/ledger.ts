// `npm run bench:ledger`: fills a store with a year of entries, then measures the report over that year, the newest requests
// of a key, and how many requests a second are booked while reports run. Compares the books with the entries at the end.
import { statSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Entry, Intent, RequestRecord } from '../src/core/ledger.ts'
import { NO_USAGE } from '../src/core/usage.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { quantile, table } from './figures.ts'
import { describeMachine, scratchFolder } from './processes.ts'

const HELP = `npm run bench:ledger -- [options]

Fills a store with a year of entries and measures reports, the log and booking on it. Ten million entries take some minutes and 3 GB.

  --entries N   how many (default 10000000)
  --verify      compute every roll-up again from the entries at the end
  --json        figures as JSON on standard output
  --help        this text

Example: npm run bench:ledger -- --entries 1000000`

const TEAMS = 20
const KEYS_PER_TEAM = 5
const MODELS = 30
const DAY_MS = 86_400_000
const YEAR_MS = 365 * DAY_MS
/** As long as the request log is kept by default: older requests have an entry and no line. */
const LOG_MS = 30 * DAY_MS
const END = Date.UTC(2026, 10, 28)
const FILL_GROUP = 5_000
/** Requests that share a commit under load. */
const BOOK_GROUP = 64
const BOOK_MS = 10_000
const REPORT_EVERY_MS = 250
const LOOKS = 50

/** What issue and design ask for. */
const GOALS = { reportMs: 100, newestMs: 20, bookedPerS: 5_000, bytes: 4 * 1024 ** 3 }

/** Wall time, and CPU time of this process. */
type Looks = { readonly p50: number; readonly max: number; readonly cpu: number }

type Figures = {
  readonly entries: number
  readonly fillS: number
  readonly bytes: number
  readonly bytesPerEntry: number
  readonly reportMs: Looks
  readonly reportRows: number
  readonly newestMs: Looks
  readonly bookedPerS: number
  /** For each second of CPU time, reports included. */
  readonly bookedPerCpuS: number
  readonly reportsMeanwhile: number
  readonly differences: number | null
  readonly good: boolean
}

/** A deterministic generator: the same store each time. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

type Booked = { readonly intent: Intent; readonly entry: Entry; readonly record: RequestRecord }

function request(number: number, at: number, draw: () => number): Booked {
  const key = Math.floor(draw() * TEAMS * KEYS_PER_TEAM)
  // Few models do most of the work, as everywhere.
  const model = Math.floor(draw() ** 2 * MODELS)
  const [input, output] = [Math.floor(draw() * 4_000), Math.floor(draw() * 600)]
  const isTagged = draw() < 0.05
  const dimensions = {
    keyId: `key_${key}`,
    teamId: `team_${Math.floor(key / KEYS_PER_TEAM)}`,
    endUser: isTagged ? `user_${Math.floor(draw() * 200)}` : null,
    tags: isTagged ? ['nightly'] : [],
    requestedModel: `model-${model}`,
    route: `model-${model}`,
    operation: 'chat',
    dialect: 'openai-chat',
  }
  const id = `req_${String(number).padStart(24, '0')}`
  const usage = { ...NO_USAGE, input, output, requests: 1 }
  const target = { provider: `provider-${model % 8}`, model: `model-${model}` }
  const costNanoUsd = BigInt(input * 250 + output * 2_000)
  return {
    intent: {
      id,
      createdAt: at,
      deadlineAt: at + 60_000,
      dimensions,
      ...target,
      estimateNanoUsd: costNanoUsd,
      estimateUsage: usage,
      priceVersion: 'genai-prices-0.1.8',
    },
    entry: {
      id,
      at,
      dimensions,
      ...target,
      status: draw() < 0.98 ? 'complete' : 'aborted',
      usage,
      usageSource: 'reported',
      costNanoUsd,
      unpriced: false,
      priceVersion: 'genai-prices-0.1.8',
    },
    record: {
      id,
      clientRequestId: null,
      at,
      dimensions,
      status: 200,
      errorCode: null,
      target: `${target.provider}/${target.model}`,
      stream: draw() < 0.5,
      durationMs: draw() * 5_000,
      ttftMs: draw() * 1_000,
      overheadMs: 1,
      attempts: [
        {
          target: `${target.provider}/${target.model}`,
          credentialId: `${target.provider}#1`,
          outcome: { type: 'answered' },
          status: 200,
          startedAt: at,
          durationMs: 900,
          ttftMs: 300,
          message: null,
        },
      ],
      finishReason: 'stop',
      rawUsage: `{"prompt_tokens":${input},"completion_tokens":${output},"total_tokens":${input + output}}`,
      usage,
      usageSource: 'reported',
      costNanoUsd,
    },
  }
}

async function fill(store: Store, entries: number, say: (text: string) => void): Promise<number> {
  const draw = numbers(28)
  const startMs = performance.now()
  for (let first = 0; first < entries; first += FILL_GROUP) {
    const group = Array.from({ length: Math.min(FILL_GROUP, entries - first) }, (_, place) => {
      const number = first + place
      return request(number, END - YEAR_MS + Math.floor((number / entries) * YEAR_MS), draw)
    })
    const logged = group.filter(({ record }) => record.at >= END - LOG_MS)
    await store.commit({
      intents: [],
      entries: group.map(({ entry }) => entry),
      records: logged.map(({ record }) => record),
    })
    if (first % 500_000 === 0 && first > 0) say(`${first / 1e6} million entries after ${seconds(startMs)} s`)
  }
  return (performance.now() - startMs) / 1_000
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1_000).toFixed(0)
}

/** Of the time that something took, the part in which this process had a core: on a shared machine that is less. */
type Took = { readonly wallMs: number; readonly cpuMs: number }

async function timed(action: () => Promise<unknown>): Promise<Took> {
  const before = process.cpuUsage()
  const startMs = performance.now()
  await action()
  const { user, system } = process.cpuUsage(before)
  return { wallMs: performance.now() - startMs, cpuMs: (user + system) / 1_000 }
}

const yearByTeamAndModel = (store: Store) =>
  store.spend({ by: ['team', 'model'], bucket: null, from: END - YEAR_MS, to: END + DAY_MS })

async function look(times: number, action: (number: number) => Promise<unknown>) {
  const took: Took[] = []
  for (let number = 0; number < times; number++) took.push(await timed(() => action(number)))
  const wallMs = took.map((one) => one.wallMs)
  return {
    p50: quantile(wallMs, 0.5),
    max: Math.max(...wallMs),
    cpu: quantile(
      took.map((one) => one.cpuMs),
      0.5,
    ),
  }
}

/** Books as fast as it goes, intents first and then their entries as the gateway does, with reports in between. */
async function book(store: Store, entries: number, forMs: number) {
  const draw = numbers(7)
  const before = process.cpuUsage()
  const startMs = performance.now()
  let booked = 0
  let reports = 0
  let nextReportMs = startMs
  while (performance.now() - startMs < forMs) {
    const group = Array.from({ length: BOOK_GROUP }, (_, place) =>
      request(entries + booked + place, END + booked, draw),
    )
    await store.commit({ intents: group.map(({ intent }) => intent), entries: [], records: [] })
    await store.commit({
      intents: [],
      entries: group.map(({ entry }) => entry),
      records: group.map(({ record }) => record),
    })
    booked += BOOK_GROUP
    if (performance.now() < nextReportMs) continue
    nextReportMs = performance.now() + REPORT_EVERY_MS
    reports++
    await yearByTeamAndModel(store)
  }
  const { user, system } = process.cpuUsage(before)
  return {
    perS: booked / ((performance.now() - startMs) / 1_000),
    perCpuS: booked / ((user + system) / 1e6),
    reports,
  }
}

async function measure(entries: number, checks: boolean, say: (text: string) => void): Promise<Figures> {
  const file = path.join(scratchFolder(), 'weir.db')
  const store = openSqliteStore({ path: file, sync: 'process' })
  const fillS = await fill(store, entries, say)
  const reportMs = await look(LOOKS, () => yearByTeamAndModel(store))
  const reportRows = (await yearByTeamAndModel(store)).length
  const newestMs = await look(LOOKS, (number) =>
    store.listRequests({ cursor: null, limit: 100, keyId: `key_${number % (TEAMS * KEYS_PER_TEAM)}` }),
  )
  const bytes = statSync(file).size
  const booked = await book(store, entries, Math.min(BOOK_MS, Math.max(500, entries / 100)))
  const differences = checks ? (await store.verifyBooks()).differences : null
  await store.close()
  const good =
    reportMs.p50 < GOALS.reportMs &&
    newestMs.p50 < GOALS.newestMs &&
    booked.perS >= GOALS.bookedPerS &&
    bytes < GOALS.bytes &&
    (differences ?? 0) === 0
  return {
    entries,
    fillS,
    bytes,
    bytesPerEntry: bytes / entries,
    reportMs,
    reportRows,
    newestMs,
    bookedPerS: booked.perS,
    bookedPerCpuS: booked.perCpuS,
    reportsMeanwhile: booked.reports,
    differences,
    good,
  }
}

function show(figures: Figures): string {
  const ms = ({ p50, max, cpu }: Looks): string => `${p50.toFixed(1)} (max ${max.toFixed(1)}; CPU ${cpu.toFixed(1)})`
  return table([
    ['on this store', 'measured', 'goal'],
    ['entries', String(figures.entries), ''],
    ['data file, GB', (figures.bytes / 1024 ** 3).toFixed(2), '< 4'],
    ['bytes an entry', figures.bytesPerEntry.toFixed(0), ''],
    ['report of a year by team and model, ms', ms(figures.reportMs), '< 100'],
    ['newest 100 requests of a key, ms', ms(figures.newestMs), '< 20'],
    [
      `requests booked a second, with ${figures.reportsMeanwhile} reports meanwhile`,
      `${figures.bookedPerS.toFixed(0)} (${figures.bookedPerCpuS.toFixed(0)} a second of CPU)`,
      '≥ 5000',
    ],
    [
      'differences between entries and roll-ups',
      figures.differences === null ? 'not looked' : String(figures.differences),
      '0',
    ],
  ])
}

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '10000000' },
    verify: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(`${HELP}\n`)
else {
  const entries = Number(values.entries)
  if (!Number.isInteger(entries) || entries < 1_000) {
    process.stderr.write(`--entries takes a whole number from 1000, not '${values.entries}'.\n`)
    process.exit(1)
  }
  const figures = await measure(entries, values.verify, (text) => values.json || process.stdout.write(`${text}\n`))
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
  else {
    const { date, cpu, cores, bun } = describeMachine()
    process.stdout.write(
      `\n${show(figures)}\n\n${date}, ${cpu}, ${cores} cores, Bun ${bun}; one process does everything.\n`,
    )
  }
  if (!figures.good) process.exitCode = 1
}
