// `npm run bench`: what the gateway costs beside a bare proxy, measured in one run, round by round in turn.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { showOthers, watchOthers } from './contention.ts'
import { showSpread, type Spread, spreadOf, table } from './figures.ts'
import { postBytes } from './http-client.ts'
import { type Aim, holdStreams, type Latency, NUMBER_PLACE, openLoop, startLoad } from './load.ts'
import {
  type Child,
  cpuMs,
  demandLinux,
  describeMachine,
  type Gateway,
  pause,
  pinLoad,
  rssMb,
  scratchFolder,
  startGateway,
  startScript,
} from './processes.ts'
import { streamRequest, wholeRequest } from './wire.ts'

const HELP = `npm run bench -- [options]

Measures the gateway beside a bare Bun proxy: CPU per request and per event, added latency, memory.

  --rounds N   rounds of each measurement, floor and gateway in turn (default 5)
  --quick      one short round: whether it works, not how fast it is
  --self       the floor against itself: how much the machine alone varies
  --lab        a second gateway beside it, which looks at answers and copies 2 % of the requests to another model
  --json       figures as JSON on standard output
  --help       this text

Example: npm run bench -- --rounds 9`

const CONNECTIONS = 64
const STREAMS = 100
const STREAM = { gapMs: 5, events: 104, idle: false, marked: false }
const IDLE_STREAMS = 1000
const RATE_PER_S = 500
/** Until a load runs evenly: the streams of one start together and spread over their own length. */
const SETTLE_MS = 700

/** One of those that are compared. */
type Subject = {
  readonly name: 'floor' | 'gateway' | 'lab'
  readonly pid: number
  readonly whole: Aim
  readonly stream: Aim
  readonly idle: Aim
}

type Round = {
  requestMicros: number
  requestsPerS: number
  eventMicros: number
  eventsPerS: number
  addedP50Ms: number
  addedP99Ms: number
}
type Memory = { restMb: number; wholeMb: number; streamsMb: number; idleMb: number }
type Books = { readonly upstreamRequests: number; readonly ledgerRequests: number }
type Plan = { readonly rounds: number; readonly windowMs: number; readonly warmMs: number }

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    self: { type: 'boolean', default: false },
    lab: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

function say(text: string): void {
  if (!values.json) process.stdout.write(`${text}\n`)
}

function planOf(): Plan {
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds takes a whole number above 0, not '${values.rounds}'.`)
  return values.quick ? { rounds, windowMs: 700, warmMs: 500 } : { rounds, windowMs: 3000, warmMs: 6000 }
}

function subjectOf(name: Subject['name'], child: Child, authorization: string): Subject {
  // Beside the lab each request is a conversation of its own: it asks about each of them once.
  const more = values.lab ? ` ${NUMBER_PLACE}` : ''
  const aim = (body: string): Aim => {
    const request = postBytes('/v1/chat/completions', authorization, body)
    const place = Buffer.from(request).indexOf(NUMBER_PLACE)
    return { port: child.port, request, numberAt: place < 0 ? null : place }
  }
  // The floor passes on the model that it is sent; the gateway is asked by its own name of the same model, or of the route of it.
  const model = name === 'floor' ? 'm' : values.lab ? 'chat' : 'mock/m'
  return {
    name,
    pid: child.pid,
    whole: aim(wholeRequest(model, more)),
    stream: aim(streamRequest(model, STREAM, more)),
    idle: aim(streamRequest(model, { ...STREAM, idle: true, gapMs: 1 }, more)),
  }
}

/** CPU of a subject over a window of steady load; memory at its highest in it. */
async function underLoad(subject: Subject, aim: Aim, connections: number, warmMs: number, windowMs: number) {
  const load = await startLoad(aim, connections)
  await pause(warmMs)
  const before = { cpu: cpuMs(subject.pid), at: performance.now(), ...load.counts }
  let peakMb = 0
  while (performance.now() - before.at < windowMs) {
    await pause(100)
    peakMb = Math.max(peakMb, rssMb(subject.pid))
  }
  const cpu = cpuMs(subject.pid) - before.cpu
  const seconds = (performance.now() - before.at) / 1000
  const answers = load.counts.answers - before.answers
  const events = load.counts.events - before.events
  await load.stop()
  if (load.counts.failures > 0 || answers + events === 0)
    throw new Error(`${subject.name}: ${load.counts.failures} failed requests of ${load.counts.answers}`)
  return { cpuMs: cpu, answers, events, seconds, peakMb }
}

async function measureRound(subject: Subject, direct: Latency, memory: Memory, { windowMs }: Plan): Promise<Round> {
  const whole = await underLoad(subject, subject.whole, CONNECTIONS, SETTLE_MS, windowMs)
  const streams = await underLoad(subject, subject.stream, STREAMS, SETTLE_MS, windowMs)
  const latency = await openLoop(subject.whole, RATE_PER_S, windowMs)
  if (latency.failures > 0) throw new Error(`${subject.name}: ${latency.failures} failed requests in the open loop`)
  memory.wholeMb = Math.max(memory.wholeMb, whole.peakMb)
  memory.streamsMb = Math.max(memory.streamsMb, streams.peakMb)
  return {
    requestMicros: (whole.cpuMs * 1000) / whole.answers,
    requestsPerS: whole.answers / whole.seconds,
    eventMicros: (streams.cpuMs * 1000) / streams.events,
    eventsPerS: streams.events / streams.seconds,
    addedP50Ms: latency.p50Ms - direct.p50Ms,
    addedP99Ms: latency.p99Ms - direct.p99Ms,
  }
}

async function measureIdle(subject: Subject, memory: Memory): Promise<void> {
  const release = await holdStreams(subject.idle, IDLE_STREAMS)
  await pause(1000)
  memory.idleMb = rssMb(subject.pid)
  release()
}

/** Requests that the upstream saw from the gateway, and entries that the gateway has for them: they must be the same number. */
async function compareBooks(gateway: Gateway, mock: Child, name: string): Promise<Books> {
  const read = async (): Promise<Books> => {
    const { requests } = (await (await fetch(`http://127.0.0.1:${mock.port}/count`)).json()) as {
      requests: Record<string, number>
    }
    const report = (await gateway.admin('/admin/reports/spend?by=provider')) as { total: { requests: number } }
    return { upstreamRequests: requests[name] ?? 0, ledgerRequests: report.total.requests }
  }
  let books = await read()
  // Streams that were just let go are settled a moment later.
  for (let tries = 0; tries < 50 && books.upstreamRequests !== books.ledgerRequests; tries++) {
    await pause(100)
    books = await read()
  }
  return books
}

