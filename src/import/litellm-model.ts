// What an entry of `model_list` says of its model (`model_info`, and prices among `litellm_params`) → `providers.….models.…`.
import type { ModelKind } from '../core/model-facts.ts'
import type { UsageUnit } from '../core/usage.ts'
import type { Path } from '../config/problem.ts'
import { LITELLM_ABILITIES } from '../models/litellm-abilities.ts'
import { perMillion } from './amounts.ts'
import type { FileNotes } from './finding.ts'
import { countOf, mappingOf } from './litellm-values.ts'
import { rowOf } from './table.ts'

const KINDS: Readonly<Record<string, ModelKind>> = {
  chat: 'chat',
  responses: 'chat',
  completion: 'completion',
  embedding: 'embedding',
  rerank: 'rerank',
  image_generation: 'image',
  audio_transcription: 'transcription',
  audio_speech: 'speech',
  moderation: 'moderation',
  moderations: 'moderation',
  video_generation: 'video',
  realtime: 'realtime',
}

/** Names of the file (`cache_read`) for what they cost a token. */
const PRICE_FIELDS: Readonly<Record<string, Lowercase<string>>> = {
  input_cost_per_token: 'input',
  output_cost_per_token: 'output',
  cache_read_input_token_cost: 'cache_read',
  cache_creation_input_token_cost: 'cache_write',
  output_cost_per_reasoning_token: 'reasoning',
  input_cost_per_audio_token: 'audio_in',
  output_cost_per_audio_token: 'audio_out',
} satisfies Record<string, Lowercase<UsageUnit> | 'cache_read' | 'cache_write' | 'audio_in' | 'audio_out'>

/** Fields that say nothing about how a request is answered. */
const NAMES_ONLY = new Set(['id', 'db_model', 'description', 'created_at', 'updated_at', 'created_by', 'updated_by'])

export type ModelFacts = { readonly facts: Readonly<Record<string, unknown>>; readonly claimed: ReadonlySet<string> }

/** Reads prices wherever they stand. `claimed`: names of `litellm_params` that were prices. */
export function litellmModel(
  entry: {
    readonly path: Path
    readonly params: Readonly<Record<string, unknown>>
    readonly info: Readonly<Record<string, unknown>>
  },
  notes: FileNotes,
): ModelFacts {
  const { path, params, info } = entry
  const facts: Record<string, unknown> = {}
  const price: Record<string, string> = {}
  const abilities: Record<string, boolean> = {}
  const claimed = new Set<string>()
  const priceAt = (at: Path, name: string, value: unknown): boolean => {
    const unit = rowOf(PRICE_FIELDS, name)
    if (unit === undefined) return false
    const dollars = perMillion(value)
    if (dollars === null)
      notes.dropped(at, 'no price that can be counted in: expected dollars for one token, from 0, not finer than 1e-18')
    else {
      price[unit] = dollars
      notes.carried(at, `price: ${dollars} dollars per million`)
    }
    return true
  }
  for (const [name, value] of Object.entries(params))
    if (priceAt([...path, 'litellm_params', name], name, value)) claimed.add(name)
  for (const [name, value] of Object.entries(info)) {
    const at = [...path, 'model_info', name]
    const ability = rowOf(LITELLM_ABILITIES, name)
    if (priceAt(at, name, value)) continue
    if (ability !== undefined && typeof value === 'boolean') {
      abilities[ability] = value
      notes.carried(at, `abilities.${ability}`)
    } else readFact(name, value, at, facts, notes)
  }
  if (Object.keys(abilities).length > 0) facts['abilities'] = abilities
  if (Object.keys(price).length > 0) facts['price'] = price
  return { facts, claimed }
}

function readFact(name: string, value: unknown, at: Path, facts: Record<string, unknown>, notes: FileNotes): void {
  const tokens = countOf(value)
  const kind = name === 'mode' ? rowOf(KINDS, String(value)) : undefined
  if (name === 'max_input_tokens' && tokens !== null) {
    facts['context'] = tokens
    notes.carried(at, 'context window')
  } else if ((name === 'max_output_tokens' || name === 'max_tokens') && tokens !== null) {
    facts['max_output'] ??= tokens
    notes.carried(at, 'longest answer')
  } else if (kind !== undefined) {
    facts['kind'] = kind
    notes.carried(at, `kind: ${kind}`)
  } else if (name === 'base_model')
    notes.changed(at, 'a model of this name is not looked up: where its price is not known, set it with `price`')
  else if (NAMES_ONLY.has(name)) notes.dropped(at, 'names the entry only')
}

/** What both say of one model of one provider; null: they contradict each other. */
export function joinedFacts(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | null {
  const joined: Record<string, unknown> = { ...one }
  for (const [name, value] of Object.entries(other)) {
    if (Object.hasOwn(joined, name) && JSON.stringify(joined[name]) !== JSON.stringify(value)) return null
    joined[name] = value
  }
  return joined
}

/** The entry's `model_info`, if it is a mapping. */
export function infoOf(entry: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return mappingOf(entry['model_info'])
}
