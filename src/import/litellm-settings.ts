// `litellm_settings`, `router_settings` and `general_settings` of LiteLLM's file → sections of ours, a row for each setting.
import type { Path } from '../config/problem.ts'
import { parseAmount } from '../config/budget-values.ts'
import { formatUsd } from '../core/money.ts'
import { budgetWindow, durationOfSeconds } from './amounts.ts'
import type { FileNotes, Outcome } from './finding.ts'
import { countOf, listOf, mappingOf } from './litellm-values.ts'
import type { Providers } from './litellm-providers.ts'

/** Sections that settings are written to; budgets are a list. */
export type Sections = { readonly values: Record<string, unknown>; readonly budgets: Record<string, unknown>[] }

type Said = { readonly outcome: Outcome; readonly message: string }
type Row = (value: unknown, sections: Sections) => Said
type Rows = Readonly<Record<string, string | Row>>

const carried = (message: string): Said => ({ outcome: 'carried', message })
const changed = (message: string): Said => ({ outcome: 'changed', message })
const dropped = (message: string): Said => ({ outcome: 'dropped', message })

function put(sections: Sections, section: string, fields: object): void {
  sections.values[section] = { ...mappingOf(sections.values[section]), ...fields }
}

function deadline(value: unknown, sections: Sections): Said {
  const seconds = durationOfSeconds(value)
  if (seconds === null) return dropped('no number of seconds from 0.01 to 86400')
  put(sections, 'timeouts', { first_token: seconds, idle: seconds, ...(Number(value) > 600 ? { total: seconds } : {}) })
  return carried('timeouts.first_token and timeouts.idle')
}

const IN_ONE_PROCESS = 'limits and state are kept in one process with its data folder; there is nothing to connect to'
const COOLDOWNS =
  'a target rests after failures by itself, for as long as it says or for a growing pause (docs/routing.md)'
const NO_CALLBACK = 'there are no callbacks: the log of requests, `/metrics` and reports hold what they would be told'
const SENSITIVE = 'nothing of what is asked and answered is kept, unless `prompts` says so (docs/privacy.md)'

const CALLBACK_ROW: Row = (value) => {
  const names = typeof value === 'string' ? [value] : listOf(value).map(String)
  const others = names.filter((name) => name !== 'prometheus')
  return others.length === 0
    ? carried('`/metrics` on the admin listener')
    : dropped(`${others.join(', ')}: ${NO_CALLBACK}`)
}

const LITELLM_ROWS: Rows = {
  drop_params: (value, sections) => {
    if (value !== true) return carried('routing.lossy: refuse, which holds without a word')
    put(sections, 'routing', { lossy: 'allow' })
    return carried('routing.lossy: allow')
  },
  request_timeout: deadline,
  success_callback: CALLBACK_ROW,
  failure_callback: CALLBACK_ROW,
  callbacks: CALLBACK_ROW,
  service_callbacks: CALLBACK_ROW,
  cache: (value, sections) => {
    if (value !== true) return carried('nothing is cached')
    put(sections, 'cache', { mode: 'exact' })
    return changed('cache.mode: exact, each key its own answers unless `cache.scope` says otherwise (docs/caching.md)')
  },
  turn_off_message_logging: () => carried(SENSITIVE),
  redact_user_api_key_info: () => carried('secrets of keys are kept as hashes and shown nowhere'),
  json_logs: (value, sections) => {
    put(sections, 'log', { format: value === true ? 'json' : 'text' })
    return carried('log.format')
  },
  set_verbose: (value, sections) => {
    if (value !== true) return carried('log.level: info, which holds without a word')
    put(sections, 'log', { level: 'debug' })
    return changed('log.level: debug, which shows no bodies')
  },
  force_ipv4: 'addresses are taken as the system’s resolver gives them',
  modify_params: 'requests are translated as `routing.lossy` says, and not mended',
  key_generation_settings: 'keys are made by the operator, or by users (`users`)',
  default_internal_user_params: 'users have groups (docs/resale.md)',
  default_team_settings: 'teams are set one by one: `weir teams`, or `weir apply`',
  upperbound_key_generate_params: 'keys are made by the operator',
  max_internal_user_budget: 'users pay from a balance (docs/resale.md)',
  ssl_verify: '`providers.<name>.ca` trusts an authority; certificates are always checked',
}

