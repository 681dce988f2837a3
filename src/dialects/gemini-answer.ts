// Normal form → whole answer of Gemini's generateContent.
import type { Part } from '../core/chat.ts'
import type { ChatAnswer, ChatChoice, Finish, FinishReason, TokenLogprob } from '../core/chat-answer.ts'
import { contentParts, isMadeId } from '../core/formats/gemini-parts.ts'
import type { PartWriting } from '../core/formats/gemini-parts.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { namesOf, objectOf, stringOf } from '../core/json-read.ts'
import { inputTokens } from '../core/usage.ts'
import type { Usage } from '../core/usage.ts'
import { groundingOf, placed } from './gemini-grounding.ts'
import type { PlacedCitation } from './gemini-grounding.ts'
import type { AnswerContext } from './translator.ts'

const FAMILY = 'gemini'

/** Calls end with STOP here, too. */
const FINISH_WORDS: { readonly [reason in FinishReason]: string } = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  tool_calls: 'STOP',
  content_filter: 'SAFETY',
  pause: 'STOP',
  error: 'OTHER',
  other: 'OTHER',
}

/** Words that say more than the unified reason, and are this dialect's own. */
const OWN_WORDS = namesOf(`
  STOP MAX_TOKENS SAFETY RECITATION LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII MALFORMED_FUNCTION_CALL
  MALFORMED_RESPONSE MODEL_ARMOR IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION IMAGE_OTHER NO_IMAGE
  UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE FINISH_REASON_UNSPECIFIED
`)

/** Ids that were made for calls without one are the gateway's own business. */
export const ANSWER_WRITING: PartWriting = { idOf: (id) => (isMadeId(id) ? null : id), foreignThoughts: true }

export function writeGeminiAnswer(answer: ChatAnswer, context: AnswerContext): JsonObject {
  const own = answer.raw?.[FAMILY]
  const isBlocked = isBlockedPrompt(own)
  return {
    ...(isBlocked ? {} : { candidates: answer.choices.map(candidateJson) }),
    ...own,
    ...headOf(answer.id, answer.created, context),
    ...(answer.usage === null ? {} : { usageMetadata: usageJson(answer.usage, answer.serviceTier) }),
  }
}

/** A prompt that was refused has no candidates. */
export function isBlockedPrompt(own: JsonObject | undefined): boolean {
  return own !== undefined && stringOf(objectOf(own, 'promptFeedback') ?? {}, 'blockReason') !== null
}

export function headOf(id: string | null, created: number | null, context: AnswerContext): JsonObject {
  return {
    modelVersion: context.model,
    createTime: new Date((created ?? context.created) * 1000).toISOString(),
    responseId: id ?? context.id,
  }
}

function candidateJson({ index, parts, finish, logprobs }: ChatChoice): JsonObject {
  const content = { parts: contentParts(parts.map(told), ANSWER_WRITING), role: 'model' }
  return {
    content,
    ...finishFields(finish),
    index,
    ...groundingFields(finish, ...citationsIn(parts)),
    ...(logprobs === null ? {} : { logprobsResult: logprobsJson(logprobs) }),
  }
}

/** Sound of others comes with its words; where there is none, they are the answer. */
function told(part: Part): Part {
  if (part.type !== 'audio' || part.source.type !== 'inline' || part.source.data !== '') return part
  return { type: 'text', text: part.transcript ?? '' }
}

function citationsIn(parts: readonly Part[]): [text: string, citations: readonly PlacedCitation[]] {
  let text = ''
  const citations: PlacedCitation[] = []
  for (const part of parts) {
    if (part.type !== 'text') continue
    const from = text.length
    text += part.text
    for (const citation of part.citations ?? []) citations.push(placed(citation, from, text.length))
  }
  return [text, citations]
}

/** Gemini's own metadata says more than what can be made of citations. */
export function groundingFields(finish: Finish, text: string, citations: readonly PlacedCitation[]): JsonObject {
  const own = finish.details?.[FAMILY] ?? {}
  if (own['groundingMetadata'] !== undefined || own['citationMetadata'] !== undefined) return {}
  const grounding = groundingOf(text, citations)
  return grounding === null ? {} : { groundingMetadata: grounding }
}

export function finishFields({ unified, raw, details }: Finish): JsonObject {
  return {
    finishReason: raw !== null && OWN_WORDS.has(raw) ? raw : FINISH_WORDS[unified],
    ...details?.[FAMILY],
  }
}

export function logprobsJson(tokens: readonly TokenLogprob[]): JsonObject {
  const one = ({ token, logprob }: Pick<TokenLogprob, 'token' | 'logprob'>): JsonObject => ({
    token,
    logProbability: logprob,
  })
  return {
    topCandidates: tokens.map(({ top }) => ({ candidates: top.map(one) })),
    chosenCandidates: tokens.map(one),
  }
}

/** Usage in Gemini's way of counting: the prompt includes what was cached, the answer includes no thoughts. */
export function usageJson(usage: Usage, serviceTier: string | null): JsonObject {
  const prompt = inputTokens(usage)
  const answer = usage.output + usage.audioOut + usage.imageOut
  return {
    promptTokenCount: prompt,
    ...(usage.cacheRead > 0 ? { cachedContentTokenCount: usage.cacheRead } : {}),
    candidatesTokenCount: answer,
    ...(usage.reasoning > 0 ? { thoughtsTokenCount: usage.reasoning } : {}),
    totalTokenCount: prompt + answer + usage.reasoning,
    promptTokensDetails: detailsOf(prompt - usage.audioIn - usage.imageIn - usage.video, {
      AUDIO: usage.audioIn,
      IMAGE: usage.imageIn,
      VIDEO: usage.video,
    }),
    candidatesTokensDetails: detailsOf(usage.output, { AUDIO: usage.audioOut, IMAGE: usage.imageOut }),
    ...(serviceTier === null ? {} : { serviceTier: serviceTier === 'default' ? 'standard' : serviceTier }),
  }
}

function detailsOf(text: number, others: { readonly [modality: string]: number }): readonly JsonValue[] {
  return Object.entries({ TEXT: text, ...others }).flatMap(([modality, tokenCount]) =>
    tokenCount > 0 ? [{ modality, tokenCount }] : [],
  )
}
