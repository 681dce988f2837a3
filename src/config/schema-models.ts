// `providers.<name>.models` of the file: what an operator says of a model.
import { ABILITIES, type Abilities, type Ability, MODEL_KINDS, type ModelKind } from '../core/model-facts.ts'
import { choice, type Field, flag, integer, leaf, section, text } from './fields.ts'
import { type PriceConfig, prices } from './schema-prices.ts'

export type ModelConfig = {
  readonly maker?: string
  readonly kind?: ModelKind
  readonly responsesOnly?: boolean
  readonly title?: string
  /** Tokens in and out together. */
  readonly context?: number
  /** Tokens of one answer. */
  readonly maxOutput?: number
  readonly abilities?: Abilities
  /** Days, `2026-11-28`. */
  readonly releasedOn?: string
  readonly retiredOn?: string
  readonly successor?: string
  readonly quantization?: string
  /** Share of its answers that are believed to be acceptable before any was judged, 0–1. */
  readonly quality?: number
  readonly price?: PriceConfig
  /** Read by the simulator, and checked there. */
  readonly simulate?: Readonly<Record<string, unknown>>
}

const ABILITY_WORDS: Readonly<Record<Ability, string>> = {
  tools: 'Calls the caller’s tools.',
  parallel_tools: 'Calls several tools at once.',
  vision: 'Reads images.',
  pdf: 'Reads PDF files.',
  audio_in: 'Listens to audio.',
  video_in: 'Watches video.',
  audio_out: 'Answers with audio.',
  image_out: 'Answers with images.',
  json_schema: 'Answers in JSON of a schema.',
  reasoning: 'Thinks before it answers.',
  caching: 'Has a cache of prompts.',
  prefill: 'Goes on from the beginning of an answer.',
  web_search: 'Searches the web by itself.',
  computer_use: 'Uses a computer.',
}

const abilities: Field<Abilities> = section<Abilities>(
  {
    description:
      'What the model can do, where the catalogue does not know it or is wrong. A request that needs what is `false` goes to another target; what is not said counts as able.',
  },
  Object.fromEntries(ABILITIES.map((ability) => [ability, flag({ description: ABILITY_WORDS[ability] })])) as Record<
    Ability,
    Field<boolean>
  >,
  { optional: true },
)

function day(description: string): Field<string> {
  return text({ description, kind: 'day', expected: 'a day such as 2026-11-28' }, undefined, (value) =>
    /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : null,
  )
}

/** One model of a provider. */
export const model = section<ModelConfig>(
  { description: 'What is known about one model, beyond the bundled catalogue.' },
  {
    context: integer(
      {
        description: 'Context window in tokens, input and output together.',
        synonyms: ['context_window', 'context_length'],
      },
      { min: 1, max: 1_000_000_000 },
    ),
    maxOutput: integer(
      { description: 'Most tokens of one answer.', synonyms: ['max_output_tokens', 'max_tokens'] },
      { min: 1, max: 1_000_000_000 },
    ),
    kind: choice({ description: 'What the model is for.' }, MODEL_KINDS),
    responsesOnly: flag({
      description: 'Whether the provider serves it by OpenAI’s Responses only: chats of every format go there.',
    }),
    abilities,
    title: text({ description: 'Its name as people know it.', kind: 'text' }),
    maker: text({ description: 'Whose model it is, such as `mistral`.', kind: 'name' }),
    releasedOn: day('The day it came.'),
    retiredOn: day('The day from which it is served no more: answers carry a warning.'),
    successor: text({ description: 'The model that takes its place, for that warning.', kind: 'model id' }),
    quantization: text({
      description: 'How its weights are stored, such as `fp8`, for callers that ask for it (`provider.quantizations`).',
      kind: 'word',
    }),
    quality: leaf(
      {
        description:
          'The share of its answers that you believe to be acceptable, before any of them was judged: counts as much as eight judged answers, and takes the place of published benchmarks.',
        kind: 'number',
        range: '0 to 1',
      },
      (value) =>
        typeof value === 'number' && value >= 0 && value <= 1
          ? { value }
          : { expected: 'a number from 0 to 1, such as 0.85' },
    ),
    price: prices,
    simulate: leaf(
      { description: 'Behaviour of a simulated model; other providers ignore it.', kind: 'mapping' },
      (value) =>
        typeof value === 'object' && value !== null && !Array.isArray(value)
          ? { value: value as Readonly<Record<string, unknown>> }
          : { expected: 'a mapping' },
    ),
  },
  { optional: true },
)
