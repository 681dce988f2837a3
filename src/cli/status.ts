// `weir status`: how the running gateway and its deployments are, live.
import { isObject } from '../core/json.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { ADMIN_OPTIONS, askAdmin } from './admin-call.ts'
import { type Command, EXIT } from './command.ts'
import { type Column, printable, table, writeElapsed, writeJson } from './format.ts'

const REFRESH_MS = 2_000
/** Clears a terminal and goes to its first place. */
const CLEAR = '\u001B[2J\u001B[H'

const left = (title: string): Column => ({ title, align: 'left' })
const right = (title: string): Column => ({ title, align: 'right' })
const COLUMNS = [
  left('deployment'),
  left('state'),
  right('back in'),
  right('in flight'),
  right('answered'),
  right('failed'),
  right('first token'),
  right('p95'),
  right('room'),
]

export const statusCommand: Command = {
  name: 'status',
  summary: 'Show how the running gateway and its deployments are',
  details:
    'In a terminal it is drawn again every two seconds, until Ctrl-C. `answered` and `failed` are of the last minute; `room` is what is left of the provider’s rate limits.',
  options: {
    once: { type: 'boolean', description: 'Show it once' },
    ...ADMIN_OPTIONS,
  },
  examples: [
    { command: 'weir status', what: 'watch an outage' },
    { command: 'weir status --json', what: 'once, for a script' },
  ],
  run: async (args, context) => {
    const ask = () => askAdmin(args, context, { method: 'GET', path: '/admin/health' })
    if (args.flag('json')) {
      context.stdout(writeJson(await ask()))
      return EXIT.ok
    }
    // What is piped somewhere is no place to draw.
    const isLive = context.isTerminal === true && !args.flag('once')
    for (;;) {
      const text = describe(await ask(), context.colour)
      context.stdout(isLive ? `${CLEAR}${text}` : text)
      if (!isLive) return EXIT.ok
      await new Promise<void>((resolve) => void context.clock.after(REFRESH_MS, resolve))
    }
  },
}

function describe(health: JsonObject, colour: boolean): string {
  const { status, store, in_flight: inFlight, deployments, credentials } = health
  const rows = listOf(deployments).map((one) => {
    const minute = isObject(one['last_minute']) ? one['last_minute'] : {}
    return [
      printable(text(one['deployment'])),
      text(one['state']),
      elapsed(one['back_in_ms']),
      text(one['in_flight']),
      text(minute['answered']),
      text(minute['failed']),
      elapsed(one['ttft_ms']),
      elapsed(one['ttft_p95_ms']),
      typeof one['headroom'] === 'number' ? `${Math.round(one['headroom'] * 100)} %` : '-',
    ]
  })
  const benched = listOf(credentials).filter((one) => typeof one['benchedUntil'] === 'number')
  const head = `gateway ${text(status)}, store ${text(store)}, ${text(inFlight)} requests in flight\n`
  const keys =
    benched.length === 0 ? '' : `benched credentials: ${benched.map(({ id }) => printable(text(id))).join(', ')}\n`
  return `${head}${keys}${rows.length === 0 ? 'No deployment has been asked yet.\n' : table(COLUMNS, rows, colour)}`
}

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter((item) => isObject(item)) : []
}

function elapsed(value: JsonValue | undefined): string {
  return typeof value === 'number' ? writeElapsed(value) : '-'
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-'
}