type Compared = { readonly rounds: readonly Round[]; readonly memory: Memory }

function rowsOf(floor: Compared, other: Compared, names: readonly [string, string]): string[][] {
  const metric = (title: string, field: keyof Round, digits: number, ratio: boolean): string[] => {
    const of = (side: Compared) => side.rounds.map((round) => round[field])
    const ratios = other.rounds.map((round, index) => round[field] / (floor.rounds[index]?.[field] ?? Number.NaN))
    return [
      title,
      showSpread(spreadOf(of(floor)), digits),
      showSpread(spreadOf(of(other)), digits),
      ratio ? showSpread(spreadOf(ratios), 2) : '',
    ]
  }
  const megabytes = (title: string, field: keyof Memory): string[] => [
    title,
    floor.memory[field].toFixed(0),
    other.memory[field].toFixed(0),
    '',
  ]
  return [
    ['', names[0], names[1], 'ratio'],
    metric('CPU µs / request (1 KB, 64 connections)', 'requestMicros', 1, true),
    metric('requests / s in that loop', 'requestsPerS', 0, false),
    metric(`CPU µs / event (${STREAMS} streams, ${STREAM.gapMs} ms apart)`, 'eventMicros', 1, true),
    metric('events / s in that loop', 'eventsPerS', 0, false),
    metric(`added p50 ms (${RATE_PER_S} requests / s)`, 'addedP50Ms', 2, false),
    metric(`added p99 ms (${RATE_PER_S} requests / s)`, 'addedP99Ms', 2, false),
    megabytes('RSS MB at rest', 'restMb'),
    megabytes('RSS MB under requests', 'wholeMb'),
    megabytes('RSS MB under streams', 'streamsMb'),
    megabytes(`RSS MB with ${IDLE_STREAMS} idle streams`, 'idleMb'),
  ]
}

