// Settings of LiteLLM's file that are not about models, a row for each: what they become here, or why there is nothing like it.
import { durationOfSeconds } from './amounts.ts'
import type { Outcome } from './finding.ts'
import { countOf, isOn, listOf } from './litellm-values.ts'

/** `sets`: section of ours → field → value. */
export type Said = {
  readonly outcome: Outcome
  readonly message: string
  readonly sets?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}
type Row = (value: unknown) => Said
type Rows = Readonly<Record<string, string | Row>>

const carried = (message: string, sets: Said['sets'] = {}): Said => ({ outcome: 'carried', message, sets })
const changed = (message: string, sets: Said['sets'] = {}): Said => ({ outcome: 'changed', message, sets })
const dropped = (message: string): Said => ({ outcome: 'dropped', message })

const deadline: Row = (value) => {
  const seconds = durationOfSeconds(value)
  if (seconds === null) return dropped('no number of seconds from 0.01 to 86400')
  return carried('timeouts.first_token and timeouts.idle', {
    timeouts: { first_token: seconds, idle: seconds, ...(Number(value) > 600 ? { total: seconds } : {}) },
  })
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
  drop_params: (value) => {
    if (!isOn(value)) return carried('routing.lossy: refuse, which holds without a word')
    return carried('routing.lossy: allow', { routing: { lossy: 'allow' } })
  },
  request_timeout: deadline,
  success_callback: CALLBACK_ROW,
  failure_callback: CALLBACK_ROW,
  callbacks: CALLBACK_ROW,
  service_callbacks: CALLBACK_ROW,
  cache: (value) => {
    if (!isOn(value)) return carried('nothing is cached')
    return changed(
      'cache.mode: exact, each key its own answers unless `cache.scope` says otherwise (docs/caching.md)',
      {
        cache: { mode: 'exact' },
      },
    )
  },
  turn_off_message_logging: () => carried(SENSITIVE),
  redact_user_api_key_info: () => carried('secrets of keys are kept as hashes and shown nowhere'),
  json_logs: (value) => carried('log.format', { log: { format: isOn(value) ? 'json' : 'text' } }),
  set_verbose: (value) => {
    if (!isOn(value)) return carried('log.level: info, which holds without a word')
    return changed('log.level: debug, which shows no bodies', { log: { level: 'debug' } })
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
  global_max_parallel_requests: (value) => {
    const concurrency = countOf(value)
    if (concurrency === null) return dropped('no whole number above 0')
    return carried('limits.gateway.concurrency', { limits: { gateway: { concurrency } } })
  },
  max_parallel_requests:
    'what runs at once at one provider is not bounded; keys, teams and the gateway have `concurrency`',
  allow_requests_on_db_unavailable: (value) => {
    if (!isOn(value)) return carried('limits.on_store_failure: refuse, which holds without a word')
    return changed('limits.on_store_failure: allow: requests of known keys pass and are not booked', {
      limits: { on_store_failure: 'allow' },
    })
  },
  maximum_spend_logs_retention_period: (value) =>
    changed('request_log.retention; what requests cost stays in the ledger', { request_log: { retention: value } }),
  maximum_spend_logs_retention_interval: 'what is too old goes by itself',
  alerting: (value) => {
    const names = listOf(value).map(String)
    if (!names.includes('slack')) return dropped('only `slack` can be carried over; see `alerts` (docs/alerts.md)')
    return changed(`alerts.slack${names.length > 1 ? '; the others: docs/alerts.md' : ''}`, {
      alerts: { slack: '${SLACK_WEBHOOK_URL}' },
    })
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

/** By section of LiteLLM's file. Text: why there is nothing like it here. */
export const LITELLM_SETTINGS: Readonly<Record<string, Rows>> = {
  litellm_settings: LITELLM_ROWS,
  router_settings: ROUTER_ROWS,
  general_settings: GENERAL_ROWS,
}

/** Whole sections that have no place. */
export const LITELLM_SECTIONS: Readonly<Record<string, string>> = {
  environment_variables: 'set them in the environment of the process',
  guardrails: 'there are no guardrails',
  mcp_servers: 'tools of MCP servers are the clients’ own',
  vector_store_registry: 'there are no vector stores',
  callback_settings: NO_CALLBACK,
  files_settings: '`/v1/files` are kept by the gateway itself',
  finetune_settings: 'a provider’s own API is at `/pass/<provider>/…`',
  include: 'files that it names are not read: import each of them',
}
