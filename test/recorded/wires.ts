// Wires of recorded answers: how each is read, what it says by an account of its own, and how a recording is told to be of it.
import { EventStreamCodec } from '@smithy/eventstream-codec'
import { isObject } from '../../src/core/json.ts'
import type { JsonObject } from '../../src/core/json.ts'
import type { ChatCodec } from '../../src/providers/chat-codec.ts'
import { anthropicChatCodec } from '../../src/providers/anthropic/chat-codec.ts'
import { bedrockChatCodec } from '../../src/providers/bedrock/chat-codec.ts'
import { cohereChatCodec } from '../../src/providers/cohere/chat-codec.ts'
import type { FramedEvent, FramingKind } from '../../src/providers/framing.ts'
import { geminiChatCodec } from '../../src/providers/gemini/chat-codec.ts'
import { interactionsCodec } from '../../src/providers/gemini/interactions-codec.ts'
import { ollamaChatCodec } from '../../src/providers/ollama/chat-codec.ts'
import { openaiChatCodec } from '../../src/providers/openai/chat-codec.ts'
import { responsesCodec } from '../../src/providers/openai/responses-codec.ts'
import { bedrockOracle } from './oracle-bedrock.ts'
import { geminiOracle } from './oracle-gemini.ts'
import { interactionsOracle } from './oracle-interactions.ts'
import { ollamaOracle } from './oracle-ollama.ts'
import { anthropicOracle } from './oracle-anthropic.ts'
import { cohereOracle } from './oracle-cohere.ts'
import { openaiOracle } from './oracle-openai.ts'
import { responsesOracle } from './oracle-responses.ts'
import type { Oracle } from './oracle.ts'

export type RecordedWire = {
  readonly name: string
  readonly codec: ChatCodec
  readonly oracle: Oracle
  /** Provider of the configuration that speaks it, without its address. */
  readonly provider: string
  /** Chunks that begin another answer: some recordings hold several turns in one file. */
  readonly begins?: (chunk: JsonObject) => boolean
  /** Terminator of the wire that the recordings leave out. */
  readonly terminator?: string
  /** Whether events carry their type as `event:` too. */
  readonly named?: boolean
  /** How the provider cuts its stream; absent: `sse`. Recordings of an AWS event stream hold `{<type>: <payload>}`. */
  readonly framing?: FramingKind
}

export const WIRES = {
  'openai-chat': {
    name: 'openai-chat',
    codec: openaiChatCodec,
    oracle: openaiOracle,
    provider: 'preset: openai-compatible, keys: [recorded-key]',
    terminator: '[DONE]',
  },
  'openai-responses': {
    name: 'openai-responses',
    codec: responsesCodec,
    oracle: responsesOracle,
    provider: 'preset: openai, keys: [recorded-key], quirks: { responses: only }',
    named: true,
    begins: (chunk: JsonObject) => chunk['type'] === 'response.created',
  },
  anthropic: {
    name: 'anthropic',
    codec: anthropicChatCodec,
    oracle: anthropicOracle,
    provider: 'preset: anthropic, keys: [recorded-key]',
    named: true,
    begins: (chunk: JsonObject) => chunk['type'] === 'message_start',
  },
  gemini: {
    name: 'gemini',
    codec: geminiChatCodec,
    oracle: geminiOracle,
    provider: 'preset: gemini, keys: [recorded-key]',
  },
  'gemini-interactions': {
    name: 'gemini-interactions',
    codec: interactionsCodec,
    oracle: interactionsOracle,
    provider: 'preset: gemini-interactions, keys: [recorded-key]',
    begins: (chunk: JsonObject) => chunk['event_type'] === 'interaction.created',
  },
  bedrock: {
    name: 'bedrock',
    codec: bedrockChatCodec,
    oracle: bedrockOracle,
    provider: 'preset: bedrock, keys: [recorded-key], settings: { region: us-east-1 }',
    framing: 'aws-event-stream',
  },
  cohere: {
    name: 'cohere',
    codec: cohereChatCodec,
    oracle: cohereOracle,
    provider: 'preset: cohere, keys: [recorded-key]',
    named: true,
  },
  ollama: {
    name: 'ollama',
    codec: ollamaChatCodec,
    oracle: ollamaOracle,
    provider: 'preset: ollama-native',
    framing: 'json-lines',
  },
} as const satisfies Record<string, RecordedWire>

/** What the members of a whole answer or a chunk say of its wire; null where they fit none. */
export function wireOf(value: JsonObject): RecordedWire | null {
  const type = typeof value['type'] === 'string' ? value['type'] : ''
  const message = value['message']
  if (Array.isArray(value['choices'])) return value['object'] === 'text_completion' ? null : WIRES['openai-chat']
  if (value['object'] === 'response' || type.startsWith('response.')) return WIRES['openai-responses']
  if (type === 'message_start' || type.startsWith('content_block') || (type === 'message' && 'content' in value))
    return WIRES.anthropic
  if (value['object'] === 'interaction' || 'event_type' in value) return WIRES['gemini-interactions']
  if ('candidates' in value || 'promptFeedback' in value) return WIRES.gemini
  if (isObject(value['output']) && isObject(value['output']['message'])) return WIRES.bedrock
  if ('messageStart' in value || 'contentBlockDelta' in value) return WIRES.bedrock
  if (type === 'message-start' || type === 'content-delta') return WIRES.cohere
  if (isObject(message)) return 'done' in value ? WIRES.ollama : 'finish_reason' in value ? WIRES.cohere : null
  return null
}

/** A recorded line as its reader gets it. */
export function eventOf(wire: RecordedWire, line: string): FramedEvent {
  if (wire.framing === 'aws-event-stream') {
    const [type, payload] = Object.entries(JSON.parse(line) as JsonObject)[0] ?? ['', null]
    return { type, data: JSON.stringify(payload) }
  }
  return { type: wire.named === true ? ((JSON.parse(line) as { type?: string }).type ?? '') : '', data: line }
}

/** The bytes of a stream as the provider would send them. */
export function streamBytes(wire: RecordedWire, data: readonly string[]): Uint8Array {
  const encoder = new TextEncoder()
  const events = data.map((line) => eventOf(wire, line))
  if (wire.framing === 'json-lines') return encoder.encode(data.map((line) => `${line}\n`).join(''))
  if (wire.framing === 'aws-event-stream') {
    const codec = new EventStreamCodec(
      (bytes) => (typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes)),
      (text) => encoder.encode(text),
    )
    return Buffer.concat(
      events.map(({ type, data }) =>
        codec.encode({
          headers: {
            ':event-type': { type: 'string', value: type },
            ':content-type': { type: 'string', value: 'application/json' },
            ':message-type': { type: 'string', value: 'event' },
          },
          body: encoder.encode(data),
        }),
      ),
    )
  }
  const named = events.map(({ type, data }) => `${type === '' ? '' : `event: ${type}\n`}data: ${data}\n\n`)
  return encoder.encode(named.join(''))
}
