// The JSON of the admin API: what is taken, checked strictly, and what is given. The OpenAPI description is made of it.
import { z } from '@hono/zod-openapi'
import { isHeader } from '../core/headers.ts'
import { OPTION_NAMES } from '../core/key.ts'
import { ABILITIES, MODEL_KINDS } from '../core/model-facts.ts'
import { ENDPOINT_FAMILIES } from '../keys/permit.ts'
import { SPEND_DIMENSIONS } from '../store/store.ts'
import { OwnBudgetInput } from './schemas-budget-limits.ts'

const name = z.string().trim().min(1).max(200)
const globs = z.array(z.string().min(1).max(256)).max(1000).nullable().openapi({
  description: 'Globs over model and route names (`openai/*`). Null allows every model, an empty list none.',
})
const tags = z.array(z.string().min(1).max(100)).max(50)
const metadata = z
  .record(z.string().min(1).max(64), z.string().max(1024))
  .refine((fields) => Object.keys(fields).length <= 50, 'more than 50 fields')
  .openapi({ description: 'Up to 50 names and values of your own. A change replaces all of it.' })
const limit = z.number().int().min(1).nullable()
const time = z.string().openapi({ format: 'date-time', example: '2026-11-23T16:00:00.000Z' })
export const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
/** A moment, or a day that means its first moment in UTC. */
export const momentOrDay = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'expected an RFC 3339 time or a date' })
  .transform((text) => Date.parse(text))
const money = z.string().openapi({ description: 'Dollars, exact decimal.', example: '0.0015' })
const nanoMoney = z.string().openapi({ description: 'The same in 1e-9 dollars, a whole number.', example: '1500000' })
const usage = z.record(z.string(), z.number()).openapi({
  description: 'Units consumed, in buckets that do not overlap; a unit that is absent is 0.',
  example: { input: 120, cache_read: 1024, output: 48 },
})

const Limits = z
  .object({ rpm: z.number().nullable(), tpm: z.number().nullable(), concurrency: z.number().nullable() })
  .openapi('Limits', { description: 'Requests and tokens in any minute, requests in flight; null is no limit.' })

const LimitsInput = z
  .strictObject({ rpm: limit.optional(), tpm: limit.optional(), concurrency: limit.optional() })
  .openapi({ description: 'What is not named keeps its value.' })

const keyFields = {
  team: z.string().min(1).max(200).nullable().optional().openapi({ description: 'Id or name of a team.' }),
  models: globs.optional(),
  endpoints: z.array(z.enum(ENDPOINT_FAMILIES)).nullable().optional(),
  addresses: z
    .array(z.string().min(1).max(64))
    .max(1000)
    .nullable()
    .optional()
    .openapi({ description: 'CIDR blocks or single addresses of callers.' }),
  limits: LimitsInput.optional(),
  tags: tags.optional(),
  forbids: z
    .array(z.enum(OPTION_NAMES))
    .max(OPTION_NAMES.length)
    .optional()
    .openapi({ description: 'Options that its requests may not have.' }),
  require_end_user: z.boolean().optional(),
  metadata: metadata.optional(),
  expires_at: moment
    .nullable()
    .optional()
    .openapi({ type: ['string', 'null'], format: 'date-time' }),
}
export const KeyInput = z
  .strictObject({
    name,
    user: z.string().min(1).max(200).optional().openapi({
      description: 'Id or login of the user whose key it is, and who pays for it. Such a key has no team.',
    }),
    ...keyFields,
    budget: OwnBudgetInput.optional(),
  })
  .openapi('KeyInput')
export const KeyChange = z
  .strictObject({ name: name.optional(), ...keyFields, disabled: z.boolean().optional() })
  .openapi('KeyChange', { description: 'Only what is named changes.' })
export const Rotation = z
  .strictObject({
    grace_s: z
      .number()
      .int()
      .min(0)
      .max(30 * 86_400)
      .openapi({ description: 'For how many seconds the old secret still works; 0 ends it at once.' }),
  })
  .openapi('Rotation')

