// What the models behind Bedrock's Converse take, by their maker, whose name stands in the model's id.
//
// Ids: `anthropic.claude-…`, with the region of an inference profile before it (`eu.anthropic.claude-…`), or an ARN. An
// application's own inference profile tells no maker: such a model is taken for one that has nothing special.
// Facts as of 2026, from the user guide's pages on each model and on structured output, prompt caching and tool choice.
import type { Family } from '../../core/chat.ts'

export type BedrockModel = {
  readonly maker: 'anthropic' | 'amazon' | 'other'
  /** How JSON of a schema is had: by schema, by a tool that must be called, or by asking for it. */
  readonly json: 'schema' | 'tool' | 'words'
  /** Takes `toolChoice` beside `auto`. */
  readonly toolChoice: boolean
  /** Takes cache points. */
  readonly cache: 'everywhere' | 'messages' | 'none'
  /** Takes `status` of a tool result. */
  readonly toolStatus: boolean
  /** Where `top_k` goes in the model's own fields; null: nowhere. */
  readonly topK: readonly string[] | null
  /** How an effort is told in the model's own fields; null: not at all. */
  readonly effort: 'reasoning_effort' | 'reasoningConfig' | null
  /** Whose thoughts it takes back. Claude's proofs are the same wherever it is called. */
  readonly thoughts: Family
}

const PLAIN: BedrockModel = {
  maker: 'other',
  json: 'words',
  toolChoice: false,
  cache: 'none',
  toolStatus: false,
  topK: null,
  effort: null,
  thoughts: 'bedrock-converse',
}

/** First match counts. */
const MODELS: readonly (readonly [RegExp, BedrockModel])[] = [
  [
    /anthropic\.|claude/,
    {
      ...PLAIN,
      maker: 'anthropic',
      json: 'schema',
      toolChoice: true,
      cache: 'everywhere',
      toolStatus: true,
      topK: ['top_k'],
      thoughts: 'anthropic-messages',
    },
  ],
  [
    /amazon\.nova/,
    {
      ...PLAIN,
      maker: 'amazon',
      json: 'tool',
      toolChoice: true,
      cache: 'messages',
      toolStatus: true,
      topK: ['inferenceConfig', 'topK'],
      effort: 'reasoningConfig',
    },
  ],
  [/openai\.gpt-oss/, { ...PLAIN, json: 'schema', effort: 'reasoning_effort' }],
  [/mistral\./, { ...PLAIN, json: 'schema', toolChoice: true, topK: ['top_k'] }],
  [/(?:qwen|deepseek|google|moonshot|moonshotai|minimax|nvidia|zai)\./, { ...PLAIN, json: 'schema' }],
  [/cohere\./, { ...PLAIN, topK: ['k'] }],
]

export function bedrockModelOf(model: string): BedrockModel {
  return MODELS.find(([pattern]) => pattern.test(model))?.[1] ?? PLAIN
}
