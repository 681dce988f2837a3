// POST …/moderations: a text is flagged for the plain words that it holds; nothing is understood.
import { type JsonObject, isObject, missing, readString, wrongType } from './check.ts'
import { countTokens } from './tokens.ts'
import type { Reading } from './work.ts'

const CATEGORIES: { readonly [category: string]: RegExp | null } = {
  harassment: /\b(?:idiot|loser)\b/i,
  'harassment/threatening': /\b(?:i will find you)\b/i,
  hate: /\b(?:hate them)\b/i,
  'hate/threatening': null,
  illicit: /\b(?:steal|counterfeit)\b/i,
  'illicit/violent': /\b(?:build a bomb)\b/i,
  'self-harm': /\b(?:hurt myself)\b/i,
  'self-harm/intent': /\b(?:hurt myself)\b/i,
  'self-harm/instructions': null,
  sexual: /\b(?:porn)\b/i,
  'sexual/minors': null,
  violence: /\b(?:kill|stab|shoot)\b/i,
  'violence/graphic': /\b(?:bloody)\b/i,
}
const NAMES = Object.keys(CATEGORIES)
const FLAGGED_SCORE = 0.92
const PLAIN_SCORE = 0.0001
const DEFAULT_MODEL = 'moderate'

export function readModeration(body: JsonObject): Reading {
  const inputs = inputsOf(body['input'] ?? null)
  return {
    model: readString(body, 'model') ?? DEFAULT_MODEL,
    stream: false,
    promptTokens: inputs.reduce((sum, { text }) => sum + countTokens(text), 0),
    question: inputs.at(-1)?.text ?? '',
    answer: ({ id, model }) => ({
      stream: false,
      body: JSON.stringify({ id, model, results: inputs.map(resultOf) }),
      events: null,
      tokens: 0,
    }),
  }
}

type Input = { readonly text: string; readonly hasImage: boolean }

/** A text, several, or the parts of one question. */
function inputsOf(input: unknown): readonly Input[] {
  if (input === null) throw missing('input')
  if (typeof input === 'string') return [{ text: input, hasImage: false }]
  if (!Array.isArray(input) || input.length === 0) throw wrongType('input', 'a string or an array', input)
  const list = input as readonly unknown[]
  if (list.every((one) => typeof one === 'string')) return list.map((text) => ({ text, hasImage: false }))
  const texts = list.map((one, index) => {
    if (!isObject(one)) throw wrongType(`input[${index}]`, 'an object', one)
    return typeof one['text'] === 'string' ? one['text'] : ''
  })
  return [{ text: texts.join('\n'), hasImage: list.some((one) => isObject(one) && one['type'] === 'image_url') }]
}

function resultOf({ text, hasImage }: Input) {
  const hits = new Map(NAMES.map((name) => [name, CATEGORIES[name]?.test(text) === true]))
  const each = <T>(value: (name: string) => T): Record<string, T> =>
    Object.fromEntries(NAMES.map((name) => [name, value(name)]))
  return {
    flagged: [...hits.values()].includes(true),
    categories: each((name) => hits.get(name) === true),
    category_scores: each((name) => (hits.get(name) === true ? FLAGGED_SCORE : PLAIN_SCORE)),
    category_applied_input_types: each(() => (hasImage ? ['text', 'image'] : ['text'])),
  }
}
