// Whether a deployment's model can do what a call asks for, by what is known of it. What is unknown counts as able.
//
// Most calls are settled without reading them: a fact has to speak against the model before a word of the call is looked
// at, then a search of its text tells whether the thing may be in there at all, and only then the call is read.
import type { Call } from '../core/call.ts'
import type { ChatRequest, Part } from '../core/chat.ts'
import { GatewayError } from '../core/error.ts'
import type { Deployment } from '../core/model.ts'
import { type Ability, type ModelFacts, type ModelKind, UNFIT_KINDS } from '../core/model-facts.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { Wire } from '../providers/wire.ts'

export type SuitedFacts = {
  readonly dialect: Dialect
  readonly wire: Wire
  readonly estimateTokens: (text: string) => number
}

type NeededAbility = Exclude<
  Ability,
  'parallel_tools' | 'reasoning' | 'caching' | 'prefill' | 'web_search' | 'computer_use'
>

const LACKS: Readonly<Record<NeededAbility, string>> = {
  tools: 'calls no tools',
  vision: 'reads no images',
  pdf: 'reads no PDF files',
  audio_in: 'hears no audio',
  video_in: 'watches no video',
  audio_out: 'answers with no audio',
  image_out: 'answers with no images',
  json_schema: 'does not answer in JSON of a schema',
}
const NEEDED = Object.keys(LACKS) as readonly NeededAbility[]

/** Whether the text of a call may ask for an ability; a yes is looked into, a no is sure. */
const MAY_NEED: Readonly<Record<NeededAbility, (call: Call) => boolean>> = {
  tools: ({ members }) => members.has('tools') || members.has('functions'),
  vision: ({ text }) => text.includes('image'),
  pdf: ({ text }) => text.includes('pdf'),
  audio_in: ({ text }) => text.includes('audio'),
  video_in: ({ text }) => text.includes('video'),
  audio_out: asksForModalities,
  image_out: asksForModalities,
  json_schema: ({ text }) => text.includes('chema'),
}

function asksForModalities({ members }: Call): boolean {
  return members.has('modalities') || members.has('generationConfig') || members.has('generation_config')
}

const PURPOSES: Readonly<Record<ModelKind, string>> = {
  chat: 'chat',
  completion: 'completions',
  embedding: 'embeddings',
  rerank: 'reranking',
  image: 'images',
  transcription: 'transcription',
  speech: 'speech',
  moderation: 'moderation',
  video: 'video',
  realtime: 'realtime sessions',
}

/** Why a deployment's model certainly cannot serve a call; null when it may. */
export function whyUnsuited({ facts }: Deployment, call: Call, tools: SuitedFacts): string | null {
  const { kind } = facts
  if (kind !== null && UNFIT_KINDS[call.operation]?.has(kind) === true) return `is a model for ${PURPOSES[kind]}`
  if (call.operation !== 'chat' && call.operation !== 'responses') return null
  const missing = missingAbility(facts, call, tools)
  return missing === null ? whyTooLong(facts, call, tools) : LACKS[missing]
}

/** Whether a deployment's model is known to do all that a call asks for: what may be recommended. */
export function isKnownToSuit(deployment: Deployment, call: Call, tools: SuitedFacts): boolean {
  if (whyUnsuited(deployment, call, tools) !== null) return false
  const needs = needsOf(call, tools.dialect)
  // Where it is nothing but long, room has to be known.
  if (needs.size === 0 && deployment.facts.contextTokens === null && deployment.facts.maxInputTokens === null)
    return false
  return [...needs].every((ability) => deployment.facts.abilities[ability] === true || emulates(tools, call, ability))
}

function missingAbility({ abilities }: ModelFacts, call: Call, tools: SuitedFacts): NeededAbility | null {
  for (const ability of NEEDED)
    if (
      abilities[ability] === false &&
      mayNeed(call).has(ability) &&
      needsOf(call, tools.dialect).has(ability) &&
      !emulates(tools, call, ability)
    )
      return ability
  return null
}

/** Where a request is translated, the wire may get by other means what the model has no means of its own for. */
function emulates({ wire }: SuitedFacts, call: Call, ability: Ability): boolean {
  return wire.native[call.dialect] === undefined && wire.chat?.emulates?.includes(ability) === true
}

/** What the text of a call may ask for: looked for once, whatever number of targets there is. */
function mayNeed(call: Call): ReadonlySet<Ability> {
  call.hints ??= new Set(NEEDED.filter((ability) => MAY_NEED[ability](call)))
  return call.hints
}

const NO_NEEDS: ReadonlySet<NeededAbility> = new Set()

