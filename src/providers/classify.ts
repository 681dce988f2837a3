// Status and body of an upstream → outcome, by one table whose first matching row counts. Transport failures are not here:
// they come as `UpstreamFailure` with their outcome.
//
// Words are looked for in the provider's code and message, not in the whole body: bodies may echo what a user wrote.
import type { HeaderSource } from '../core/headers.ts'
import type { Outcome, OutcomeRule } from '../core/outcome.ts'
import { isErrorBody, readProviderError } from './provider-error.ts'
import type { ProviderError } from './provider-error.ts'
import { retryAfterMs } from './stated-limits.ts'

export { errorCodeOf, errorMessageOf } from './provider-error.ts'

/** What comes back with a head: status, headers and the body's first part. */
export type UpstreamReply = { readonly status: number; readonly headers: HeaderSource; readonly body: string }

type RuleOutcome = OutcomeRule['outcome']

/** One pattern of several; every repetition in them is bounded, so matching is linear. */
function anyOf(...patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'))
}

const BILLING = anyOf(
  /billing|credit balance|insufficient[_ ](?:balance|credits?|funds|quota)|out of credits|not enough credits/,
  /balance (?:is )?(?:too low|not enough|insufficient)|payment|arrear|overdue|good standing/,
  /account.{0,30}(?:suspended|disabled|deactivated)/,
)

const QUOTA = anyOf(
  /rate.?limit|quota|too many requests|throttl|resource.?exhausted|limit_?exceeded|concurrency/,
  /(?:tokens|requests) per (?:min|minute|day)|(?:key|usage|daily|weekly|monthly|spending) limit/,
)

const CONTEXT = anyOf(
  /context[ _](?:length|window|size|limit)|maximum context|max_model_len|string_above_max_length|exceed_context_size/,
  /(?:prompt|input) is too long|input length|too many (?:input )?tokens|reduce the length of/,
  /maximum number of (?:input )?tokens|token count.{0,40}exceed|tokens? limit exceeded/,
  /`?inputs?`? tokens? \+ `?max_new_tokens|max(?:imum)? (?:allowed )?(?:input|prompt) (?:length|tokens)/,
)

const FILTER = anyOf(
  /content[_ ](?:filter|policy|moderation|management)|responsibleaipolicy|usage polic|moderation|guardrail/,
  /safety[_ ](?:system|settings|filter|policy)|blocked by (?:the )?(?:safety|content)|prohibited[_ ]content/,
  /data_?inspection_?failed|content exists risk|inappropriate content|sensitive (?:content|information|words?)|(?:input|prompt).{0,20} flagged/,
)

const KEY = anyOf(
  /api[_ -]?key_?(?: is)? ?(?:not valid|invalid|expired|not found|missing|incorrect|disabled)|authentication|unauthorized/,
  /(?:invalid|incorrect|expired|missing|wrong|no)[_ ]?api[_ -]?key|unrecognizedclient|(?:invalid|expired) ?(?:bearer |access )?token/,
)

const MODEL = anyOf(
  /model[_ ]?not[_ ]?(?:found|exist|available|supported|open|ready)|deployment[_ ]?not[_ ]?found|no such model|unknown[_ ]model/,
  /invalid[_ ]model|not a valid model|models?\b.{0,100}(?:not found|does not exist|is not available|decommissioned|retired)/,
  /not_found_error model|model identifier is invalid|no (?:endpoints|allowed providers)|could not find model/,
)

const ABSENT = anyOf(
  /(?:does not|doesn't|don't|do not) (?:exist|have access to)|resource not found|^(?:404 )?(?:page )?not found$/,
  /not supported in your (?:region|country)|territory,? (?:is )?not supported|location is not supported/,
)

const RULES: readonly OutcomeRule[] = [
  { statuses: [429, 529], outcome: 'rate_limited' },
  { statuses: [401, 402], outcome: 'credential_bad' },
  // Before the quota words: what is exhausted here comes back when somebody pays, not when time passes.
  { statuses: [400, 403], words: BILLING, outcome: 'credential_bad' },
  // 413: "request too large … tokens per minute" is about the account's limit; another target may take it.
  { statuses: [400, 403, 413], words: QUOTA, outcome: 'rate_limited' },
  { statuses: [400, 413, 422, 500], words: CONTEXT, outcome: 'context_too_long' },
  { statuses: [400, 403, 422, 451, 500], words: FILTER, outcome: 'filtered' },
  { statuses: [400], words: KEY, outcome: 'credential_bad' },
  // The target is not there, while the request is sound: another one may have the model.
  { statuses: [400, 403, 404, 410, 422], words: MODEL, outcome: 'unreachable' },
  { statuses: [403, 404], words: ABSENT, outcome: 'unreachable' },
  { statuses: [403], outcome: 'credential_bad' },
  { statuses: [405, 410], outcome: 'unreachable' },
  { statuses: [408, 409, 424, 425, 498, 499, 5], outcome: 'overloaded' },
  { statuses: [4], outcome: 'rejected' },
  // Redirects are not followed, and 1xx never ends an answer.
  { statuses: [1, 3], outcome: 'broken' },
]

/**
 * The outcome of an answered call. `overrides` are asked before the table (a provider's own rows); `now` (wall ms) is what a
 * date in `retry-after` is measured from.
 */
export function classify(
  reply: UpstreamReply,
  overrides: readonly OutcomeRule[] = [],
  now: number = Date.now(),
): Outcome {
  const { status, headers, body } = reply
  if (status >= 200 && status < 300) {
    if (!isErrorBody(body)) return { type: 'answered' }
    return {
      type: 'broken',
      reason: `an error inside a ${status}: ${readProviderError(body).message ?? 'without a message'}`,
    }
  }
  const error = readProviderError(body)
  const wait = retryAfterMs(headers, now) ?? error.retryAfterMs
  // Bedrock names the kind of error in a header only.
  const words = [headers.get('x-amzn-errortype'), error.code, error.message].filter(Boolean).join(' ').toLowerCase()
  const fits = ({ statuses, words: pattern }: OutcomeRule): boolean =>
    isAmong(status, statuses) && (pattern === undefined || pattern.test(words))
  const rule = overrides.find(fits) ?? RULES.find(fits)
  // Not written by an API: a base URL that leads elsewhere, or a firewall's page. Neither says anything of request or key.
  const isForeign = (status === 404 && error.form !== 'json') || (status === 403 && error.form === 'html')
  return outcomeOf(isForeign ? 'unreachable' : (rule?.outcome ?? 'broken'), status, error, wait)
}

function isAmong(status: number, statuses: readonly number[]): boolean {
  return statuses.some((entry) => entry === status || (entry < 10 && entry === Math.floor(status / 100)))
}

function outcomeOf(type: RuleOutcome, status: number, error: ProviderError, retryMs: number | null): Outcome {
  switch (type) {
    case 'rate_limited':
      return { type, retryAfterMs: retryMs }
    case 'overloaded':
      return { type, retryAfterMs: retryMs }
    case 'unreachable':
      return { type, reason: error.message ?? `it answered ${status}` }
    case 'broken':
      return { type, reason: error.message ?? `it answered ${status}` }
    case 'credential_bad':
      return { type }
    case 'context_too_long':
      return { type }
    case 'filtered':
      return { type }
    case 'rejected':
      return { type }
  }
}
