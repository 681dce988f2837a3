// `npm run soak:crash`: kills the gateway with SIGKILL at random moments under load, starts it again, and compares its
// books with what the upstream saw. Each request that reached the upstream must have exactly one entry.
import { Database } from 'bun:sqlite'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { table } from './figures.ts'
import { pause, scratchFolder, startGateway, startScript } from './processes.ts'
import { markedRequest } from './wire.ts'

const HELP = `npm run soak:crash -- [options]

Kills the gateway with SIGKILL at random moments under load, restarts it, and compares its ledger with what the upstream saw.

  --kills N   how often (default 20)
  --rate R    requests a second, half of them streamed, at most 32 at once (default 300)
  --json      figures as JSON on standard output
  --help      this text

Example: npm run soak:crash -- --kills 5 --rate 100`

const CONCURRENCY = 32
const EARLIEST_KILL_MS = 150
const LATEST_KILL_MS = 1_500
/** Differences that are shown one by one. */
const SHOWN = 10

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    rate: { type: 'string', default: '300' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

type Count = {
  readonly kills: number
  /** Requests that the clients sent, each with a mark of its own. */
  readonly sent: number
  /** Of them: whose answer the client had to its end. */
  readonly answered: number
  /** Marks that reached the upstream. */
  readonly seen: number
  readonly entries: number
  readonly recovered: number
  /** Recovered entries of requests that had not left when the process died: booked to be safe, at the estimate. */
  readonly recoveredUnseen: number
  /** Each of these must be 0. */
  readonly wrong: {
    /** Reached the upstream, no entry. */
    readonly missing: number
    /** Marks with more than one entry. */
    readonly twice: number
    /** The client had the whole answer, and the entry does not say `complete`. */
    readonly unfinished: number
    /** An entry that is not `recovered`, of a request that the upstream never saw. */
    readonly invented: number
    /** Entries that the roll-ups of the reports do not count, or count twice. */
    readonly unsummed: number
    /** Intents that are still open after the last start. */
    readonly open: number
  }
  readonly examples: readonly string[]
}

function wholeNumber(name: 'kills' | 'rate'): number {
  const number = Number(values[name])
  if (Number.isInteger(number) && number >= 1) return number
  throw new Error(`--${name} takes a whole number above 0, not '${values[name]}'.`)
}

function say(text: string): void {
  if (!values.json) process.stdout.write(`${text}\n`)
}

/** Requests on their way until stopped; those that a kill cuts off count as sent and not as answered. */
function startTraffic(aim: { port: number; authorization: string }, round: number, rate: number) {
  const sent: string[] = []
  const answered: string[] = []
  const startMs = performance.now()
  const stopping = new AbortController()
  let number = 0
  async function loop(): Promise<void> {
    for (;;) {
      const mine = number++
      await pause(Math.max(0, startMs + (mine * 1_000) / rate - performance.now()))
      if (stopping.signal.aborted) return
      const mark = `r${round}-${mine}`
      sent.push(mark)
      if (await ask(aim, mark, mine % 2 === 0)) answered.push(mark)
    }
  }
  const loops = Array.from({ length: CONCURRENCY }, loop)
  return {
    sent,
    answered,
    stop: async () => {
      stopping.abort()
      await Promise.all(loops)
    },
  }
}

async function ask(aim: { port: number; authorization: string }, mark: string, stream: boolean): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${aim.port}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: aim.authorization, 'content-type': 'application/json' },
      body: markedRequest('mock/m', mark, stream),
    })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`the gateway answered ${response.status}: ${text.slice(0, 300)}`)
    return !stream || text.endsWith('data: [DONE]\n\n')
  } catch (error) {
    // The kill; what the gateway itself refuses is a failure of the soak.
    if (error instanceof Error && error.message.startsWith('the gateway answered')) throw error
    return false
  }
}

type EntryLine = { readonly mark: string; readonly status: string }

const STATUSES = ['complete', 'aborted', 'failed', 'recovered']

/** The ledger as it lies on the disk, past all code of the gateway. */
function readLedger(file: string): { entries: EntryLine[]; open: number } {
  using database = new Database(file, { readonly: true })
  const rows = database
    .query<{ tags: string; status: number }, []>(
      'SELECT s.tags, e.status FROM entries e JOIN subjects s ON s.no = e.subject',
    )
    .all()
  const open = database
    .query<{ open: number }, []>(
      `SELECT count(*) AS open FROM intent_groups g, json_each(g.intents) i
       WHERE NOT EXISTS (SELECT 1 FROM entries e WHERE e.id = i.value ->> 0)`,
    )
    .get()
  return {
    entries: rows.map(({ tags, status }) => ({
      mark: (JSON.parse(tags) as string[])[0] ?? '',
      status: STATUSES[status] ?? String(status),
    })),
    open: open?.open ?? 0,
  }
}