/** What a call asks for, read once. What cannot be read is the provider's to judge. */
function needsOf(call: Call, dialect: Dialect): ReadonlySet<NeededAbility> {
  call.needs ??= readNeeds(readable(call, dialect))
  return call.needs as ReadonlySet<NeededAbility>
}

function readable(call: Call, { translator }: Dialect): ChatRequest | null {
  if (call.chat !== null) return call.chat.request
  if (translator === undefined) return null
  try {
    // By itself: what a call goes on from may not be to be had here, and is the target's business.
    const read = translator.readRequest(call.body)
    if (call.history === undefined) call.chat = read
    return read.request
  } catch (error) {
    if (error instanceof GatewayError) return null
    throw error
  }
}

function readNeeds(request: ChatRequest | null): ReadonlySet<NeededAbility> {
  if (request === null) return NO_NEEDS
  const needs = new Set<NeededAbility>()
  if (request.toolChoice?.type !== 'none' && request.tools.some(({ type }) => type !== 'hosted')) needs.add('tools')
  if (request.responseFormat?.type === 'json_schema') needs.add('json_schema')
  if (request.modalities?.includes('audio') === true) needs.add('audio_out')
  if (request.modalities?.includes('image') === true && !request.modalities.includes('text')) needs.add('image_out')
  for (const { parts } of request.messages) addNeeds(parts, needs)
  return needs
}

function addNeeds(parts: readonly Part[], needs: Set<NeededAbility>): void {
  for (const part of parts)
    switch (part.type) {
      case 'image':
        needs.add('vision')
        break
      case 'audio':
        // What a model said before stands there with its transcript, and needs nobody to hear it.
        if (part.transcript === undefined && part.id === undefined) needs.add('audio_in')
        break
      case 'video':
        needs.add('video_in')
        break
      case 'file':
        if (part.source.mediaType === 'application/pdf') needs.add('pdf')
        break
      case 'tool_result':
        addNeeds(part.parts, needs)
        break
      case 'text':
      case 'tool_call':
      case 'reasoning':
      case 'refusal':
      case 'hosted_call':
      case 'opaque':
        break
    }
}

function whyTooLong(facts: ModelFacts, call: Call, tools: SuitedFacts): string | null {
  const { contextTokens, maxInputTokens } = facts
  const window = contextTokens ?? maxInputTokens
  if (window === null) return null
  const most = maxInputTokens === null ? window : Math.min(window, maxInputTokens)
  const output = boundedOutput(facts, window, call.facts.maxOutputTokens)
  // A token has a character at least, and the text of the request is longer than what the model reads of it.
  if (call.text.length <= most && call.text.length + output <= window) return null
  const request = readable(call, tools.dialect)
  if (request === null) return null
  const tokens = leastTokens(wordsOf(request), tools.estimateTokens)
  if (tokens <= most && tokens + output <= window) return null
  return tokens > most
    ? `takes ${most} tokens, and this request has at least ${tokens}`
    : `has a window of ${window} tokens, and this request has at least ${tokens} and asks for ${output} more`
}

/** What an answer may take of the window; a bound as large as the window is none. */
function boundedOutput({ maxOutputTokens }: ModelFacts, window: number, asked: number | null): number {
  if (asked === null || asked >= window) return 0
  return maxOutputTokens === null ? asked : Math.min(asked, maxOutputTokens)
}

/** All that the model reads: pictures and sounds count as nothing. */
function wordsOf({ messages, tools }: ChatRequest): string {
  const words: string[] = []
  const add = (parts: readonly Part[]): void => {
    for (const part of parts) {
      if (part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning') words.push(part.text)
      else if (part.type === 'tool_call') words.push(part.arguments)
      else if (part.type === 'tool_result') add(part.parts)
      else if (part.type === 'file' && part.source.type === 'text') words.push(part.source.text)
    }
  }
  for (const { parts } of messages) add(parts)
  for (const tool of tools)
    if (tool.type === 'function') words.push(tool.description ?? '', JSON.stringify(tool.schema))
  return words.join('\n')
}

// The estimate counts up to a quarter too many tokens in Latin text, and up to twice as many in other scripts.
const LATIN_SHARE = 0.75
const OTHER_SHARE = 0.5
const LOOKED_AT = 2_048

/** Tokens that a text has at the very least. */
function leastTokens(text: string, estimateTokens: (text: string) => number): number {
  const middle = Math.max(0, (text.length - LOOKED_AT) >> 1)
  const sample = text.slice(0, LOOKED_AT) + text.slice(middle, middle + LOOKED_AT) + text.slice(-LOOKED_AT)
  let other = 0
  for (let index = 0; index < sample.length; index++) if (sample.charCodeAt(index) > 0x7f) other++
  return Math.floor(estimateTokens(text) * (other * 20 > sample.length ? OTHER_SHARE : LATIN_SHARE))
}
