// Normal form → whole answer of OpenAI chat completions.
import type { Part } from '../core/chat.ts'
import type { ChatAnswer, ChatChoice, Finish, FinishReason, TokenLogprob } from '../core/chat-answer.ts'
import { fieldsOfParts } from '../core/formats/openai-message.ts'
import type { JsonObject } from '../core/json.ts'
import { namesOf } from '../core/json-read.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import type { Usage } from '../core/usage.ts'
import type { AnswerContext } from './translator.ts'

const FAMILY = 'openai-chat'

/** OpenAI has no word for a paused turn or an unknown end. An answer that a fault cut off is incomplete, as `length` is. */
const FINISH_WORDS: { readonly [reason in FinishReason]: string } = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  content_filter: 'content_filter',
  pause: 'stop',
  error: 'length',
  other: 'stop',
}

export function finishFields(finish: Finish): JsonObject {
  const word = FINISH_WORDS[finish.unified]
  // OpenRouter's field for the provider's own word, where it says more.
  return finish.raw === null || finish.raw === word
    ? { finish_reason: word }
    : { finish_reason: word, native_finish_reason: finish.raw }
}

export function writeOpenaiChatAnswer(answer: ChatAnswer, context: AnswerContext): JsonObject {
  return {
    ...answer.raw?.[FAMILY],
    id: answer.id ?? context.id,
    object: 'chat.completion',
    created: answer.created ?? context.created,
    model: context.model,
    choices: answer.choices.map(choiceJson),
    ...(answer.usage === null ? {} : { usage: usageJson(answer.usage) }),
    ...tierFields(answer.serviceTier),
  }
}

function choiceJson({ index, parts, finish, logprobs }: ChatChoice): JsonObject {
  return {
    index,
    message: messageJson(parts),
    logprobs: logprobs === null ? null : logprobsJson(logprobs),
    ...finishFields(finish),
  }
}

function messageJson(parts: readonly Part[]): JsonObject {
  const fields = fieldsOfParts(parts)
  return {
    role: 'assistant',
    content: fields.content,
    refusal: fields.refusal,
    ...(fields.reasoning === '' ? {} : { reasoning_content: fields.reasoning }),
    ...(fields.details.length === 0 ? {} : { reasoning_details: fields.details }),
    ...(fields.toolCalls.length === 0 ? {} : { tool_calls: fields.toolCalls }),
    ...(fields.annotations.length === 0 ? {} : { annotations: fields.annotations }),
    ...(fields.audio === null ? {} : { audio: fields.audio }),
    ...(fields.images.length === 0 ? {} : { images: fields.images }),
  }
}

export function logprobsJson(tokens: readonly TokenLogprob[]): JsonObject {
  return {
    content: tokens.map(({ token, logprob, bytes, top }) => ({ token, logprob, bytes, top_logprobs: top })),
    refusal: null,
  }
}

const TIERS = namesOf('auto default flex scale priority fast')

/** The tier in OpenAI's words, of which Anthropic's `standard` is `default`; nothing where it has none for it. */
export function tierFields(tier: string | null | undefined): JsonObject {
  const word = tier === 'standard' ? 'default' : tier
  return typeof word === 'string' && TIERS.has(word) ? { service_tier: word } : {}
}

/** Usage in OpenAI's way of counting: `prompt_tokens` includes what was cached, `completion_tokens` includes reasoning. */
export function usageJson(usage: Usage): JsonObject {
  const prompt = inputTokens(usage)
  const completion = outputTokens(usage)
  const cacheWrite = usage.cacheWrite5m + usage.cacheWrite1h
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: usage.cacheRead,
      audio_tokens: usage.audioIn,
      ...(cacheWrite > 0 ? { cache_write_tokens: cacheWrite } : {}),
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: usage.audioOut,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
    ...(usage.searches > 0 ? { num_search_queries: usage.searches } : {}),
  }
}
