// `weir explain`: how a request would be routed, and why, without sending it.
import { readBoundedFile } from '../config/files.ts'
import { formatProblem } from '../config/problem.ts'
import { GatewayError } from '../core/error.ts'
import { isHeader } from '../core/headers.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { createHasher } from '../keys/secret.ts'
import { decisionText, type Explanation } from '../routing/explain.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { ADMIN_OPTIONS } from './admin-call.ts'
import { checkConfig } from './check.ts'
import { type Arguments, type CliContext, CliError, type Command, DATA_OPTION, EXIT } from './command.ts'
import { orDash, printable, table, writeJson } from './format.ts'
import { explainLive, type LiveExplanation } from './explain-live.ts'
import { findKey, withLocal } from './local.ts'

const MAX_REQUEST_BYTES = 32 * 1024 ** 2

export const explainCommand: Command = {
  name: 'explain',
  summary:
    'Show how a request would be routed: every candidate, its reason and its numbers, and who is left out and why',
  details:
    'Reads the request from standard input or a file. It is planned by the config alone, as by a gateway that has just begun. With --live the running gateway is asked: by its measurements, with the state of each target and the budgets as they are now.',
  options: {
    model: {
      type: 'string',
      alias: 'm',
      valueHint: 'name',
      description: 'Model or route, instead of that in the request',
    },
    request: { type: 'string', valueHint: 'file', description: 'File with the request. Default: standard input' },
    dialect: { type: 'string', valueHint: 'name', description: 'Format of the request. Default: openai-chat' },
    key: {
      type: 'string',
      valueHint: 'key',
      description: 'Id or name of the key that would send it. Default: one that may do everything',
    },
    header: {
      type: 'string',
      valueHint: 'pairs',
      description: 'Headers of the request, e.g. x-weir-task=code,x-plan=pro',
    },
    live: { type: 'boolean', description: 'Ask the running gateway' },
    ...DATA_OPTION,
    ...ADMIN_OPTIONS,
  },
  examples: [
    { command: 'weir explain -m chat < request.json', what: 'who would answer' },
    { command: 'weir explain -m chat --request request.json --key my-app --json', what: 'for one key, for a script' },
    { command: 'weir explain -m chat --live --key my-app < request.json', what: 'who would answer right now' },
  ],
  run: async (args, context) => {
    const request = await requestOf(args, context)
    const dialect = args.text('dialect') ?? 'openai-chat'
    const headers = headersOf(args)
    if (args.flag('live')) {
      const live = await explainLive({ request, dialect, headers, key: args.text('key') }, args, context)
      if (args.flag('json')) context.stdout(writeJson(liveJson(live)))
      else context.stdout(written(live.plan, context.colour, live))
      return EXIT.ok
    }
    const checked = await checkConfig(args, context)
    if (!checked.ok) {
      for (const problem of checked.problems) context.stderr(`${printable(formatProblem(problem))}\n`)
      return EXIT.failed
    }
    const input = { request, dialect, headers }
    const { config } = checked
    const reference = args.text('key')
    const explanation =
      reference === null
        ? await onPaper((data) =>
            asked(() => context.outside.explain(config, context.environment, data, { ...input, caller: null })),
          )
        : await withLocal(args, context, { create: false }, async (data) => {
            const key = await findKey(data.store, reference)
            const caller = { key, team: key.teamId === null ? null : await data.store.getTeam(key.teamId) }
            return asked(() => context.outside.explain(config, context.environment, data, { ...input, caller }))
          })
    if (args.flag('json')) context.stdout(writeJson(explanation))
    else context.stdout(written(explanation, context.colour))
    return EXIT.ok
  },
}

type Data = Parameters<CliContext['outside']['explain']>[2]

async function onPaper<T>(use: (data: Data) => T): Promise<T> {
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  try {
    return use({ store, hash: createHasher(new Uint8Array(32)) })
  } finally {
    await store.close()
  }
}

/** What the request itself would be refused with is the answer to the question. */
function asked(explain: () => Explanation): Explanation {
  try {
    return explain()
  } catch (error) {
    if (error instanceof GatewayError) throw new CliError(`${error.code}: ${error.message}`)
    throw error
  }
}

async function requestOf(args: Arguments, { outside }: CliContext): Promise<JsonObject> {
  const file = args.text('request')
  const text = file === null ? await outside.readInput() : new TextDecoder().decode(await fileOf(file))
  let value: unknown
  try {
    value = text.trim() === '' ? {} : JSON.parse(text)
  } catch {
    throw new CliError('The request is not valid JSON.')
  }
  if (!isObject(value)) throw new CliError('The request must be a JSON object.')
  const model = args.text('model')
  return model === null ? value : { messages: [{ role: 'user', content: '' }], ...value, model }
}

