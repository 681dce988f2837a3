// Everything an operator can say in `weir.yaml`: the parsed value as types, then one row for each field of the file.
import type { LimitSet } from '../core/key.ts'
import type { Timeouts } from '../core/model.ts'
import {
  choice,
  duration,
  type Field,
  flag,
  integer,
  list,
  map,
  readWhole,
  type Reading,
  section,
  size,
  text,
} from './fields.ts'
import { batches, type BatchesConfig, files, type FilesConfig } from './schema-files.ts'
import { cache, type CacheConfig } from './schema-cache.ts'
import { provider, type ProviderConfig } from './schema-providers.ts'
import { alerts, type AlertsConfig } from './schema-alerts.ts'
import { reports, type ReportsConfig } from './schema-reports.ts'
import { budget, type BudgetConfig } from './schema-budgets.ts'
import { type DrillConfig, drills } from './schema-drills.ts'
import { feedback, type FeedbackConfig } from './schema-feedback.ts'
import { golden, type GoldenConfig } from './schema-golden.ts'
import { lab, type LabConfig } from './schema-lab.ts'
import { priceBook, type PriceBookConfig } from './schema-prices.ts'
import { prompts, type PromptsConfig } from './schema-prompts.ts'
import { defaultQuality, type DefaultQualityConfig } from './schema-quality.ts'
import { realtime, type RealtimeConfig } from './schema-realtime.ts'
import { route, type RouteConfig } from './schema-routes.ts'
import { limitSet, timeoutFields } from './schema-shared.ts'
import { users, type UsersConfig } from './schema-users.ts'
import { parseCidr, parseListen } from './values.ts'

export type Config = {
  readonly server: ServerConfig
  readonly providers: Readonly<Record<string, ProviderConfig>>
  readonly routes: Readonly<Record<string, RouteConfig>>
  /** Another name → the route or model that it stands for. */
  readonly aliases: Readonly<Record<string, string>>
  readonly routing: RoutingConfig
  /** Where neither the route nor the provider says otherwise. */
  readonly timeouts: Timeouts
  readonly cache: CacheConfig
  readonly limits: LimitsConfig
  readonly budgets: readonly BudgetConfig[]
  readonly users: UsersConfig
  readonly alerts: AlertsConfig
  readonly reports: ReportsConfig
  readonly drills: readonly DrillConfig[]
  readonly lab: LabConfig
  readonly feedback: FeedbackConfig
  readonly golden: GoldenConfig
  readonly prompts: PromptsConfig
  readonly prices: PriceBookConfig
  /** What happens to a request whose model has no price. Absent: refused under a budget that refuses, else let through. */
  readonly unpriced?: 'refuse' | 'estimate' | 'allow'
  readonly media: MediaConfig
  readonly log: LogConfig
  readonly requestLog: { readonly retentionMs: number }
  /** Kept responses of OpenAI's Responses; 0 keeps none. */
  readonly responses: { readonly retentionMs: number }
  readonly files: FilesConfig
  readonly batches: BatchesConfig
  readonly realtime: RealtimeConfig
  /** `process` survives `kill -9`, `power` also a power cut. */
  readonly store: { readonly sync: 'process' | 'power' }
  readonly metrics: { readonly enabled: boolean }
}

type ServerConfig = {
  /** `host:port`; an empty host means all addresses. */
  readonly listen: string
  readonly adminListen: string
  readonly bodyLimitBytes: number
  /** By endpoint family; the others have `bodyLimitBytes`. */
  readonly bodyLimits: Readonly<Record<string, number>>
  readonly jsonDepth: number
  readonly jsonKeys: number
  readonly bodyTimeoutMs: number
  readonly drainTimeoutMs: number
  readonly maxInFlight: number
  readonly maxBytesHeld: number
  /** CIDR blocks whose `x-forwarded-for` is believed. */
  readonly trustedProxies: readonly string[]
}

type RoutingConfig = {
  /** What is done where a provider's format cannot say what the caller asked for. */
  readonly lossy: 'allow' | 'refuse'
  /** Of routes that say nothing themselves, and of `auto`. */
  readonly quality: DefaultQualityConfig
}

type LimitsConfig = {
  readonly gateway: LimitSet
  /** For each key, team and end user that has none of its own. */
  readonly key: LimitSet
  /** For each user, all keys together. */
  readonly user: LimitSet
  readonly team: LimitSet
  readonly endUser: LimitSet
  readonly onStoreFailure: 'refuse' | 'allow'
  /** How long a request may wait for the budget that requests in flight hold. */
  readonly budgetWaitMs: number
}