export const Key = z
  .object({
    id: z.string(),
    name: z.string(),
    team: z.string().nullable().openapi({ description: 'Id of its team.' }),
    user: z.string().nullable().openapi({ description: 'Id of the user whose key it is.' }),
    models: z.array(z.string()).nullable(),
    endpoints: z.array(z.string()).nullable(),
    addresses: z.array(z.string()).nullable(),
    limits: Limits,
    tags: z.array(z.string()),
    forbids: z.array(z.string()),
    require_end_user: z.boolean(),
    metadata: z.record(z.string(), z.string()),
    disabled: z.boolean(),
    created_at: time,
    expires_at: time.nullable(),
    secrets: z.array(
      z.object({
        hint: z.string().openapi({ description: 'Last four characters.' }),
        expires_at: time.nullable().openapi({ description: 'Null for the current secret.' }),
      }),
    ),
  })
  .openapi('Key')
const secret = z.string().openapi({ description: 'The secret: in this answer, and never again.' })
export const KeyWithSecret = Key.extend({ secret }).openapi('KeyWithSecret')

const teamFields = {
  organisation: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .nullable()
    .optional()
    .openapi({ description: 'Name of the organisation that it belongs to.' }),
  limits: LimitsInput.optional(),
  models: globs.optional(),
  tags: tags.optional(),
  metadata: metadata.optional(),
}
// A team is named by id or by name; a name that looks like an id would be ambiguous.
const teamName = name.refine((text) => !text.startsWith('team_'), 'a name cannot begin with `team_`, as ids do')
export const TeamInput = z
  .strictObject({ name: teamName, ...teamFields, budget: OwnBudgetInput.optional() })
  .openapi('TeamInput')
export const TeamChange = z
  .strictObject({ name: teamName.optional(), ...teamFields, disabled: z.boolean().optional() })
  .openapi('TeamChange', { description: 'Only what is named changes.' })
export const Team = z
  .object({
    id: z.string(),
    name: z.string(),
    organisation: z.string().nullable(),
    limits: Limits,
    models: z.array(z.string()).nullable(),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.string()),
    disabled: z.boolean(),
    created_at: time,
  })
  .openapi('Team')

const role = z.enum(['admin', 'viewer']).openapi({ description: 'A viewer may only read.' })
export const TokenInput = z.strictObject({ name, role }).openapi('TokenInput')
export const Token = z.object({ id: z.string(), name: z.string(), role, created_at: time }).openapi('Token')
export const TokenWithSecret = Token.extend({ secret }).openapi('TokenWithSecret')

export const Attempt = z
  .object({
    target: z.string(),
    credential: z.string().nullable(),
    outcome: z.string(),
    stage: z.string().nullable().openapi({ description: 'Which deadline struck, when the outcome is `timed_out`.' }),
    reason: z.string().nullable(),
    retry_after_ms: z.number().nullable(),
    status: z.number().nullable(),
    started_at: time,
    duration_ms: z.number(),
    ttft_ms: z.number().nullable(),
    message: z.string().nullable(),
    consumed: z
      .object({ usage, cost_usd: z.string().nullable(), cost_nano_usd: z.string().nullable() })
      .nullable()
      .openapi({
        description:
          'What it consumed without giving the answer, and its part of the cost of the request; null: nothing, or it is the answer itself.',
      }),
  })
  .openapi('Attempt')

