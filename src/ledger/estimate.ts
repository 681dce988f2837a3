// What a request may cost before it is sent: fast, bounded work, meant for reservations and not for bills.
import type { Rates } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import { NO_USAGE, textUsage, type Usage } from '../core/usage.ts'
import { costOf } from './cost.ts'

/** Longer texts are sampled: that many characters are looked at, whatever the length. */
const MAX_LOOKED_AT = 65_536
const SAMPLE = 1_024

/**
 * Tokens of a text, roughly: about 4 small Latin letters each, 2 letters of other alphabets, 1 ideograph, 1–2 digits or
 * marks. Beside the o200k tokenizer: up to a quarter too many for prose, JSON and source code, up to twice as many for other
 * scripts, and a third too few for random text such as base64. Linear in the length up to 64 Ki characters, constant beyond.
 */
export function estimateTokens(text: string): number {
  if (text.length === 0) return 0
  if (text.length <= MAX_LOOKED_AT) return Math.ceil(weigh(text, 0, text.length))
  const samples = MAX_LOOKED_AT / SAMPLE
  const stride = (text.length - SAMPLE) / (samples - 1)
  let weight = 0
  for (let index = 0; index < samples; index++) {
    const start = Math.floor(index * stride)
    weight += weigh(text, start, start + SAMPLE)
  }
  return Math.ceil((weight / MAX_LOOKED_AT) * text.length)
}

/**
 * Hundredths of a token by byte of UTF-8. Capitals weigh more: where they are frequent (base64, identifiers), words are short.
 * A character beyond ASCII counts at its first byte: half a token for alphabets (Latin with marks, Greek, Cyrillic, Arabic, Indic …),
 * one for ideographs and Hangul, two for what takes four bytes (emoji).
 */
const WEIGHTS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0xf0) return 200
  if (byte >= 0xe3) return 100
  if (byte >= 0xc0) return 50
  if (byte >= 0x80) return 0
  const character = String.fromCharCode(byte)
  if (/[a-z]/.test(character)) return 24
  if (/[A-Z]/.test(character)) return 60
  if (/\d/.test(character)) return 65
  return /\s/.test(character) ? 10 : 60
})

const PIECE = 4_096
const UTF8 = new TextEncoder()
/** Bytes of a piece, while they are looked at: bytes are read several times as fast as the characters of a text. */
const BYTES = new Uint8Array(3 * PIECE)

function weigh(text: string, start: number, end: number): number {
  let hundredths = 0
  // A pair that is cut in two weighs as much in halves.
  for (let from = start; from < end; from += PIECE)
    hundredths += weighBytes(UTF8.encodeInto(text.slice(from, Math.min(from + PIECE, end)), BYTES).written)
  return hundredths / 100
}

/** Four sums, as one would have to wait for each addition to end before it begins the next. */
function weighBytes(length: number): number {
  let one = 0
  let two = 0
  let three = 0
  let four = 0
  let at = 0
  for (const whole = length & ~3; at < whole; at += 4) {
    one += WEIGHTS[BYTES[at]!]!
    two += WEIGHTS[BYTES[at + 1]!]!
    three += WEIGHTS[BYTES[at + 2]!]!
    four += WEIGHTS[BYTES[at + 3]!]!
  }
  for (; at < length; at++) one += WEIGHTS[BYTES[at]!]!
  return one + two + three + four
}

/** Tokens of so many characters that nobody reported tokens for. */
export function tokensOf(characters: number): number {
  return Math.ceil(characters / 4)
}

/** Output that is assumed where nothing bounds it. */
export const DEFAULT_OUTPUT_TOKENS = 4_096

/** The most that one answer may use and cost; `maxOutputTokens` of null: nothing bounds it, a usual length is assumed. */
export function worstCase(request: {
  readonly inputTokens: number
  readonly maxOutputTokens: number | null
  readonly rates: Rates
  /** What is billed beside the tokens of text. */
  readonly expected?: Partial<Usage> | undefined
  /** It may write its prompt into the provider's cache, which can be dearer than plain input. */
  readonly writesCache?: boolean
}): { readonly usage: Usage; readonly costNanoUsd: NanoUsd } {
  const output = request.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS
  const text = textUsage(request.inputTokens, output, 1)
  const usage =
    request.expected === undefined
      ? text
      : { ...text, ...request.expected, input: request.inputTokens, output, requests: 1 }
  const dearest = dearestOf(usage, request.rates)
  if (request.writesCache !== true) return { usage, costNanoUsd: dearest }
  const inputCost = costOf(textUsage(request.inputTokens, 0, 0), request.rates)
  const writeCost = costOf({ ...NO_USAGE, cacheWrite1h: request.inputTokens }, request.rates)
  return { usage, costNanoUsd: writeCost > inputCost ? dearest + writeCost - inputCost : dearest }
}

/** Cost of a usage, or what it would be if all of its output turned out to be reasoning, where that is dearer. */
function dearestOf(usage: Usage, rates: Rates): NanoUsd {
  const plain = costOf(usage, rates)
  if (!pricesReasoning(rates)) return plain
  const reasoned = costOf({ ...usage, output: 0, reasoning: usage.output }, rates)
  return plain > reasoned ? plain : reasoned
}

/** Elsewhere a token of reasoning costs what one of output does. */
function pricesReasoning({ reasoning, contextTiers }: Rates): boolean {
  return reasoning !== undefined || (contextTiers?.some((tier) => tier.rates.reasoning !== undefined) ?? false)
}
