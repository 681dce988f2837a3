// POST …/completions: the older wire, one text for each prompt.
import { beforeStop, type TokenCount } from './answer.ts'
import { type Heading, usageJson } from './chat-wire.ts'
import {
  checkSampling,
  type JsonObject,
  missing,
  readBoolean,
  readInteger,
  readModel,
  readStop,
  readStream,
  wrongType,
} from './check.ts'
import type { SimulatedModel } from './model.ts'
import { type StreamedAnswer, sse } from './play.ts'
import { prose } from './prose.ts'
import { lognormal, randomOf } from './random.ts'
import { type Script, withoutDirective } from './script.ts'
import { countTokens, cutToTokens, tokensOf } from './tokens.ts'

/** Text, or tokens that the caller has already counted. */
export type Prompt = { readonly text: string; readonly tokens: number }

export type CompletionRequest = {
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly n: number
  readonly maxTokens: number
  readonly echo: boolean
  readonly stop: readonly string[]
  readonly prompts: readonly Prompt[]
  readonly promptTokens: number
  readonly question: string
}

export type CompletionChoice = { readonly text: string; readonly echoed: string; readonly finish: 'stop' | 'length' }

// OpenAI's default, which surprises everybody once.
const DEFAULT_MAX_TOKENS = 16

export function readCompletion(body: JsonObject): CompletionRequest {
  const model = readModel(body)
  const written = body['prompt'] ?? null
  if (written === null) throw missing('prompt')
  const prompts = readPrompts(written, 'prompt')
  checkSampling(body)
  return {
    model,
    ...readStream(body),
    n: readInteger(body, 'n', { min: 1, max: 128 }) ?? 1,
    maxTokens: readInteger(body, 'max_tokens', { min: 1 }) ?? DEFAULT_MAX_TOKENS,
    echo: readBoolean(body, 'echo') ?? false,
    stop: readStop(body),
    prompts,
    promptTokens: prompts.reduce((sum, prompt) => sum + prompt.tokens, 0),
    question: prompts.at(-1)?.text ?? '',
  }
}

/** A text, texts, one list of tokens, or several: the four shapes that OpenAI takes for `prompt` and `input`. */
export function readPrompts(value: unknown, path: string): readonly Prompt[] {
  const expected = 'one of a string, array of strings, array of integers, or array of integer arrays'
  if (typeof value === 'string') return [{ text: value, tokens: countTokens(value) }]
  if (!Array.isArray(value) || value.length === 0) throw wrongType(path, expected, value)
  const items = value as readonly unknown[]
  if (items.every(Number.isInteger)) return [{ text: items.join(' '), tokens: items.length }]
  return items.map((item, index) => {
    if (typeof item === 'string') return { text: item, tokens: countTokens(item) }
    if (Array.isArray(item) && item.length > 0 && item.every(Number.isInteger))
      return { text: item.join(' '), tokens: item.length }
    throw wrongType(`${path}[${index}]`, 'one of a string or array of integers', item)
  })
}

export function completionChoices(
  request: CompletionRequest,
  model: SimulatedModel,
  script: Script,
  seeds: readonly (string | number)[],
): CompletionChoice[] {
  return request.prompts.flatMap((prompt, position) =>
    Array.from({ length: request.n }, (_, index) => {
      const random = randomOf(...seeds, position, index)
      const question = withoutDirective(prompt.text)
      const tokens = script.tokens ?? Math.max(1, Math.round(lognormal(random, model.outputTokens)))
      const limit = Math.min(request.maxTokens, Math.max(1, model.context - request.promptTokens))
      const full = script.output ?? prose(random, question, Math.min(tokens, limit + 1), script.tokens !== null)
      const stopped = beforeStop(full, request.stop)
      const text = cutToTokens(stopped, limit)
      return { text, echoed: request.echo ? prompt.text : '', finish: text === stopped ? 'stop' : 'length' }
    }),
  )
}

export function countCompletion(request: CompletionRequest, choices: readonly CompletionChoice[]): TokenCount {
  const completion = choices.reduce((sum, choice) => sum + countTokens(choice.text), 0)
  return { prompt: request.promptTokens, completion, reasoning: 0 }
}

export function completionBody(
  { id, createdS, model }: Heading,
  choices: readonly CompletionChoice[],
  tokens: TokenCount,
): string {
  return JSON.stringify({
    id,
    object: 'text_completion',
    created: createdS,
    model,
    choices: choices.map((choice, index) => ({
      index,
      text: choice.echoed + choice.text,
      logprobs: null,
      finish_reason: choice.finish,
    })),
    usage: usageJson(tokens),
  })
}

export function completionEvents(
  { id, createdS, model }: Heading,
  choices: readonly CompletionChoice[],
  tokens: TokenCount,
  includeUsage: boolean,
): StreamedAnswer {
  const head = { id, object: 'text_completion', created: createdS, model }
  const event = (index: number, text: string, finish: string | null) =>
    sse(
      JSON.stringify({
        ...head,
        choices: [{ index, text, logprobs: null, finish_reason: finish }],
        ...(includeUsage && { usage: null }),
      }),
    )
  const pieces = choices.map((choice) => tokensOf(choice.text))
  const length = Math.max(...pieces.map((list) => list.length))
  return {
    // This wire has no role event; an echoed prompt comes first.
    opening: choices.flatMap((choice, index) => (choice.echoed === '' ? [] : [event(index, choice.echoed, null)])),
    steps: Array.from({ length }, (_, step) =>
      pieces.flatMap((list, index) => (list[step] === undefined ? [] : [event(index, list[step], null)])),
    ),
    closing: [
      ...choices.map((choice, index) => event(index, '', choice.finish)),
      ...(includeUsage ? [sse(JSON.stringify({ ...head, choices: [], usage: usageJson(tokens) }))] : []),
      sse('[DONE]'),
    ],
  }
}