const dimensions = {
  key: z.string(),
  team: z.string().nullable(),
  end_user: z.string().nullable(),
  tags: z.array(z.string()),
  requested_model: z.string(),
  route: z.string(),
  operation: z.string(),
  dialect: z.string(),
  organisation: z.string().nullable(),
  task: z.string().nullable(),
  purpose: z
    .enum(['lab'])
    .nullable()
    .openapi({ description: 'What the gateway asked for its own sake; null: a caller.' }),
}
export const RequestLine = z
  .object({
    id: z.string(),
    client_request_id: z.string().nullable(),
    at: time,
    ...dimensions,
    status: z.number(),
    error: z.string().nullable().openapi({ description: 'Code of the error table.' }),
    target: z.string().nullable(),
    path: z.string().nullable().openapi({ description: 'Method and path of a pass-through call.' }),
    stream: z.boolean(),
    duration_ms: z.number(),
    ttft_ms: z.number().nullable(),
    overhead_ms: z.number().openapi({ description: 'The gateway’s own share of the duration.' }),
    finish_reason: z.string().nullable(),
    usage: usage.nullable(),
    usage_source: z.enum(['reported', 'estimated']).nullable(),
    cost_usd: money.nullable(),
    cost_nano_usd: nanoMoney.nullable(),
    saved_usd: money
      .nullable()
      .openapi({ description: 'What it would have cost, where another request’s answer was given.' }),
    attempts: z.array(Attempt),
  })
  .openapi('RequestLine')
export const Entry = z
  .object({
    id: z.string(),
    at: time,
    ...dimensions,
    provider: z.string(),
    model: z.string(),
    status: z.enum(['complete', 'aborted', 'failed', 'recovered', 'adjusted', 'cached']),
    usage,
    usage_source: z.enum(['reported', 'estimated']),
    cost_usd: money,
    cost_nano_usd: nanoMoney,
    unpriced: z.boolean(),
    price_version: z.string(),
    saved_usd: money.nullable().openapi({
      description:
        'What the usage would have cost at the route’s baseline, less the cost; null: nothing to compare with.',
    }),
    parts: z
      .array(
        z.object({
          provider: z.string(),
          model: z.string(),
          usage,
          cost_usd: money,
          cost_nano_usd: nanoMoney,
          unpriced: z.boolean(),
          price_version: z.string(),
        }),
      )
      .openapi({ description: 'What attempts at other targets cost; it is in the cost, and not in the usage.' }),
    sale: z
      .object({
        user: z.string().openapi({ description: 'Id of the user.' }),
        group: z.string(),
        multiplier: z.string(),
        charged_usd: money,
        charged_nano_usd: nanoMoney,
      })
      .nullable()
      .openapi({ description: 'What a user was charged for it; null where the key is nobody’s.' }),
  })
  .openapi('Entry')
export const ExplainInput = z
  .strictObject({
    request: z.record(z.string(), z.unknown()).openapi({ description: 'The body, as a client would send it.' }),
    dialect: z
      .string()
      .max(40)
      .optional()
      .openapi({ description: 'Format of the body. Default: `openai-chat`.', example: 'anthropic-messages' }),
    key: z
      .string()
      .max(200)
      .optional()
      .openapi({ description: 'Id of the key that would send it. Default: one that may do everything.' }),
    headers: z
      .record(z.string().max(200), z.string().max(2_000))
      .refine((headers) => Object.entries(headers).every(([name, value]) => isHeader(name, value)), {
        error: 'one of these cannot be sent as a header',
      })
      .optional(),
  })
  .openapi('ExplainInput')
const keptQuality = z.object({ mean: z.number(), sd: z.number(), n: z.number() }).optional().openapi({
  description: 'What was expected of the answer; `n`: pieces of own evidence. Absent where quality was not asked for.',
})
export const RequestDetail = RequestLine.extend({
  raw_usage: z.string().nullable().openapi({ description: 'Usage as the provider wrote it, JSON text.' }),
  plan: z
    .object({
      targets: z.array(
        z.object({
          target: z.string(),
          reason: z.string(),
          expected_cost_nano_usd: nanoMoney.nullable(),
          latency_ms: z.number().nullable(),
          quality: keptQuality,
        }),
      ),
      excluded: z.array(
        z.object({
          target: z.string(),
          why: z.string(),
          expected_cost_nano_usd: nanoMoney.nullable().optional(),
          quality: keptQuality,
        }),
      ),
      decision: z
        .object({
          reason: z.enum([
            'cheapest_good_enough',
            'best_for_the_money',
            'baseline',
            'exploration',
            'floor',
            'conversation',
            'displaced',
          ]),
          floor: z.number().openapi({ description: 'What mean − z · sd had to reach.' }),
          z: z.number(),
          baseline: z.string(),
          propensity: z.number().openapi({ description: 'The chance that the choice had.' }),
          pressure_per_usd: z.number(),
          tasks: z.record(z.string(), z.number()),
        })
        .nullable()
        .openapi({ description: 'How the first target was chosen by quality; null where it was not asked for.' }),
    })
    .nullable()
    .openapi({ description: 'How it was routed; null where there was nothing to choose.' }),
  entry: Entry.nullable().openapi({ description: 'The ledger entry; null when no provider was reached.' }),
}).openapi('RequestDetail')

