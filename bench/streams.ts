// `npm run soak:streams`: many streams at once through the gateway on one core. Does each event arrive, once, in order,
// unchanged, in a write of its own, and how much later than without the gateway?
import { parseArgs } from 'node:util'
import { quantile, table } from './figures.ts'
import { DISTURBED_SHARE, watchOthers } from './contention.ts'
import { type Connection, connect, postBytes } from './http-client.ts'
import {
  type Child,
  cpuMs,
  demandLinux,
  describeMachine,
  pause,
  pinLoad,
  scratchFolder,
  startGateway,
  startScript,
} from './processes.ts'
import { type Checked, follow } from './stream-check.ts'
import { streamRequest } from './wire.ts'

const HELP = `npm run soak:streams -- [options]

Opens streams through the gateway and checks every event of every one, for a ladder of gaps between events.

  --streams N   streams at once (default 1000)
  --gap MS      only this gap (default: 100, 50, 20, then 5 ms)
  --seconds S   measured time of each rung (default 5)
  --floor       through the bare proxy instead of the gateway
  --quick       a hundred streams for a second: whether it works
  --json        figures as JSON on standard output
  --help        this text

Example: npm run soak:streams -- --streams 200 --gap 20 --seconds 30`

const LADDER_MS = [100, 50, 20, 5]
/** Above this the delay says more about the queue for the core than about the gateway. */
const BUSY_SHARE = 0.7
const MAX_ADDED_P99_MS = 20
const END_LIMIT_MS = 60_000
const CONNECTING_AT_ONCE = 50
// More than any rung lasts: streams end when the upstream is told to finish.
const ENDLESS = 10_000_000

