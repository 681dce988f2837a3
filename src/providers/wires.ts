// Every wire format there is, by its name; and for each dialect the wire that reads it.
import type { DialectId } from '../core/call.ts'
import type { Provider } from '../core/model.ts'
import { anthropicWire } from './anthropic/wire.ts'
import { assemblyaiWire } from './assemblyai/wire.ts'
import { bedrockInvokeWire, bedrockWire } from './bedrock/wire.ts'
import { cohereWire } from './cohere/wire.ts'
import { customLinesWire, customWholeWire, customWire } from './custom/wire.ts'
import { deepgramWire } from './deepgram/wire.ts'
import { elevenlabsWire } from './elevenlabs/wire.ts'
import { falWire } from './fal/wire.ts'
import { geminiWire, interactionsWire, vertexWire } from './gemini/wire.ts'
import { jinaWire } from './jina/wire.ts'
import { ollamaWire } from './ollama/wire.ts'
import { openaiResponsesWire } from './openai/responses-wire.ts'
import { openaiWire } from './openai/wire.ts'
import { replicateWire } from './replicate/wire.ts'
import { stabilityWire } from './stability/wire.ts'
import { vertexAnthropicWire } from './anthropic/vertex.ts'
import { voyageWire } from './voyage/wire.ts'
import type { Preset } from './preset.ts'
import type { ChatWire, Wire } from './wire.ts'

/** By the name that presets give it. The simulator speaks OpenAI's. */
const WIRES: Readonly<Record<string, Wire | undefined>> = {
  openai: openaiWire,
  'openai-responses': openaiResponsesWire,
  anthropic: anthropicWire,
  bedrock: bedrockWire,
  'bedrock-invoke': bedrockInvokeWire,
  cohere: cohereWire,
  custom: customWire,
  'custom-lines': customLinesWire,
  'custom-whole': customWholeWire,
  gemini: geminiWire,
  'gemini-interactions': interactionsWire,
  ollama: ollamaWire,
  vertex: vertexWire,
  'vertex-anthropic': vertexAnthropicWire,
  voyage: voyageWire,
  jina: jinaWire,
  assemblyai: assemblyaiWire,
  elevenlabs: elevenlabsWire,
  deepgram: deepgramWire,
  stability: stabilityWire,
  replicate: replicateWire,
  fal: falWire,
  simulator: openaiWire,
} satisfies Record<Preset['wire'] | 'openai-responses' | 'custom-lines' | 'custom-whole', Wire>

/** What reads the answers that clients get, by the dialect that they are in: the wire whose own format it is. */
const READERS: Readonly<Partial<Record<DialectId, Wire>>> = {
  'openai-chat': openaiWire,
  'openai-responses': openaiResponsesWire,
  'anthropic-messages': anthropicWire,
  gemini: geminiWire,
}

export function readerOf(dialect: DialectId): ChatWire | null {
  return READERS[dialect]?.chat ?? null
}

export function wireOfProvider(provider: Provider): Wire {
  const wire = WIRES[provider.wire]
  if (wire === undefined) throw new Error(`the preset ${provider.preset} names the unknown wire ${provider.wire}`)
  return wire
}
