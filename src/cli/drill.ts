// `weir drill`: a rehearsed outage of the running gateway, followed until it is over.
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { ADMIN_OPTIONS, askAdmin } from './admin-call.ts'
import { type Arguments, type CliContext, type Command, EXIT, type ExitCode } from './command.ts'
import { printable, table, writeElapsed, writeJson } from './format.ts'
import { readDuration, readList } from './read.ts'

const POLL_MS = 500

export const drillCommand: Command = {
  name: 'drill',
  summary: 'Rehearse an outage of the running gateway, and tell which routes survive it',
  details:
    'Without --break, each provider of each route is lost in turn, for small requests of the drill’s own: what they cost is booked. A break is written <provider>=<fault>[:<share>%],…; a fault is a status (429), slow:<time>, down, stall or cut. With --on canary:1%, all, or shadow:5%, real requests, or copies of them, meet the faults. Exits with 1 where a route did not survive.',
  options: {
    route: { type: 'string', valueHint: 'names', description: 'Routes, separated by commas. Default: all' },
    break: {
      type: 'string',
      valueHint: 'faults',
      description: 'What is broken, e.g. openai=429:30%,slow:5s; several providers are separated by a semicolon',
    },
    for: { type: 'string', valueHint: 'time', description: 'How long. Default: 30s' },
    on: {
      type: 'string',
      valueHint: 'whose',
      description: 'Whose requests: synthetic, shadow:5%, canary:1% or all. Default: synthetic',
    },
    ...ADMIN_OPTIONS,
  },
  examples: [
    { command: 'weir drill', what: 'which routes survive the loss of each provider' },
    { command: "weir drill --route chat --break 'openai=429:30%,slow:5s' --for 5m", what: 'one outage of one route' },
    { command: 'weir drill --break openai=503:50% --on canary:1% --for 10m', what: 'for one request in a hundred' },
  ],
  run: async (args, context) => {
    const body: { [field: string]: JsonObject[string] } = {}
    const routes = readList(args, 'route')
    const broken = args.text('break')
    const forMs = readDuration(args, 'for')
    const on = args.text('on')
    if (routes !== null) body['routes'] = [...routes]
    if (broken !== null) body['break'] = broken.split(';').map((part) => part.trim())
    if (forMs !== null) body['for_ms'] = forMs
    if (on !== null) body['on'] = on
    const begun = await askAdmin(args, context, { method: 'POST', path: '/admin/drills', body })
    const report = await followed(args, context, begun)
    context.stdout(args.flag('json') ? writeJson(report) : describe(report, context.colour))
    return exitOf(report)
  },
}

async function followed(args: Arguments, context: CliContext, begun: JsonObject): Promise<JsonObject> {
  let report = begun
  let told = 0
  while (report['state'] === 'running') {
    await new Promise<void>((resolve) => void context.clock.after(POLL_MS, resolve))
    report = await askAdmin(args, context, { method: 'GET', path: `/admin/drills/${text(begun['id'])}` })
    const rounds = roundsOf(report)
    for (const round of rounds.slice(told)) context.stderr(`${printable(lineOf(round))}\n`)
    told = rounds.length
  }
  return report
}

function roundsOf(report: JsonObject): readonly JsonObject[] {
  const { rounds } = report
  return Array.isArray(rounds) ? rounds.filter((round) => isObject(round)) : []
}

function lineOf(round: JsonObject): string {
  return `${text(round['route'])}: ${brokenOf(round)} … ${verdictOf(round)}`
}

function brokenOf({ broken }: JsonObject): string {
  return Array.isArray(broken) ? broken.map(text).join(', ') : '-'
}

function verdictOf({ survived }: JsonObject): string {
  return survived === true ? 'survived' : survived === false ? 'FAILED' : 'fails by itself'
}

function describe(report: JsonObject, colour: boolean): string {
  const columns = ['route', 'broken', 'verdict', 'errors', 'added', 'p99', 'extra cost', 'answered by'].map(
    (title) => ({ title, align: 'left' }) as const,
  )
  const rows = roundsOf(report).map((round) => [
    text(round['route']),
    brokenOf(round),
    verdictOf(round),
    `${text(round['errors'])} of ${text(round['requests'])}`,
    typeof round['added_ms'] === 'number' ? writeElapsed(Math.max(0, round['added_ms'])) : '-',
    typeof round['p99_ms'] === 'number' ? writeElapsed(round['p99_ms']) : '-',
    typeof round['extra_cost_usd'] === 'string' ? `$${round['extra_cost_usd']}` : '-',
    isObject(round['targets'])
      ? Object.entries(round['targets'])
          .map(([target, count]) => `${target} ×${text(count)}`)
          .join(', ') || '-'
      : '-',
  ])
  const head = `drill ${text(report['id'])}: ${text(report['state'])}, on ${text(report['on'])}`
  return `${printable(head)}\n${rows.length === 0 ? 'Nothing was asked.\n' : table(columns, rows, colour)}`
}

function exitOf(report: JsonObject): ExitCode {
  const isGood = report['state'] === 'done' && roundsOf(report).every(({ survived }) => survived !== false)
  return isGood ? EXIT.ok : EXIT.failed
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-'
}
