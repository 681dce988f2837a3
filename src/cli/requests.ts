// `weir requests …`: the request log.
import { renderRequest, renderRequestDetail, renderUsage } from '../admin/render.ts'
import type { Entry, RequestRecord } from '../core/ledger.ts'
import { formatUsd } from '../core/money.ts'
import type { Attempt } from '../core/outcome.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import { decisionText } from '../routing/explain.ts'
import { keptPlanOf } from '../routing/kept-plan.ts'
import type { RequestFilter } from '../store/store.ts'
import { CliError, type Command, DATA_OPTION, EXIT, UsageError } from './command.ts'
import {
  type Column,
  fields,
  orDash,
  printable,
  table,
  writeDollars,
  writeElapsed,
  writeJson,
  writeTime,
} from './format.ts'
import { findKey, findTeam, withLocal } from './local.ts'
import { readInteger, readMoment, required } from './read.ts'

const left = (title: string): Column => ({ title, align: 'left' })
const right = (title: string): Column => ({ title, align: 'right' })

const COLUMNS = [
  left('time'),
  left('id'),
  left('model'),
  left('target'),
  right('status'),
  left('error'),
  right('in'),
  right('out'),
  right('cost'),
  right('first token'),
  right('duration'),
]

function row(record: RequestRecord): string[] {
  return [
    writeTime(record.at),
    record.id,
    record.dimensions.requestedModel,
    orDash(record.target),
    String(record.status),
    orDash(record.errorCode),
    record.usage === null ? '-' : String(inputTokens(record.usage)),
    record.usage === null ? '-' : String(outputTokens(record.usage)),
    record.costNanoUsd === null ? '-' : writeDollars(record.costNanoUsd),
    record.ttftMs === null ? '-' : writeElapsed(record.ttftMs),
    writeElapsed(record.durationMs),
  ]
}

const list: Command = {
  name: 'requests list',
  summary: 'List requests, newest first',
  details: null,
  options: {
    key: { type: 'string', valueHint: 'key', description: 'Only of this key (id or name)' },
    team: { type: 'string', valueHint: 'team', description: 'Only of this team (id or name)' },
    model: { type: 'string', valueHint: 'model', description: 'Only of this model' },
    provider: { type: 'string', valueHint: 'name', description: 'Only of this provider' },
    status: { type: 'string', valueHint: 'status', description: 'Only with this status: 429, or 4xx' },
    since: { type: 'string', valueHint: 'when', description: 'Only from then on: 1h, or a date' },
    from: { type: 'string', valueHint: 'when', description: 'The same as --since' },
    to: { type: 'string', valueHint: 'when', description: 'Only before then' },
    limit: { type: 'string', valueHint: 'n', description: 'At most so many. Default: 50' },
    cursor: { type: 'string', valueHint: 'text', description: 'Go on where a list ended' },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir requests list --since 1h --status 5xx', what: 'what failed in the last hour' },
    { command: 'weir requests list --key my-app --limit 10 --json', what: 'for a script' },
  ],
  run: (args, context) => {
    const now = context.clock.now()
    const from = readMoment(args, 'since', now, 'past') ?? readMoment(args, 'from', now, 'past')
    const to = readMoment(args, 'to', now, 'past')
    const limit = readInteger(args, 'limit', 1, 1000) ?? 50
    const status = args.text('status')
    if (status !== null && !/^[1-5](?:\d\d|xx)$/.test(status))
      throw new UsageError(
        `--status takes a status such as 429, or a class such as 4xx; found ${JSON.stringify(status)}.`,
      )
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const key = args.text('key')
      const team = args.text('team')
      const model = args.text('model')
      const provider = args.text('provider')
      const filter: RequestFilter = {
        cursor: args.text('cursor'),
        limit,
        // A key that is revoked has no row any more, but its requests have its id.
        ...(key === null ? {} : { keyId: key.startsWith('key_') ? key : (await findKey(store, key)).id }),
        ...(team === null ? {} : { teamId: team.startsWith('team_') ? team : (await findTeam(store, team)).id }),
        ...(model === null ? {} : { model }),
        ...(provider === null ? {} : { provider }),
        ...(status === null ? {} : { status }),
        ...(from === null ? {} : { from }),
        ...(to === null ? {} : { to }),
      }
      const page = await store.listRequests(filter)
      if (args.flag('json')) {
        context.stdout(writeJson({ data: page.data.map(renderRequest), next: page.next }))
        return EXIT.ok
      }
      context.stdout(page.data.length === 0 ? 'No requests.\n' : table(COLUMNS, page.data.map(row), context.colour))
      if (page.next !== null) context.stderr(`There are more: --cursor ${page.next}\n`)
      return EXIT.ok
    })
  },
}

