// Whole answer of OpenAI's Responses → normal form.
import { rawOf } from '../../core/chat.ts'
import { finishWith, ProblemError } from '../../core/chat-answer.ts'
import type { ChatAnswer, Finish, FinishReason } from '../../core/chat-answer.ts'
import { partsOfItem, readLogprobs } from '../../core/formats/responses-items.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { namesOf, numberOf, objectOf, objectsOf, restOf, stringOf } from '../../core/json-read.ts'
import type { Usage } from '../../core/usage.ts'
import { messageOf } from './answer.ts'
import { usageOfOpenai } from './usage.ts'

const FAMILY = 'openai-responses'

const FINISH: { readonly [word in string]?: FinishReason } = {
  completed: 'stop',
  max_output_tokens: 'length',
  content_filter: 'content_filter',
  failed: 'error',
  cancelled: 'error',
}

/** How a response ended, by its status, or by what made it incomplete. */
export function finishOfResponse(response: JsonObject): Finish {
  const status = stringOf(response, 'status')
  const reason = stringOf(objectOf(response, 'incomplete_details') ?? {}, 'reason')
  const word = status === 'incomplete' ? (reason ?? status) : status
  return { unified: word === null ? 'other' : (FINISH[word] ?? 'other'), raw: word }
}

/** Usage in disjoint buckets. `searches`: calls of the web search among the items. */
export function usageOfResponses(usage: JsonObject, searches: number): Usage {
  const read = usageOfOpenai({
    prompt_tokens: usage['input_tokens'],
    prompt_tokens_details: usage['input_tokens_details'],
    completion_tokens: usage['output_tokens'],
    completion_tokens_details: usage['output_tokens_details'],
    total_tokens: usage['total_tokens'],
  })
  // xAI counts its own searches.
  const own = objectOf(usage, 'server_side_tool_usage_details') ?? {}
  const counted = (numberOf(own, 'web_search_calls') ?? 0) + (numberOf(own, 'x_search_calls') ?? 0)
  return { ...read, searches: Math.max(searches, counted) }
}

/** Opening a page or looking for a word in it is a call, too, but no search. */
export function isSearch(item: JsonObject): boolean {
  if (stringOf(item, 'type') !== 'web_search_call') return false
  return (stringOf(objectOf(item, 'action') ?? {}, 'type') ?? 'search') === 'search'
}

/** Fields of a response that have a place in the normal form, or only repeat the request. */
const RESPONSE_FIELDS = namesOf(`
  id object created_at completed_at status error incomplete_details model output output_text usage service_tier
  background conversation frequency_penalty input instructions max_output_tokens max_tool_calls metadata
  parallel_tool_calls presence_penalty previous_response_id prompt prompt_cache_key prompt_cache_options
  prompt_cache_retention reasoning safety_identifier store temperature text tool_choice tools top_logprobs top_p
  truncation user
`)

/** What only this family says about an answer: moderation, the use of tools, … */
export function ownFields(response: JsonObject): JsonObject | null {
  return restOf(response, RESPONSE_FIELDS)
}

/** Throws ProblemError when there is no answer in it. */
export function readResponsesAnswer(body: unknown): ChatAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  const error = body['error']
  const status = stringOf(body, 'status')
  if ((error !== undefined && error !== null && status !== 'incomplete') || status === 'failed')
    throw new ProblemError(`an error inside a 200: ${messageOf(error)}`)
  if (!Array.isArray(body['output'])) throw new ProblemError('the answer holds no output')
  const items = objectsOf(body, 'output')
  const parts = items.flatMap(partsOfItem)
  const logprobs = items.flatMap((item) => objectsOf(item, 'content').flatMap(readLogprobs))
  const usage = objectOf(body, 'usage')
  return {
    id: stringOf(body, 'id'),
    model: stringOf(body, 'model'),
    created: numberOf(body, 'created_at'),
    choices: [
      {
        index: 0,
        parts,
        finish: finishWith(finishOfResponse(body), parts),
        logprobs: logprobs.length > 0 ? logprobs : null,
      },
    ],
    usage: usage === null ? null : usageOfResponses(usage, items.filter(isSearch).length),
    rawUsage: usage,
    serviceTier: stringOf(body, 'service_tier'),
    warnings: [],
    ...rawOf(FAMILY, ownFields(body)),
  }
}
