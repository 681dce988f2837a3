// Reads what an answer used out of its bytes while they pass, whatever API it is of: the shapes of usage that are known,
// in a whole JSON answer and in the events of a stream. What it cannot read it leaves alone: the bytes go on all the same.
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { numberOf, objectOf, stringOf } from '../core/json-read.ts'
import { NO_USAGE } from '../core/usage.ts'
import type { Usage } from '../core/usage.ts'
import { mergeUsage, usageOfAnthropic } from '../providers/anthropic/usage.ts'
import { usageOfBedrock } from '../providers/bedrock/usage.ts'
import { usageOfCohere } from '../providers/cohere/usage.ts'
import { createFraming } from '../providers/framing.ts'
import type { FramedBatch, Framing, FramingKind } from '../providers/framing.ts'
import { usageOfGemini } from '../providers/gemini/usage.ts'
import { usageOfResponses } from '../providers/openai/responses-answer.ts'
import { usageOfOpenai } from '../providers/openai/usage.ts'

export interface UsageScan {
  push(bytes: Uint8Array): void
  /** The bytes are over. */
  end(): void
  /** Null where nothing that is known was found. */
  readonly usage: Usage | null
  /** As the provider wrote it, JSON text. */
  readonly rawUsage: string | null
  /** What an estimate is made from: of a stream about four for each event, of a whole answer its length. */
  readonly outputCharacters: number
}

const FRAMINGS: Readonly<Record<string, FramingKind>> = {
  'text/event-stream': 'sse',
  'application/vnd.amazon.eventstream': 'aws-event-stream',
  'application/x-ndjson': 'json-lines',
  'application/stream+json': 'json-lines',
}
/** A whole answer that is longer than this is not held to be read, nor an event. */
const MOST_BYTES = 8 * 1024 * 1024
/** A token, which is what most hosts send in an event. */
const CHARACTERS_AN_EVENT = 4

/** @param contentType of the answer */
export function createUsageScan(contentType: string | null): UsageScan {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  const kind = FRAMINGS[type]
  if (kind !== undefined) return scanEvents(createFraming(kind, MOST_BYTES))
  return type === 'application/json' || type.endsWith('+json') ? scanWhole() : NOTHING
}

const NOTHING: UsageScan = { push: () => {}, end: () => {}, usage: null, rawUsage: null, outputCharacters: 0 }

function scanWhole(): UsageScan {
  let pieces: Uint8Array[] | null = []
  let size = 0
  let raw: JsonObject | null = null
  return {
    push(bytes) {
      size += bytes.length
      if (size > MOST_BYTES) pieces = null
      else pieces?.push(bytes)
    },
    end() {
      if (pieces === null) return
      const value = parse(Buffer.concat(pieces, size).toString('utf8'))
      pieces = null
      // A stream of Gemini's as one JSON array: the last element counts.
      const list: readonly unknown[] = Array.isArray(value) ? value : [value]
      for (const one of list) if (isObject(one)) raw = usageIn(one) ?? raw
    },
    get usage() {
      return raw === null ? null : readUsage(raw)
    },
    get rawUsage() {
      return raw === null ? null : JSON.stringify(raw)
    },
    get outputCharacters() {
      return size
    },
  }
}

function scanEvents(framing: Framing): UsageScan {
  let raw: JsonObject | null = null
  let isLost = false
  let events = 0
  const take = (batch: FramedBatch | null): void => {
    for (const { data } of batch?.events ?? []) {
      events++
      // Nearly all events are text: they are not parsed.
      if (!/usage|billed_units/i.test(data)) continue
      const event = parse(data)
      const found = isObject(event) ? usageIn(event) : null
      // A start tells what went in, an end what came out.
      if (found !== null) raw = mergeUsage(raw, found)
    }
  }
  const careful = (next: () => FramedBatch | null): void => {
    if (isLost) return
    try {
      take(next())
    } catch {
      // No stream of this kind after all, or an event that is too large to be held.
      isLost = true
    }
  }
  return {
    push: (bytes) => careful(() => framing.push(bytes)),
    end: () => careful(() => framing.finish()),
    get usage() {
      return raw === null ? null : readUsage(raw)
    },
    get rawUsage() {
      return raw === null ? null : JSON.stringify(raw)
    },
    get outputCharacters() {
      return events * CHARACTERS_AN_EVENT
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The usage object of an answer or an event, where APIs put it: never inside of what a model wrote. */
function usageIn(value: JsonObject): JsonObject | null {
  return (
    objectOf(value, 'usage') ??
    objectOf(value, 'usageMetadata') ??
    billed(objectOf(value, 'meta')) ??
    usageOfPart(value, 'message') ??
    usageOfPart(value, 'response') ??
    usageOfPart(value, 'delta')
  )
}

function usageOfPart(value: JsonObject, name: string): JsonObject | null {
  const part = objectOf(value, name)
  return part === null ? null : objectOf(part, 'usage')
}

function billed(meta: JsonObject | null): JsonObject | null {
  return meta !== null && objectOf(meta, 'billed_units') !== null ? meta : null
}

type Shape = { readonly fits: (raw: JsonObject) => boolean; readonly read: (raw: JsonObject) => Usage | null }

const has =
  (...names: readonly string[]) =>
  (raw: JsonObject): boolean =>
    names.some((name) => raw[name] !== undefined)

/** The first that fits reads. */
const SHAPES: readonly Shape[] = [
  { fits: has('promptTokenCount', 'totalTokenCount'), read: (raw) => usageOfGemini(raw) },
  { fits: has('billed_units'), read: usageOfCohere },
  { fits: has('prompt_tokens', 'completion_tokens'), read: usageOfOpenai },
  { fits: has('inputTokens', 'outputTokens'), read: usageOfBedrock },
  // OpenAI's Responses count what was cached into the input, and tell a total; Anthropic's messages do neither.
  {
    fits: (raw) => has('input_tokens')(raw) && has('total_tokens', 'input_tokens_details')(raw),
    read: (raw) => usageOfResponses(raw, 0),
  },
  { fits: has('input_tokens', 'output_tokens'), read: usageOfAnthropic },
  {
    fits: (raw) => stringOf(raw, 'type') === 'duration',
    read: (raw) => ({ ...NO_USAGE, seconds: Math.max(0, numberOf(raw, 'seconds') ?? 0), requests: 1 }),
  },
  {
    fits: has('total_tokens'),
    read: (raw) => ({ ...NO_USAGE, input: Math.max(0, numberOf(raw, 'total_tokens') ?? 0), requests: 1 }),
  },
]

function readUsage(raw: JsonObject): Usage | null {
  return SHAPES.find(({ fits }) => fits(raw))?.read(raw) ?? null
}