type MediaConfig = {
  /** Whether pictures and files are fetched for providers that do not fetch. */
  readonly fetch: boolean
  readonly maxSizeBytes: number
  readonly maxFiles: number
  readonly timeoutMs: number
  readonly allowPrivate: boolean
}

type LogConfig = {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly format: 'json' | 'text'
  /** One line for each request. */
  readonly requests: boolean
}

const SECOND = 1000
const DAY = 86_400 * SECOND
const MIB = 1024 ** 2

const LISTEN = {
  kind: 'address',
  expected: 'an address such as 0.0.0.0:8787, [::1]:8787 or :8787',
}

function readListen(value: string): string | null {
  const address = parseListen(value)
  if (address === null) return null
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

const server = section<ServerConfig>(
  { description: 'The two listeners and the bounds of what they take in.' },
  {
    listen: text(
      {
        ...LISTEN,
        description: 'Where clients connect. `:8787` listens on all addresses; port 0 takes any free port.',
      },
      '0.0.0.0:8787',
      readListen,
    ),
    adminListen: text(
      {
        ...LISTEN,
        description:
          'Where the admin API and the metrics listen. Keep it on the loopback interface, or behind your own network’s walls.',
      },
      '127.0.0.1:8788',
      readListen,
    ),
    bodyLimitBytes: size(
      {
        description: 'Largest request body, also after decompression.',
        synonyms: ['max_body', 'max_body_size', 'client_max_body_size'],
      },
      { min: 1024, max: 1024 * MIB },
      32 * MIB,
    ),
    bodyLimits: map(
      {
        description:
          'Another bound for an endpoint family, such as `chat: 8MiB`; the families are those of a key’s `endpoints`.',
      },
      '<family>',
      size({ description: '' }, { min: 1024, max: 1024 * MIB }),
      {},
    ),
    jsonDepth: integer({ description: 'Deepest nesting of a request body.' }, { min: 8, max: 10_000 }, 128),
    jsonKeys: integer(
      { description: 'Most object members, objects and lists in a request body.' },
      { min: 100, max: 100_000_000 },
      200_000,
    ),
    bodyTimeoutMs: duration(
      { description: 'A request body must have arrived within this time.' },
      { min: 100, max: 3600 * SECOND },
      30 * SECOND,
    ),
    drainTimeoutMs: duration(
      { description: 'After SIGTERM, requests in flight may take this long to finish.' },
      { min: 0, max: 24 * 3600 * SECOND },
      30 * SECOND,
    ),
    maxInFlight: integer(
      { description: 'Requests at once, all callers together. Above it new ones are answered `overloaded`.' },
      { min: 1, max: 1_000_000 },
      10_000,
    ),
    maxBytesHeld: size(
      { description: 'Bytes of bodies held at once. Above it new requests are answered `overloaded`.' },
      { min: MIB, max: 1024 * 1024 * MIB },
      512 * MIB,
    ),
    trustedProxies: list(
      { description: 'Proxies in front of the gateway: from these CIDR blocks `x-forwarded-for` is believed.' },
      text(
        { description: '', kind: 'CIDR block', expected: 'an address or a CIDR block such as 10.0.0.0/8' },
        undefined,
        parseCidr,
      ),
      [],
    ),
  },
)

const timeouts = section<Timeouts>(
  { description: 'Deadlines, where neither the route nor the provider sets its own.' },
  timeoutFields({ connectMs: 5 * SECOND, firstTokenMs: 60 * SECOND, idleMs: 60 * SECOND, totalMs: 600 * SECOND }),
)

const limits = section<LimitsConfig>(
  { description: 'Limits that hold without being set on a key or team.' },
  {
    gateway: limitSet('all callers together'),
    key: limitSet('each virtual key that has none of its own'),
    user: limitSet('each user, all keys of the user together'),
    team: limitSet('each team that has none of its own'),
    endUser: limitSet('each end user'),
    onStoreFailure: choice(
      { description: 'When the store cannot be reached: refuse requests, or let them through unaccounted.' },
      ['refuse', 'allow'],
      'refuse',
    ),
    budgetWaitMs: duration(
      {
        description:
          'How long a request that does not fit into its budget beside what requests in flight hold of it waits for one of them to end, before it is refused. `0s` refuses at once.',
      },
      { min: 0, max: 600 * SECOND },
      5 * SECOND,
    ),
  },
)

const log = section<LogConfig>(
  { description: 'What is written to the log.' },
  {
    level: choice(
      { description: 'The least important lines that are written.' },
      ['debug', 'info', 'warn', 'error'],
      'info',
    ),
    format: choice(
      { description: 'One JSON object a line, or lines for people. On a terminal the default is `text`.' },
      ['json', 'text'],
      'json',
    ),
    requests: flag({ description: 'Write one line for each request.' }, true),
  },
)

/** The whole file, as a tree of documented fields. */
export const CONFIG: Field<Config> = section<Config>(
  { description: 'The configuration.' },
  {
    server,
    providers: map(
      { description: 'Who answers. Without any, providers are found by their environment variables.' },
      '<provider>',
      provider,
      {},
    ),
    routes: map({ description: 'Public model names with their targets.' }, '<route>', route, {}),
    aliases: map(
      { description: 'Other names for routes and models: `gpt-4: chat` answers `gpt-4` as `chat`.' },
      '<alias>',
      text({ description: '', kind: 'name' }),
      {},
    ),
    routing: section<RoutingConfig>(
      { description: 'How requests find their targets.' },
      {
        lossy: choice(
          {
            description:
              'What happens when the format of a target cannot say a part of the request without which it would mean something else: the target is passed over (`refuse`), or the part is left out with a warning (`allow`). What is only a nuance is always left out with a warning in `x-weir-warnings`.',
          },
          ['refuse', 'allow'],
          'refuse',
        ),
        quality: defaultQuality,
      },
    ),
    timeouts,
    cache,
    limits,
    budgets: list(
      { description: 'What may be spent, by whom and in which time. More can be set through the admin API.' },
      budget,
      [],
    ),
    users,
    alerts,
    reports,
    drills,
    lab,
    feedback,
    golden,
    prompts,
    prices: priceBook,
    unpriced: choice(
      {
        description:
          'What happens to a model without a price: it is refused, booked at the dearest price that the price book knows of a model of the same name elsewhere (`estimate`; refused where there is none), or let through and booked at 0 with a mark. By default it is refused to requests that a refusing budget covers, and let through otherwise.',
      },
      ['refuse', 'estimate', 'allow'],
    ),
    media: section<MediaConfig>(
      { description: 'Pictures, sounds, films and files in requests that are translated.' },
      {
        fetch: flag(
          {
            description:
              'Fetch what a request names by address, where the provider does not. Off: such targets are passed over.',
          },
          true,
        ),
        maxSizeBytes: size({ description: 'Largest picture or file.' }, { min: 1024, max: 1024 * MIB }, 20 * MIB),
        maxFiles: integer({ description: 'Most that are fetched for one request.' }, { min: 1, max: 1_000 }, 20),
        timeoutMs: duration(
          { description: 'Each must have arrived within this time.' },
          { min: 100, max: 600 * SECOND },
          15 * SECOND,
        ),
        allowPrivate: flag(
          {
            description:
              'Fetch from private networks too. Whoever has a key could then look around in yours: leave it off.',
          },
          false,
        ),
      },
    ),
    log,
    requestLog: section<Config['requestLog']>(
      { description: 'The log of requests in the data folder.' },
      {
        retentionMs: duration(
          { description: 'Lines older than this are removed. What a request cost stays in the ledger.' },
          { min: 3600 * SECOND, max: 3660 * DAY },
          30 * DAY,
        ),
      },
    ),
    responses: section<Config['responses']>(
      { description: 'Responses that are kept for `previous_response_id`, with what was asked and answered.' },
      {
        retentionMs: duration(
          { description: 'How long a response is kept. `0s` keeps none, whatever a request says.' },
          { min: 0, max: 3660 * DAY },
          30 * DAY,
        ),
      },
    ),
    files,
    batches,
    realtime,
    store: section<Config['store']>(
      { description: 'How things are kept.' },
      {
        sync: choice(
          {
            description:
              'What a confirmed write survives: the end of the process (`process`), or also a power cut (`power`, slower).',
          },
          ['process', 'power'],
          'process',
        ),
      },
    ),
    metrics: section<Config['metrics']>(
      { description: 'Metrics for Prometheus on the admin listener.' },
      { enabled: flag({ description: 'Serve `/metrics`.' }, true) },
    ),
  },
)

/** Reads the file's value. */
export function readConfig(value: unknown): Reading<Config> {
  return readWhole(CONFIG, value)
}

/** What holds without a file. */
export const DEFAULT_CONFIG: Config = CONFIG.fallback!
