// Whole answer of an OpenAI-compatible host → normal form.
import { rawOf } from '../../core/chat.ts'
import type { Citation, Part } from '../../core/chat.ts'
import { finishWith, ProblemError } from '../../core/chat-answer.ts'
import type { ChatAnswer, ChatChoice, Finish, FinishReason, TokenLogprob } from '../../core/chat-answer.ts'
import { partsOfMessage } from '../../core/formats/openai-message.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { listOf, numberOf, objectOf, objectsOf, restOf, stringOf, namesOf } from '../../core/json-read.ts'
import { messageOf } from './answer.ts'
import { splitThinking } from './think-tags.ts'
import { usageOfOpenai } from './usage.ts'

const FAMILY = 'openai-chat'

/** The words of OpenAI and its relatives for the end of an answer. */
const FINISH: { readonly [word in string]?: FinishReason } = {
  stop: 'stop',
  end_turn: 'stop',
  eos: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  tool_use: 'tool_calls',
  content_filter: 'content_filter',
  sensitive: 'content_filter',
  error: 'error',
  network_error: 'error',
  insufficient_system_resource: 'error',
}

export function finishOfWord(word: string | null): Finish {
  return { unified: word === null ? 'other' : (FINISH[word] ?? 'other'), raw: word }
}

/** Fields of an answer or a chunk that have a place in the normal form, or repeat one, as Groq does its usage. */
export const ANSWER_FIELDS = namesOf(`
  id object created model choices usage service_tier obfuscation x_groq usage_breakdown
`)

/** Throws ProblemError when there is no answer in it. */
export function readOpenaiChatAnswer(body: unknown, thinkTags = false): ChatAnswer {
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  const error = body['error']
  const choices = objectsOf(body, 'choices')
  if (error !== undefined && error !== null && choices.length === 0)
    throw new ProblemError(`an error inside a 200: ${messageOf(error)}`)
  if (choices.length === 0) throw new ProblemError('the answer holds no choices')
  const usage = objectOf(body, 'usage') ?? objectOf(choices.at(-1) ?? {}, 'usage')
  const sources = sourcesOf(body)
  const id = stringOf(body, 'id')
  return {
    id: id || null,
    model: stringOf(body, 'model') || null,
    created: numberOf(body, 'created'),
    choices: choices.map((choice, index) => readChoice(choice, index, sources, thinkTags)),
    usage: usage === null ? null : usageOfOpenai(usage),
    rawUsage: usage,
    serviceTier: stringOf(body, 'service_tier'),
    warnings: [],
    ...rawOf(FAMILY, restOf(body, ANSWER_FIELDS)),
  }
}

function readChoice(choice: JsonObject, place: number, sources: readonly Citation[], thinkTags: boolean): ChatChoice {
  const message = objectOf(choice, 'message') ?? {}
  const read = partsOfMessage(message)
  const parts = withSources(thinkTags ? splitThinking(read) : read, sources)
  const logprobs = objectOf(choice, 'logprobs')
  return {
    index: numberOf(choice, 'index') ?? place,
    parts,
    finish: finishWith(finishOfWord(stringOf(choice, 'finish_reason')), parts),
    logprobs: logprobs === null ? null : readLogprobs(logprobs),
  }
}

/** Sources of the whole answer, as Perplexity lists them beside the text: they belong to its last text. */
export function sourcesOf(body: JsonObject): readonly Citation[] {
  const results = objectsOf(body, 'search_results')
  if (results.length > 0) return results.map((result) => source(stringOf(result, 'url'), stringOf(result, 'title')))
  return listOf(body, 'citations').flatMap((url) => (typeof url === 'string' ? [source(url, null)] : []))
}

function source(url: string | null, title: string | null): Citation {
  return { url, title, citedText: null, start: null, end: null }
}

function withSources(parts: readonly Part[], sources: readonly Citation[]): readonly Part[] {
  if (sources.length === 0) return parts
  const last = parts.findLastIndex((part) => part.type === 'text')
  return parts.map((part, index) =>
    index === last && part.type === 'text' ? { ...part, citations: [...(part.citations ?? []), ...sources] } : part,
  )
}

export function readLogprobs(logprobs: JsonObject): readonly TokenLogprob[] {
  return [...objectsOf(logprobs, 'content'), ...objectsOf(logprobs, 'refusal')].map((token) => ({
    ...tokenOf(token),
    top: objectsOf(token, 'top_logprobs').map(tokenOf),
  }))
}

function tokenOf(token: JsonObject): { token: string; logprob: number; bytes: readonly number[] | null } {
  const bytes = token['bytes']
  return {
    token: stringOf(token, 'token') ?? '',
    logprob: numberOf(token, 'logprob') ?? 0,
    bytes: Array.isArray(bytes) ? bytes.filter((byte): byte is number => typeof byte === 'number') : null,
  }
}