const show: Command = {
  name: 'requests show',
  summary: 'Show one request with its attempts, usage and cost',
  details: 'The id is in the `x-weir-request-id` header of every answer.',
  options: {
    id: { type: 'positional', description: 'Id of the request' },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir requests show req_01kb…', what: 'why it was slow, dear or refused' }],
  run: (args, context) => {
    const id = required(args, 'id', true)
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const record = await store.getRequest(id)
      if (record === null)
        throw new CliError(`There is no request \`${id}\`.`, '`weir requests list` shows the newest.')
      const entry = await store.getEntry(id)
      if (args.flag('json')) context.stdout(writeJson(renderRequestDetail(record, entry)))
      else context.stdout(describe(record, entry, context.colour))
      return EXIT.ok
    })
  },
}

/** How the request was routed: who stood in which place, and who was left out. */
function planTable(text: string, colour: boolean): string {
  const { targets, excluded, decision } = keptPlanOf(text)
  const costText = (nano: string | null): string => (nano === null ? '-' : formatUsd(BigInt(nano)))
  const qualityText = (quality: (typeof targets)[number]['quality']): string =>
    quality === undefined ? '-' : `${quality.mean.toFixed(2)} ± ${quality.sd.toFixed(2)} (n ${quality.n})`
  const plan = table(
    [left('plan'), left('target'), left('why there'), right('expected cost $'), right('latency ms'), right('quality')],
    [
      ...targets.map(({ target, reason, expected_cost_nano_usd: nano, latency_ms: latency, quality }, index) => [
        String(index + 1),
        printable(target),
        printable(reason),
        costText(nano),
        orDash(latency === null ? null : String(latency)),
        qualityText(quality),
      ]),
      ...excluded.map(({ target, why, expected_cost_nano_usd: nano = null, quality }) => [
        'out',
        printable(target),
        printable(why),
        costText(nano),
        '-',
        qualityText(quality),
      ]),
    ],
    colour,
  )
  return decision === null ? plan : `${plan}${decisionText(decision)}`
}

function describe(record: RequestRecord, entry: Entry | null, colour: boolean): string {
  const { dimensions } = record
  const usage = record.usage === null ? [] : Object.entries(renderUsage(record.usage))
  const text = fields([
    ['id', record.id],
    ['client id', orDash(record.clientRequestId)],
    ['time', writeTime(record.at)],
    ['status', `${record.status}${record.errorCode === null ? '' : ` ${record.errorCode}`}`],
    ['key', dimensions.keyId],
    ['team', orDash(dimensions.teamId)],
    ['end user', orDash(dimensions.endUser)],
    ['tags', orDash(dimensions.tags.join(', '))],
    [
      'asked',
      `${dimensions.requestedModel} (${dimensions.operation}, ${dimensions.dialect}${record.stream ? ', streamed' : ''})`,
    ],
    ['route', dimensions.route],
    ['target', orDash(record.target)],
    ...(record.path === undefined ? [] : ([['path', record.path]] as const)),
    ['finish', orDash(record.finishReason)],
    ['duration', writeElapsed(record.durationMs)],
    ['first token', record.ttftMs === null ? '-' : writeElapsed(record.ttftMs)],
    ['overhead', `${record.overheadMs.toFixed(2)} ms`],
    [
      'usage',
      usage.length === 0
        ? '-'
        : `${usage.map(([unit, count]) => `${unit} ${count}`).join(', ')} (${record.usageSource})`,
    ],
    ['cost', costOf(record, entry)],
    ['ledger', entry === null ? 'no entry: no provider was reached' : `${entry.status}, prices ${entry.priceVersion}`],
  ])
  const plan = record.plan === undefined ? '' : `\n${planTable(record.plan, colour)}`
  if (record.attempts.length === 0) return `${text}${plan}`
  const columns = [
    left('attempt'),
    left('target'),
    left('outcome'),
    right('status'),
    right('duration'),
    left('message'),
  ]
  const rows = record.attempts.map((attempt, index) => attemptRow(attempt, index))
  return `${text}${plan}\n${table(columns, rows, colour)}`
}

function costOf(record: RequestRecord, entry: Entry | null): string {
  if (record.costNanoUsd === null) return '-'
  return entry?.unpriced === true ? 'unknown: the model has no price' : writeDollars(record.costNanoUsd)
}

function attemptRow(attempt: Attempt, index: number): string[] {
  const { outcome } = attempt
  const detail = 'stage' in outcome ? ` (${outcome.stage})` : 'reason' in outcome ? ` (${outcome.reason})` : ''
  return [
    String(index + 1),
    attempt.target,
    outcome.type + detail,
    orDash(attempt.status === null ? null : String(attempt.status)),
    writeElapsed(attempt.durationMs),
    orDash(attempt.message),
  ]
}

export const REQUEST_COMMANDS: readonly Command[] = [list, show]