async function run(): Promise<Count> {
  const kills = wholeNumber('kills')
  const rate = wholeNumber('rate')
  // Each process that is started listens for the end of this one.
  process.setMaxListeners(0)
  const folder = scratchFolder()
  const upstream = await startScript(folder, 'load', 'bench/crash-upstream.ts')
  const base = `http://127.0.0.1:${upstream.port}`
  const sent: string[] = []
  const answered: string[] = []
  for (let round = 1; round <= kills; round++) {
    const gateway = await startGateway(folder, `${base}/v1`)
    const traffic = startTraffic(gateway, round, rate)
    const aliveMs = EARLIEST_KILL_MS + Math.random() * (LATEST_KILL_MS - EARLIEST_KILL_MS)
    await pause(aliveMs)
    process.kill(gateway.pid, 'SIGKILL')
    await Promise.all([gateway.stop(), traffic.stop()])
    sent.push(...traffic.sent)
    answered.push(...traffic.answered)
    say(
      `kill ${round} of ${kills}, ${Math.round(aliveMs)} ms after the start: ${traffic.answered.length} of ${traffic.sent.length} requests answered`,
    )
  }
  const last = await startGateway(folder, `${base}/v1`)
  const report = (await last.admin('/admin/reports/spend?by=status')) as { total: { requests: number } }
  await last.stop()
  const seen = new Set(Object.keys((await (await fetch(`${base}/seen`)).json()) as object))
  await upstream.stop()
  const ledger = readLedger(path.join(folder, 'data', 'weir.db'))
  return compare({ kills, sent, answered, seen, ...ledger, summed: report.total.requests })
}

type Found = {
  readonly kills: number
  readonly sent: readonly string[]
  readonly answered: readonly string[]
  readonly seen: ReadonlySet<string>
  readonly entries: readonly EntryLine[]
  readonly open: number
  readonly summed: number
}

function compare({ kills, sent, answered, seen, entries, open, summed }: Found): Count {
  const statusOf = new Map<string, string>()
  const twice: string[] = []
  for (const { mark, status } of entries) {
    if (statusOf.has(mark)) twice.push(mark)
    statusOf.set(mark, status)
  }
  const unseen = entries.filter(({ mark }) => !seen.has(mark))
  const missing = [...seen].filter((mark) => !statusOf.has(mark))
  const unfinished = answered.filter((mark) => statusOf.get(mark) !== 'complete')
  const invented = unseen.filter(({ status }) => status !== 'recovered').map(({ mark }) => mark)
  const examples = Object.entries({ missing, twice, unfinished, invented }).flatMap(([what, marks]) =>
    marks.slice(0, SHOWN).map((mark) => `${what}: ${mark} (entry: ${statusOf.get(mark) ?? 'none'})`),
  )
  return {
    kills,
    sent: sent.length,
    answered: answered.length,
    seen: seen.size,
    entries: entries.length,
    recovered: entries.filter(({ status }) => status === 'recovered').length,
    recoveredUnseen: unseen.length - invented.length,
    wrong: {
      missing: missing.length,
      twice: twice.length,
      unfinished: unfinished.length,
      invented: invented.length,
      unsummed: Math.abs(summed - entries.length),
      open,
    },
    examples,
  }
}

function print(count: Count): void {
  const { wrong } = count
  say('')
  say(
    table([
      ['', 'requests'],
      ['sent by the clients', String(count.sent)],
      ['answered to the end', String(count.answered)],
      ['seen by the upstream', String(count.seen)],
      ['entries in the ledger', String(count.entries)],
      ['… recovered after a kill, at the estimate', String(count.recovered)],
      ['… … whose request had not left yet', String(count.recoveredUnseen)],
      ['seen, without an entry', String(wrong.missing)],
      ['with more than one entry', String(wrong.twice)],
      ['answered to the end, entry not complete', String(wrong.unfinished)],
      ['entry without a request, not recovered', String(wrong.invented)],
      ['entries that the reports miss', String(wrong.unsummed)],
      ['intents still open', String(wrong.open)],
    ]),
  )
  for (const example of count.examples) say(example)
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(`${HELP}\n`)
    return 0
  }
  const count = await run()
  print(count)
  const good = Object.values(count.wrong).every((number) => number === 0)
  const verdict = good
    ? `After ${count.kills} kills each of ${count.seen} requests that the upstream saw has exactly one entry.`
    : 'The ledger and the upstream disagree.'
  if (values.json) process.stdout.write(`${JSON.stringify({ ...count, good }, null, 2)}\n`)
  else say(`\n${verdict}`)
  return good ? 0 : 1
}

process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))
await main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`crash soak: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