const SpendSums = z
  .object({
    requests: z.number(),
    unpriced_requests: z
      .number()
      .openapi({ description: 'Requests whose model had no price; their cost counts as 0.' }),
    answered_requests: z.number().openapi({ description: 'Requests that got their whole answer.' }),
    cost_usd: money,
    cost_nano_usd: nanoMoney,
    saved_usd: money.openapi({
      description:
        'What the same usage would have cost at the baselines of its routes, less what it cost, and less what the lab cost.',
    }),
    saved_nano_usd: nanoMoney,
    cache_saved_usd: money.openapi({ description: 'What cached answers would have cost again.' }),
    cost_per_request_usd: money.nullable(),
    cost_per_answer_usd: money.nullable(),
    request_cost_usd: z
      .object({ p50: money, p90: money, p99: money })
      .nullable()
      .optional()
      .openapi({ description: 'Percentiles of what a request costs, within 5 %; only with `percentiles`.' }),
    usage,
  })
  .openapi('SpendSums')
export const SpendRow = SpendSums.extend({
  at: time.optional().openapi({ description: 'Start of the bucket.' }),
  ...Object.fromEntries(SPEND_DIMENSIONS.map((dimension) => [dimension, z.string().nullable().optional()])),
}).openapi('SpendRow')
export const SpendReport = z
  .object({ from: time, to: time, rows: z.array(SpendRow), total: SpendSums })
  .openapi('SpendReport')

const Named = SpendSums.extend({ name: z.string() })
export const StatementReport = z
  .object({
    subject: z.object({ scope: z.string(), id: z.string().nullable(), name: z.string().nullable() }),
    from: time,
    to: time,
    made_at: time,
    total: SpendSums,
    before: SpendSums.openapi({ description: 'The time before, as long.' }),
    days: z.array(z.object({ day: z.string(), cost_usd: money })),
    by: z.record(z.string(), z.array(Named)).openapi({
      description:
        'Dearest first, by team, key, model, route, task and tag where there are any; what follows the thirtieth in one row.',
    }),
    forecast: z
      .object({ expected_usd: money, days: z.number() })
      .nullable()
      .openapi({ description: 'Of a month that runs: what is expected by its end, from so many days; else null.' }),
  })
  .openapi('Statement')
export const ForecastReport = z
  .object({
    data: z.array(
      z.object({
        budget: z.string().nullable().openapi({ description: 'Null: the month of the gateway.' }),
        scope: z.string(),
        subject: z.string(),
        spent_usd: money,
        limit_usd: money.nullable(),
        until: time,
        expected_usd: money,
        exhausted_at: time.nullable().openapi({ description: 'When the limit is reached; null: not before the end.' }),
        days: z.number().openapi({ description: 'Whole days that it is worked out from, 28 at most.' }),
      }),
    ),
  })
  .openapi('Forecast')
export const StatementQuery = z
  .strictObject({
    team: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    organisation: z.string().min(1).optional(),
    month: z
      .string()
      .regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'expected a month such as 2026-11')
      .optional()
      .openapi({ description: 'Of UTC; the one that runs when absent.' }),
    format: z.enum(['json', 'html']).default('json'),
  })
  .refine(({ team, key, organisation }) => [team, key, organisation].filter((one) => one !== undefined).length < 2, {
    message: '`team`, `key` and `organisation` each say whose it is; give one',
    path: ['team'],
  })