async function fileOf(path: string): Promise<Uint8Array> {
  try {
    return await readBoundedFile(path, MAX_REQUEST_BYTES)
  } catch (error) {
    throw new CliError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function headersOf(args: Arguments): Headers {
  const headers = new Headers()
  for (const pair of (args.text('header') ?? '').split(',').filter((one) => one !== '')) {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new CliError(`\`${pair}\` is no header: write name=value.`)
    const name = pair.slice(0, equals).trim()
    const value = pair.slice(equals + 1).trim()
    if (!isHeader(name, value)) throw new CliError(`\`${pair}\` cannot be sent as a header.`)
    headers.set(name, value)
  }
  return headers
}

const left = (title: string) => ({ title, align: 'left' }) as const
const right = (title: string) => ({ title, align: 'right' }) as const

/** Never a bare number: `0.87 (0.82–0.91, n 412)`. */
function qualityText({ mean, low, high, n }: NonNullable<Explanation['targets'][number]['quality']>): string {
  return `${mean.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)}, n ${n})`
}

/** The plan with what the gateway tells of each of its targets now. */
function liveJson({ plan, health, budgets }: LiveExplanation): unknown {
  const targets = plan.targets.map((target) => ({ ...target, health: health.get(target.target) ?? null }))
  return { ...plan, targets, budgets }
}

/** @param live what the running gateway tells beside the plan; null: the plan is on paper */
function written(explanation: Explanation, colour: boolean, live: LiveExplanation | null = null): string {
  const { route, strategy, task, targets, excluded, decision, on, policy, total_ms } = explanation
  const parts = [
    `${printable(route)}: ${strategy}${task === null ? '' : `, task ${printable(task)}`}; within ${total_ms} ms, retries ${policy.retries}${policy.hedge_after_ms === null ? '' : `, hedge after ${policy.hedge_after_ms}`}.\n\n`,
    targets.length === 0
      ? 'Nobody would be asked.\n'
      : table(
          [
            right('#'),
            left('target'),
            left('role'),
            left('reason'),
            right('expected cost $'),
            right('latency ms'),
            right('quality'),
            ...(live === null ? [] : [left('state'), right('in flight'), right('room')]),
          ],
          targets.map((target, index) => [
            String(index + 1),
            printable(target.target),
            target.role,
            printable(target.reason),
            orDash(target.expected_cost_usd),
            orDash(target.latency_ms === null ? null : String(target.latency_ms)),
            orDash(target.quality === null ? null : qualityText(target.quality)),
            ...(live === null ? [] : stateOf(live.health.get(target.target))),
          ]),
          colour,
        ),
  ]
  if (decision !== null) parts.push(`\n${printable(decisionText(decision).trimEnd())}\n`)
  for (const [cause, names] of Object.entries(on)) parts.push(`On ${cause}: ${names.map(printable).join(', ')}.\n`)
  if (excluded.length > 0)
    parts.push(
      '\nLeft out:\n',
      table(
        [left('target'), left('why'), right('expected cost $'), right('quality')],
        excluded.map(({ target, why, expected_cost_usd: cost = null, quality }) => [
          printable(target),
          printable(why),
          orDash(cost),
          orDash(quality === undefined ? null : qualityText(quality)),
        ]),
        colour,
      ),
    )
  if (live !== null && live.budgets.length > 0) parts.push('\nBudgets:\n', budgetTable(live, colour))
  return parts.join('')
}

function budgetTable({ budgets }: LiveExplanation, colour: boolean): string {
  return table(
    [left('id'), left('scope'), right('limit $'), right('spent $'), right('held $'), right('left $')],
    budgets.map(({ id, scope, limit, spent, held, left: rest }) => [id, scope, limit, spent, held, rest]),
    colour,
  )
}

/** One that nobody has asked yet has no state. */
function stateOf(health: JsonObject | undefined): readonly string[] {
  if (health === undefined) return ['-', '-', '-']
  const { state, in_flight: inFlight, headroom } = health
  return [
    typeof state === 'string' ? printable(state) : '-',
    typeof inFlight === 'number' ? String(inFlight) : '-',
    typeof headroom === 'number' ? `${Math.round(headroom * 100)} %` : '-',
  ]
}