const ROUTER_ROWS: Rows = {
  timeout: deadline,
  enable_pre_call_checks: () => carried('targets whose context is too small are always passed over'),
  allowed_fails: COOLDOWNS,
  cooldown_time: COOLDOWNS,
  disable_cooldowns: COOLDOWNS,
  allowed_fails_policy: COOLDOWNS,
  retry_policy: 'what is worth a retry depends on the failure (docs/routing.md), not on a table',
  model_group_retry_policy: 'what is worth a retry depends on the failure (docs/routing.md), not on a table',
  retry_after: 'retries wait for as long as the provider asks, or for a growing pause',
  redis_host: IN_ONE_PROCESS,
  redis_port: IN_ONE_PROCESS,
  redis_password: IN_ONE_PROCESS,
  redis_url: IN_ONE_PROCESS,
  set_verbose: 'see `log.level`',
  optional_pre_call_checks: 'prompt caches are kept warm by conversations that stay (`sticky`), on by default',
}

const GENERAL_ROWS: Rows = {
  master_key: () =>
    changed(
      'set WEIR_ADMIN_TOKEN to it for the admin API; clients that call models with it need a key: `weir keys create`',
    ),
  database_url:
    'keys, teams and spend in LiteLLM’s database stay there: it has only plain hashes of its keys, which cannot be turned into ours. Make new keys with `weir keys create` or `weir apply`',
  global_max_parallel_requests: (value, sections) => {
    const count = countOf(value)
    if (count === null) return dropped('no whole number above 0')
    put(sections, 'limits', { gateway: { concurrency: count } })
    return carried('limits.gateway.concurrency')
  },
  max_parallel_requests:
    'what runs at once at one provider is not bounded; keys, teams and the gateway have `concurrency`',
  allow_requests_on_db_unavailable: (value, sections) => {
    if (value !== true) return carried('limits.on_store_failure: refuse, which holds without a word')
    put(sections, 'limits', { on_store_failure: 'allow' })
    return changed('limits.on_store_failure: allow: requests of known keys pass and are not booked')
  },
  maximum_spend_logs_retention_period: (value, sections) => {
    if (!/^\d{1,4}[hd]$/.test(String(value))) return dropped('no number of hours or days')
    put(sections, 'request_log', { retention: String(value) })
    return changed('request_log.retention; what requests cost stays in the ledger')
  },
  maximum_spend_logs_retention_interval: 'what is too old goes by itself',
  alerting: (value, sections) => {
    const names = listOf(value).map(String)
    if (!names.includes('slack')) return dropped('only `slack` can be carried over; see `alerts` (docs/alerts.md)')
    put(sections, 'alerts', { slack: '${SLACK_WEBHOOK_URL}' })
    return changed(`alerts.slack${names.length > 1 ? '; the others: docs/alerts.md' : ''}`)
  },
  store_prompts_in_spend_logs: 'see `prompts` (docs/privacy.md)',
  disable_spend_logs: 'every request is booked',
  enforce_user_param: 'keys can demand it: `weir keys create --require-end-user`',
  background_health_checks: 'providers have `health_check`, with the model that is asked',
  health_check_interval: 'providers have `health_check`, with the model that is asked',
  pass_through_endpoints: 'providers are reached at `/pass/<provider>/…`',
  custom_auth: 'callers have virtual keys',
  enable_jwt_auth: 'callers have virtual keys',
}

const SECTIONS: Readonly<Record<string, Rows>> = {
  litellm_settings: LITELLM_ROWS,
  router_settings: ROUTER_ROWS,
  general_settings: GENERAL_ROWS,
}

const WHOLE_SECTIONS: Readonly<Record<string, string>> = {
  environment_variables: 'set them in the environment of the process',
  guardrails: 'there are no guardrails',
  mcp_servers: 'tools of MCP servers are the clients’ own',
  vector_store_registry: 'there are no vector stores',
  callback_settings: NO_CALLBACK,
  files_settings: '`/v1/files` are kept by the gateway itself',
  finetune_settings: 'a provider’s own API is at `/pass/<provider>/…`',
  include: 'files that it names are not read: import each of them',
}