export const pageFields = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(500).optional().openapi({ description: '`next` of the page before.' }),
}
export const PageQuery = z.strictObject(pageFields)
export const KeysQuery = z.strictObject({
  team: z.string().min(1).optional(),
  user: z.string().min(1).optional().openapi({ description: 'Id of a user.' }),
  ...pageFields,
})
export const RequestsQuery = z.strictObject({
  key: z.string().min(1).optional(),
  team: z.string().min(1).optional(),
  model: z.string().min(1).optional(),
  provider: z.string().min(1).optional(),
  status: z
    .string()
    .regex(/^[1-5](\d\d|xx)$/, 'expected a status (`429`) or a class of them (`4xx`)')
    .optional(),
  from: momentOrDay.optional().openapi({ type: 'string', description: 'Inclusive.' }),
  to: momentOrDay.optional().openapi({ type: 'string', description: 'Exclusive.' }),
  ...pageFields,
})
const SPEND_FILTERS = {
  key: only('key, by its id'),
  team: only('team, by its id'),
  organisation: only('organisation'),
  end_user: only('end user'),
  tag: only('tag'),
  route: only('route'),
  task: only('task'),
  model: only('model'),
  provider: only('provider'),
  operation: only('operation'),
  purpose: only('purpose'),
}

function only(what: string) {
  return z
    .string()
    .min(1)
    .optional()
    .openapi({ description: `Only of this ${what}.` })
}

export const SpendQuery = z.strictObject({
  by: z
    .string()
    .transform((text) => text.split(',').filter((part) => part !== ''))
    .pipe(z.array(z.enum(SPEND_DIMENSIONS)))
    .default([])
    .openapi({
      type: 'string',
      description: `Comma-separated, of ${SPEND_DIMENSIONS.join(', ')}. With \`tag\`, a request counts once for each of its tags.`,
      example: 'team,model',
    }),
  bucket: z.enum(['hour', 'day', 'month']).optional(),
  from: momentOrDay
    .optional()
    .openapi({ type: 'string', description: 'Inclusive; 30 days before `to` when absent. Widened to whole hours.' }),
  to: momentOrDay
    .optional()
    .openapi({ type: 'string', description: 'Exclusive; now when absent. Widened to whole hours.' }),
  ...SPEND_FILTERS,
  percentiles: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .openapi({
      type: 'boolean',
      description: 'Whether rows tell percentiles of what a request costs; not by `status`.',
    }),
  format: z.enum(['json', 'csv']).default('json'),
})
export const IdParam = z.object({ id: z.string().min(1).max(200) })

export const ErrorBody = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      hint: z.string(),
      param: z.string().optional().openapi({ description: 'The field, query parameter or header that is wrong.' }),
    }),
  })
  .openapi('Error')
export const ConfigProblems = ErrorBody.extend({
  problems: z.array(z.looseObject({ message: z.string() })),
}).openapi('ConfigProblems')
export const ModelsQuery = z.strictObject({
  search: z.string().max(200).optional().openapi({ description: 'A part of the name.' }),
  provider: z.string().max(200).optional().openapi({ description: '`weir` for routes.' }),
  kind: z.enum(MODEL_KINDS).optional(),
  abilities: z
    .string()
    .transform((text) => text.split(',').map((word) => word.trim()))
    .pipe(z.array(z.enum(ABILITIES)).max(ABILITIES.length))
    .optional()
    .openapi({
      type: 'string',
      description: `All that must be known to be there, by commas: ${ABILITIES.join(', ')}.`,
    }),
})

export const Anything = z.unknown().openapi({ type: 'object', additionalProperties: true })

/** A list as every list of this API: `{data, next}`. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    data: z.array(item),
    next: z.string().nullable().openapi({ description: '`cursor` of the next page; null on the last one.' }),
  })
}