async function main(): Promise<void> {
  if (values.help) return say(HELP)
  demandLinux()
  const plan = planOf()
  pinLoad()
  const machine = describeMachine()
  say(
    Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
  )
  const folder = scratchFolder()
  const mock = await startScript(folder, 'load', 'bench/mock.ts')
  const upstream = (name: string) => `http://127.0.0.1:${mock.port}/${name}`
  const floor = await startScript(folder, 'system', 'bench/floor.ts', [upstream('floor')])
  const gateway = values.self ? null : await startGateway(folder, `${upstream('gateway')}/v1`)
  const twin = gateway ?? (await startScript(folder, 'system', 'bench/floor.ts', [upstream('twin')]))
  const labFolder = path.join(folder, 'lab')
  if (values.lab) mkdirSync(labFolder)
  const lab = values.lab ? await startGateway(labFolder, `${upstream('lab')}/v1`, { lab: true }) : null
  const subjects = [
    subjectOf('floor', floor, 'Bearer x'),
    subjectOf(gateway === null ? 'floor' : 'gateway', twin, gateway?.authorization ?? 'Bearer x'),
    ...(lab === null ? [] : [subjectOf('lab', lab, lab.authorization)]),
  ]
  const direct: Aim = {
    port: mock.port,
    request: postBytes('/direct/v1/chat/completions', 'Bearer x', wholeRequest('m')),
    numberAt: null,
  }
  await pause(500)
  const pinned = { system: subjects.map(({ pid }) => pid), load: [mock.pid, process.pid] }
  const othersShares: (number | null)[] = []
  const measured = subjects.map((subject) => ({
    subject,
    rounds: [] as Round[],
    memory: { restMb: rssMb(subject.pid), wholeMb: 0, streamsMb: 0, idleMb: 0 },
  }))
  // It takes tens of thousands of requests until all code of the gateway is compiled as well as it will be.
  for (const { subject } of measured) {
    await underLoad(subject, subject.whole, CONNECTIONS, 0, plan.warmMs)
    await underLoad(subject, subject.stream, STREAMS, 0, plan.warmMs)
  }
  for (let round = 1; round <= plan.rounds; round++) {
    const others = watchOthers(pinned)
    const latency = await openLoop(direct, RATE_PER_S, plan.windowMs)
    for (const { subject, rounds, memory } of measured) {
      rounds.push(await measureRound(subject, latency, memory, plan))
      const { requestMicros = 0, eventMicros = 0 } = rounds.at(-1) ?? {}
      say(
        `round ${round} of ${plan.rounds}, ${subject.name}: ${requestMicros.toFixed(1)} µs / request, ${eventMicros.toFixed(1)} µs / event`,
      )
    }
    othersShares.push(others())
  }
  const othersShare = othersShares.includes(null) ? null : Math.max(...othersShares.map(Number))
  for (const { subject, memory } of measured) await measureIdle(subject, memory)
  const books = gateway === null ? null : await compareBooks(gateway, mock, 'gateway')
  const labBooks = lab === null ? null : await compareBooks(lab, mock, 'lab')
  const [first, second, third] = measured
  if (first !== undefined && second !== undefined)
    say(`\n${table(rowsOf(first, second, ['floor', gateway === null ? 'floor again' : 'gateway']))}`)
  if (second !== undefined && third !== undefined) say(`\n${table(rowsOf(second, third, ['gateway', 'with the lab']))}`)
  say(`\nother programs' share of a core, in the worst round: ${showOthers(othersShare)}`)
  if (books !== null)
    say(`\nbooks: the upstream saw ${books.upstreamRequests} requests, the ledger has ${books.ledgerRequests} entries`)
  if (lab !== null && labBooks !== null)
    say(`the lab: ${await labWords(lab)}; ${labBooks.upstreamRequests} requests, ${labBooks.ledgerRequests} entries`)
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ machine, plan, othersShare, measured: measured.map(summary), books, labBooks }, null, 2)}\n`,
    )
  for (const child of [...(lab === null ? [] : [lab]), twin, floor, mock]) await child.stop()
  if ([books, labBooks].some((one) => one !== null && one.upstreamRequests !== one.ledgerRequests))
    throw new Error('The books do not match the upstream.')
}

/** What the lab did meanwhile; throws where it was not on. */
async function labWords(lab: Gateway): Promise<string> {
  const { data } = (await lab.admin('/admin/experiments')) as {
    data: { stage: string; status: string; numbers: { pairs: number }; copies: { made: number; dropped: object } }[]
  }
  const [experiment] = data
  if (experiment === undefined || experiment.stage !== 'shadow' || experiment.status !== 'running')
    throw new Error(`The experiment did not stay in shadow: ${JSON.stringify(experiment)}`)
  const { numbers, copies } = experiment
  return `${numbers.pairs} pairs, ${copies.made} copies, not made ${JSON.stringify(copies.dropped)}`
}

function summary({ subject, rounds, memory }: { subject: Subject; rounds: Round[]; memory: Memory }) {
  const fields = Object.keys(rounds[0] ?? {}) as (keyof Round)[]
  const spreads = Object.fromEntries(
    fields.map((field): [string, Spread] => [field, spreadOf(rounds.map((round) => round[field]))]),
  )
  return { name: subject.name, ...spreads, memory, rounds }
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
