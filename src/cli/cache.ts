// `weir cache …`: what the cache of the running gateway holds and has saved, and forgetting it.
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { ADMIN_OPTIONS, askAdmin } from './admin-call.ts'
import { type Command, EXIT } from './command.ts'
import { type Column, printable, table, writeJson } from './format.ts'

const left = (title: string): Column => ({ title, align: 'left' })
const right = (title: string): Column => ({ title, align: 'right' })
const COLUMNS = [left('route'), right('answers'), right('bytes'), right('uses'), right('given again'), right('saved')]

export const cacheStatsCommand: Command = {
  name: 'cache stats',
  summary: 'Show what the cache of the running gateway holds and has saved',
  details:
    '`uses`: how often the answers that are held now were given again. `given again` and `saved`: all requests of the last 30 days that another one’s answer was given to.',
  options: ADMIN_OPTIONS,
  examples: [{ command: 'weir cache stats', what: 'by route' }],
  run: async (args, context) => {
    const state = await askAdmin(args, context, { method: 'GET', path: '/admin/cache' })
    context.stdout(args.flag('json') ? writeJson(state) : describe(state, context.colour))
    return EXIT.ok
  },
}

export const cachePurgeCommand: Command = {
  name: 'cache purge',
  summary: 'Forget what the cache of the running gateway holds',
  details: 'Answers of requests with an `Idempotency-Key` stay.',
  options: {
    route: { type: 'string', valueHint: 'name', description: 'Only the answers of this route. Default: all' },
    ...ADMIN_OPTIONS,
  },
  examples: [{ command: 'weir cache purge --route chat', what: 'after the route got another model' }],
  run: async (args, context) => {
    const route = args.text('route')
    const query = route === null ? '' : `?route=${encodeURIComponent(route)}`
    const done = await askAdmin(args, context, { method: 'DELETE', path: `/admin/cache${query}` })
    context.stdout(args.flag('json') ? writeJson(done) : `${text(done['purged'])} answers forgotten.\n`)
    return EXIT.ok
  },
}

function describe(state: JsonObject, colour: boolean): string {
  const savings = isObject(state['savings']) ? state['savings'] : {}
  const held = byRoute(state['routes'])
  const saved = byRoute(savings['routes'])
  const rows = [...new Set([...held.keys(), ...saved.keys()])].map((route) => {
    const one = held.get(route)
    const sum = saved.get(route)
    return [
      route,
      text(one?.['answers'] ?? 0),
      text(one?.['bytes'] ?? 0),
      text(one?.['uses'] ?? 0),
      text(sum?.['requests'] ?? 0),
      `$${text(sum?.['saved_usd'] ?? '0')}`,
    ]
  })
  const head = `${text(state['answers'])} answers, ${text(state['bytes'])} bytes; saved $${text(savings['saved_usd'])} in ${text(savings['days'])} days`
  return `${printable(head)}\n` + (rows.length === 0 ? '' : table(COLUMNS, rows, colour))
}

function byRoute(list: unknown): ReadonlyMap<string, JsonObject> {
  const rows = Array.isArray(list) ? list.filter((row) => isObject(row)) : []
  return new Map(rows.map((row) => [text(row['route']), row]))
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-'
}
