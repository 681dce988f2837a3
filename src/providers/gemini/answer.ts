// A whole answer of Gemini's API, as far as the path needs to know it.
import type { Call } from '../../core/call.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { AnswerFacts } from '../wire.ts'
import { blockReasonOf, problemOf } from './chat-answer.ts'
import { searchesOf } from './citations.ts'
import { abilitiesOf } from './models.ts'
import { embeddingUsageOfGemini, usageOfGemini } from './usage.ts'

const NOTHING: Omit<AnswerFacts, 'problem'> = { usage: null, rawUsage: null, finishReason: null, outputCharacters: 0 }

/** Reads usage, finish reason and soundness of a whole answer. */
export function readGeminiFacts(text: string, call: Call): AnswerFacts {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return { ...NOTHING, problem: text.trim() === '' ? 'the answer is empty' : 'the answer is not JSON' }
  }
  if (call.operation === 'count_tokens') return countFacts(body)
  if (call.operation === 'embeddings') return embeddingFacts(body)
  const problem = problemOf(body)
  if (problem !== null || !isObject(body)) return { ...NOTHING, problem }
  const usage = usageIn(body)
  const candidates = objectsOf(body, 'candidates')
  return {
    usage,
    rawUsage: usage === null ? null : JSON.stringify(body['usageMetadata']),
    finishReason: finishIn(body),
    // With usage reported nobody needs the characters.
    outputCharacters: usage === null ? candidates.reduce((sum, candidate) => sum + charactersIn(candidate), 0) : 0,
    problem: null,
  }
}

/** Counting is free, and says nothing of its own use. */
function countFacts(body: unknown): AnswerFacts {
  const isCount = isObject(body) && numberOf(body, 'totalTokens') !== null
  return { ...NOTHING, usage: NO_USAGE, problem: isCount ? null : 'the answer holds no count' }
}

function embeddingFacts(body: unknown): AnswerFacts {
  if (!isObject(body)) return { ...NOTHING, problem: 'the answer is not an object' }
  const isEmpty = objectOf(body, 'embedding') === null && objectsOf(body, 'embeddings').length === 0
  const raw = objectOf(body, 'usageMetadata')
  return {
    ...NOTHING,
    usage: raw === null ? null : embeddingUsageOfGemini(raw),
    rawUsage: raw === null ? null : JSON.stringify(raw),
    problem: isEmpty ? 'the answer holds no data' : null,
  }
}

/** Usage of an answer or a chunk; null when it tells none. */
export function usageIn(body: JsonObject): ReturnType<typeof usageOfGemini> {
  const raw = objectOf(body, 'usageMetadata')
  if (raw === null) return null
  const isBilledEach = abilitiesOf(stringOf(body, 'modelVersion') ?? '').searchesBilledEach
  const searches = objectsOf(body, 'candidates').map((candidate) => searchesOf(candidate, isBilledEach))
  return usageOfGemini(raw, Math.max(0, ...searches))
}

/** How the first candidate ended, or why the prompt was refused. */
export function finishIn(body: JsonObject): string | null {
  return stringOf(objectsOf(body, 'candidates')[0] ?? {}, 'finishReason') ?? blockReasonOf(body)
}

/** Characters of everything in a candidate that a model has produced. */
export function charactersIn(candidate: JsonObject): number {
  let sum = 0
  for (const part of objectsOf(objectOf(candidate, 'content') ?? {}, 'parts')) {
    sum += stringOf(part, 'text')?.length ?? 0
    const call = objectOf(part, 'functionCall')
    if (call !== null)
      sum +=
        (stringOf(call, 'name')?.length ?? 0) + JSON.stringify(call['args'] ?? call['partialArgs'] ?? '').length - 2
  }
  return sum
}