const { values } = parseArgs({
  options: {
    streams: { type: 'string' },
    gap: { type: 'string' },
    seconds: { type: 'string' },
    floor: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

type Rung = {
  readonly gapMs: number
  readonly eventsPerS: number
  readonly sent: number
  readonly received: number
  readonly wrong: number
  readonly merged: number
  readonly unended: number
  /** Share of its core that the system under test used. */
  readonly cpuShare: number
  /** The same of mock upstream and checker together: near 1 they are what limits the rate. */
  readonly loadCpuShare: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** The same without anything in between. */
  readonly directP50Ms: number
  readonly directP99Ms: number
  /** Share of a core that other programs took; null when it cannot be told. */
  readonly othersShare: number | null
  readonly verdict: 'good' | 'bad' | 'busy' | 'disturbed'
}

type Path = {
  readonly port: number
  readonly path: string
  readonly model: string
  readonly authorization: string
  readonly pid: number
}

function positive(name: 'streams' | 'gap' | 'seconds', otherwise: number): number {
  const value = Number(values[name] ?? otherwise)
  if (!(value > 0)) throw new Error(`--${name} takes a number above 0, not '${values[name]}'.`)
  return value
}

function say(text: string): void {
  if (!values.json) process.stdout.write(`${text}\n`)
}

/** Runs `count` streams along a path for a while, then lets them end, checking everything. */
async function run(path: Path, mock: Child, count: number, gapMs: number, seconds: number) {
  const asked = { gapMs, events: ENDLESS, idle: false, marked: true }
  const request = postBytes(path.path, path.authorization, streamRequest(path.model, asked))
  const checked: Checked = { events: 0, wrong: 0, merged: 0, ended: 0, delaysMs: [] }
  const measuring = { on: false }
  const sentBefore = await sentEvents(mock)
  const connections: Connection[] = []
  const ends: Promise<void>[] = []
  for (let first = 0; first < count; first += CONNECTING_AT_ONCE) {
    const some = await Promise.all(
      Array.from({ length: Math.min(CONNECTING_AT_ONCE, count - first) }, () => connect(path.port)),
    )
    connections.push(...some)
    await Promise.all(
      some.map(
        (connection) =>
          new Promise<void>((opened, refused) => {
            ends.push(follow(connection, request, asked, checked, measuring, opened, refused))
          }),
      ),
    )
  }
  await fetch(`http://127.0.0.1:${mock.port}/go`, { method: 'POST' })
  // Opening and ending are bursts of requests, and the role event is held back until content follows it: delay, CPU and
  // shared writes are measured in between, losses and changes all the time.
  await pause(500)
  const cpuOf = () => [cpuMs(path.pid), cpuMs(mock.pid) + cpuMs(process.pid)] as const
  const [cpuBefore, loadBefore] = cpuOf()
  const before = { atMs: performance.now(), events: checked.events }
  const others = watchOthers({ system: [path.pid], load: [mock.pid, process.pid] })
  measuring.on = true
  await pause(seconds * 1000)
  measuring.on = false
  const othersShare = others()
  const [cpuAfter, loadAfter] = cpuOf()
  const elapsedMs = performance.now() - before.atMs
  const eventsPerS = ((checked.events - before.events) * 1000) / elapsedMs
  await fetch(`http://127.0.0.1:${mock.port}/finish`, { method: 'POST' })
  await Promise.race([Promise.all(ends), pause(END_LIMIT_MS)])
  for (const connection of connections) connection.close()
  const sent = (await sentEvents(mock)) - sentBefore
  return {
    checked,
    sent,
    eventsPerS,
    cpuShare: (cpuAfter - cpuBefore) / elapsedMs,
    loadCpuShare: (loadAfter - loadBefore) / elapsedMs,
    othersShare,
  }
}

async function sentEvents(mock: Child): Promise<number> {
  return ((await (await fetch(`http://127.0.0.1:${mock.port}/count`)).json()) as { events: number }).events
}

async function climb(
  through: Path,
  direct: Path,
  mock: Child,
  count: number,
  gapMs: number,
  seconds: number,
): Promise<Rung> {
  const alone = await run(direct, mock, count, gapMs, Math.min(2, seconds))
  const { checked, sent, eventsPerS, cpuShare, loadCpuShare, othersShare } = await run(
    through,
    mock,
    count,
    gapMs,
    seconds,
  )
  const [p50Ms, p99Ms] = [quantile(checked.delaysMs, 0.5), quantile(checked.delaysMs, 0.99)]
  const [directP50Ms, directP99Ms] = [quantile(alone.checked.delaysMs, 0.5), quantile(alone.checked.delaysMs, 0.99)]
  const complete = checked.events === sent && checked.wrong === 0 && checked.ended === count
  const calm = checked.merged === 0 && p99Ms - directP99Ms < MAX_ADDED_P99_MS
  const busy = cpuShare >= BUSY_SHARE || loadCpuShare >= BUSY_SHARE
  const disturbed = Math.max(othersShare ?? 0, alone.othersShare ?? 0) > DISTURBED_SHARE
  // Nothing excuses a lost or changed event; a late or merged one says something only where there was CPU to spare.
  const excuse = busy ? 'busy' : disturbed ? 'disturbed' : 'bad'
  return {
    gapMs,
    eventsPerS,
    sent,
    received: checked.events,
    wrong: checked.wrong,
    merged: checked.merged,
    unended: count - checked.ended,
    cpuShare,
    loadCpuShare,
    p50Ms,
    p99Ms,
    directP50Ms,
    directP99Ms,
    othersShare,
    verdict: !complete ? 'bad' : calm ? 'good' : excuse,
  }
}

function rowOf(rung: Rung): string[] {
  return [
    `${rung.gapMs} ms`,
    rung.eventsPerS.toFixed(0),
    String(rung.sent),
    String(rung.sent - rung.received),
    String(rung.wrong),
    String(rung.merged),
    String(rung.unended),
    `${(rung.cpuShare * 100).toFixed(0)} %`,
    `${(rung.loadCpuShare * 100).toFixed(0)} %`,
    rung.othersShare === null ? '?' : `${(rung.othersShare * 100).toFixed(0)} %`,
    (rung.p50Ms - rung.directP50Ms).toFixed(2),
    (rung.p99Ms - rung.directP99Ms).toFixed(2),
    rung.verdict,
  ]
}

const HEADINGS = [
  'gap',
  'events/s',
  'sent',
  'lost',
  'wrong',
  'merged',
  'unended',
  'CPU',
  'load CPU',
  'others',
  'added p50 ms',
  'added p99 ms',
  '',
]

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(`${HELP}\n`)
    return
  }
  demandLinux()
  const count = positive('streams', values.quick ? 100 : 1000)
  const seconds = positive('seconds', values.quick ? 1 : 5)
  const gaps = values.gap === undefined ? LADDER_MS : [positive('gap', 5)]
  pinLoad()
  const machine = describeMachine()
  say(
    Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
  )
  const folder = scratchFolder()
  const mock = await startScript(folder, 'load', 'bench/mock.ts')
  const upstream = `http://127.0.0.1:${mock.port}/streams`
  const path = '/v1/chat/completions'
  const floor = values.floor ? await startScript(folder, 'system', 'bench/floor.ts', [upstream]) : null
  const gateway = floor === null ? await startGateway(folder, `${upstream}/v1`) : null
  const system = gateway ?? floor
  const direct: Path = {
    port: mock.port,
    path: `/streams${path}`,
    model: 'm',
    authorization: 'Bearer x',
    pid: system?.pid ?? 0,
  }
  const through: Path =
    gateway === null
      ? { ...direct, port: floor?.port ?? 0, path }
      : { port: gateway.port, path, model: 'mock/m', authorization: gateway.authorization, pid: gateway.pid }
  say(`${count} streams at once through the ${gateway === null ? 'floor' : 'gateway'}, ${seconds} s a rung\n`)
  // Machine code is made on the way: the first rung should not pay for it.
  await run(through, mock, Math.min(count, 100), 10, 2)
  const rungs: Rung[] = []
  for (const gapMs of gaps) {
    rungs.push(await climb(through, direct, mock, count, gapMs, seconds))
    say(`gap ${gapMs} ms: ${rungs.at(-1)?.verdict}`)
  }
  say(`\n${table([HEADINGS, ...rungs.map(rowOf)])}`)
  // A rung whose sender could not keep its pace shows little CPU for the wrong reason.
  const paced = rungs.filter((rung) => rung.eventsPerS > (0.95 * count * 1000) / rung.gapMs)
  const calm = paced.filter((rung) => rung.cpuShare < BUSY_SHARE).map((rung) => `${rung.gapMs} ms`)
  say(
    `\nFull rate with less than ${BUSY_SHARE * 100} % of a core at: ${calm.length === 0 ? 'none of these gaps' : calm.join(', ')}`,
  )
  if (rungs.some((rung) => rung.verdict === 'disturbed'))
    say('Other programs used the cores: repeat the disturbed rungs on a quiet machine.')
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, streams: count, seconds, rungs }, null, 2)}\n`)
  for (const child of [gateway, floor, mock]) await child?.stop()
  if (rungs.some((rung) => rung.verdict === 'bad'))
    throw new Error('Events were lost, changed, merged or late while there was CPU to spare.')
}

process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))
await main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