/** Reads every setting that has a row; those of routes are read with the routes. */
export function litellmSettings(root: Readonly<Record<string, unknown>>, notes: FileNotes): Sections {
  const sections: Sections = { values: {}, budgets: [] }
  for (const [section, rows] of Object.entries(SECTIONS))
    for (const [name, value] of Object.entries(mappingOf(root[section]))) {
      const row = Object.hasOwn(rows, name) ? rows[name] : undefined
      if (row === undefined) continue
      const { outcome, message } = typeof row === 'string' ? dropped(row) : row(value, sections)
      notes[outcome]([section, name], message)
    }
  for (const [section, reason] of Object.entries(WHOLE_SECTIONS))
    if (root[section] !== undefined) notes.dropped([section], reason)
  readCacheTime(root, sections, notes)
  return sections
}

function readCacheTime(root: Readonly<Record<string, unknown>>, sections: Sections, notes: FileNotes): void {
  const settings = mappingOf(root['litellm_settings'])
  const params = mappingOf(settings['cache_params'])
  const path = ['litellm_settings', 'cache_params']
  const ttl = durationOfSeconds(params['ttl'])
  for (const name of Object.keys(params)) {
    if (name === 'ttl' && ttl !== null && settings['cache'] === true) {
      put(sections, 'cache', { ttl })
      notes.carried([...path, name], 'cache.ttl')
    } else if (/similarity|semantic/.test(name))
      notes.dropped([...path, name], 'see `cache.mode: semantic` (docs/caching.md)')
    else notes.dropped([...path, name], 'answers are kept in the data folder')
  }
}

/** Budgets: of the gateway, of end users, of providers, and of deployments. */
export function litellmBudgets(
  root: Readonly<Record<string, unknown>>,
  providers: Providers,
  sections: Sections,
  notes: FileNotes,
): void {
  const litellm = mappingOf(root['litellm_settings'])
  const add = (path: Path, scope: string, id: string | null, limit: unknown, duration: unknown): void => {
    const nano = parseAmount(limit)
    const time = budgetWindow(duration)
    if (nano === null || time === null) {
      notes.dropped(
        path,
        nano === null ? 'no amount of dollars' : `no time that a budget can be for: ${JSON.stringify(duration)}`,
      )
      return
    }
    sections.budgets.push({ scope, ...(id === null ? {} : { id }), window: time.window, limit_usd: formatUsd(nano) })
    const words = `budgets: ${formatUsd(nano)} dollars, window ${time.window}`
    if (time.isCalendar) notes.carried(path, words)
    else notes.changed(path, `${words}: the last so long, not from one day of renewal to the next`)
  }
  const duration = litellm['budget_duration']
  const general = ['litellm_settings', 'max_budget']
  if (litellm['max_budget'] !== undefined) add(general, 'gateway', null, litellm['max_budget'], duration)
  if (duration !== undefined) notes.carried(['litellm_settings', 'budget_duration'], 'window of the budget')
  if (litellm['max_end_user_budget'] !== undefined)
    add(['litellm_settings', 'max_end_user_budget'], 'end_user', null, litellm['max_end_user_budget'], undefined)
  const byHost = mappingOf(mappingOf(root['router_settings'])['provider_budget_config'])
  for (const [host, terms] of Object.entries(byHost)) {
    const { budget_limit: limit, time_period: period } = mappingOf(terms) as {
      budget_limit?: unknown
      time_period?: unknown
    }
    const path = ['router_settings', 'provider_budget_config', host]
    const names = new Set(
      [...providers.deployments, ...providers.wildcards]
        .filter(({ named }) => named.name === host)
        .map(({ provider }) => provider),
    )
    if (names.size === 0) notes.dropped(path, 'no entry of `model_list` calls it')
    else if (names.size > 1)
      notes.dropped(path, `it is several providers here (${[...names].join(', ')}), each with a budget of its own`)
    else add(path, 'provider', [...names][0]!, limit, period)
  }
  for (const { path, target, budget } of providers.deployments)
    if (budget !== null) {
      add([...path, 'litellm_params', 'max_budget'], 'model', target, budget.limit, budget.duration)
      if (budget.duration !== undefined && budget.duration !== null)
        notes.carried([...path, 'litellm_params', 'budget_duration'], 'window of the budget')
    }
}
