// Normal form → request to an API of somebody's own, by the template of its configuration.
import { foreignFields, textOf } from '../../core/chat.ts'
import type { ChatMessage, ChatRequest, Part } from '../../core/chat.ts'
import type { CustomFormat, CustomPlaceholder } from '../../core/custom-format.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { fillTemplate, fillText, placeholdersOf } from '../../core/template.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { WriteContext, WrittenRequest } from '../chat-codec.ts'

type Has = (request: ChatRequest) => boolean

/** What is only a nuance, by the placeholder that would tell it; without one it is left out. */
const NUANCES: Readonly<Record<string, Has>> = {
  max_tokens: ({ maxOutputTokens }) => maxOutputTokens !== undefined,
  temperature: ({ sampling }) => sampling.temperature !== undefined,
  top_p: ({ sampling }) => sampling.topP !== undefined,
  top_k: ({ sampling }) => sampling.topK !== undefined,
  seed: ({ sampling }) => sampling.seed !== undefined,
  frequency_penalty: ({ sampling }) => sampling.frequencyPenalty !== undefined,
  presence_penalty: ({ sampling }) => sampling.presencePenalty !== undefined,
  reasoning_effort: ({ reasoning }) => reasoning?.effort !== undefined || reasoning?.budgetTokens !== undefined,
  user: ({ user }) => user !== undefined,
  logit_bias: ({ sampling }) => Object.keys(sampling.logitBias ?? {}).length > 0,
  verbosity: ({ verbosity }) => verbosity !== undefined,
  metadata: ({ metadata }) => Object.keys(metadata ?? {}).length > 0,
  service_tier: ({ serviceTier }) => serviceTier !== undefined && serviceTier !== 'auto',
}

const REFUSED: readonly (readonly [sentence: string, has: Has])[] = [
  [
    'This provider calls no tools.',
    ({ tools, toolChoice, messages }) =>
      (toolChoice?.type !== 'none' && tools.length > 0) || messages.some(({ parts }) => parts.some(isOfTools)),
  ],
  ['`n` above 1 is not possible: this provider gives one choice.', ({ sampling }) => (sampling.n ?? 1) > 1],
  ['`logprobs` are not given by this provider.', ({ sampling }) => sampling.logprobs === true],
  ['Only text comes out of this provider.', ({ modalities }) => modalities?.some((kind) => kind !== 'text') ?? false],
  ['Only text goes into this provider.', ({ messages }) => messages.some(({ parts }) => parts.some(isMedia))],
]

/** What would change the answer, by the placeholder that would tell it. */
const NEEDED: readonly (readonly [placeholder: CustomPlaceholder, sentence: string, has: Has])[] = [
  ['stop', 'This provider has no stop sequences.', ({ sampling }) => (sampling.stop?.length ?? 0) > 0],
  [
    'response_schema',
    'This provider has no structured output.',
    ({ responseFormat }) => responseFormat !== undefined && responseFormat.type !== 'text',
  ],
]

function isOfTools({ type }: Part): boolean {
  return type === 'tool_call' || type === 'tool_result' || type === 'hosted_call'
}

/** A document of plain text is as good as its text. */
function isMedia(part: Part): boolean {
  return 'source' in part && part.source.type !== 'text'
}

/** Throws when the provider has no description: its configuration sees to that. */
export function customFormatOf({ quirks }: Pick<WriteContext, 'quirks'>): CustomFormat {
  if (quirks.custom === undefined) throw new Error('a custom provider without its description')
  return quirks.custom
}

export function writeCustomRequest(request: ChatRequest, context: WriteContext): WrittenRequest {
  const format = customFormatOf(context)
  const named = placeholdersOf([format.body, format.headers])
  const warnings = foreignFields(request.raw, 'custom').map((field) => `\`${field}\` is left out.`)
  for (const [name, has] of Object.entries(NUANCES))
    if (!named.has(name) && has(request)) warnings.push(`\`${name}\` is left out.`)
  const refusals = REFUSED.flatMap(([sentence, has]) => (has(request) ? [sentence] : []))
  for (const [name, sentence, has] of NEEDED) if (!named.has(name) && has(request)) refusals.push(sentence)
  const values = valuesOf(request, context, format, named)
  const headers = Object.fromEntries(
    Object.entries(format.headers).map(([name, template]) => [name, fillText(template, values, headerText)]),
  )
  return {
    body: (fillTemplate(format.body, values) ?? {}) as JsonObject,
    headers,
    warnings,
    refusals,
    reading: { ...PLAIN_READING, custom: format },
  }
}

/** What a header can carry: anything else could begin another one. */
function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?')
}

function valuesOf(
  request: ChatRequest,
  { model, stream, maxOutputTokens: most }: WriteContext,
  format: CustomFormat,
  named: ReadonlySet<string>,
): { readonly [name in CustomPlaceholder]: JsonValue | undefined } {
  const { messages, sampling, reasoning, responseFormat, user, maxOutputTokens } = request
  const system = messages.filter(isInstruction).map(({ parts }) => wordsOf(parts))
  const lastUser = messages.findLast(({ role }) => role === 'user')
  return {
    model,
    // Where instructions have a place of their own, they do not stand among the messages too.
    messages: (named.has('system') ? messages.filter((message) => !isInstruction(message)) : messages).map((message) =>
      messageJson(message, format),
    ),
    system: system.length === 0 ? undefined : system.join('\n\n'),
    last_user_text: lastUser === undefined ? '' : wordsOf(lastUser.parts),
    prompt: messages.map(({ role, parts }) => `${format.messages.roles[roleOf(role)]}: ${wordsOf(parts)}`).join('\n\n'),
    max_tokens: maxOutputTokens === undefined || most === null ? maxOutputTokens : Math.min(maxOutputTokens, most),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    stop: sampling.stop,
    seed: sampling.seed,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    reasoning_effort: reasoning?.effort,
    // Any JSON is an object of whatever members.
    response_schema:
      responseFormat?.type === 'json_schema'
        ? responseFormat.schema
        : responseFormat?.type === 'json'
          ? { type: 'object' }
          : undefined,
    user,
    stream,
  }
}

function isInstruction({ role }: ChatMessage): boolean {
  return role === 'system' || role === 'developer'
}

function roleOf(role: ChatMessage['role']): keyof CustomFormat['messages']['roles'] {
  if (role === 'system' || role === 'developer') return 'system'
  return role === 'assistant' ? 'assistant' : 'user'
}

function messageJson({ role, parts }: ChatMessage, { messages }: CustomFormat): JsonObject {
  return { [messages.roleField]: messages.roles[roleOf(role)], [messages.contentField]: wordsOf(parts) }
}

function wordsOf(parts: readonly Part[]): string {
  const documents = parts.flatMap((part) => ('source' in part && part.source.type === 'text' ? [part.source.text] : []))
  return [...documents, textOf(parts)].filter((text) => text !== '').join('\n\n')
}
