// What becomes of the fields of a chat request in the formats of providers: found out by translating one request for each.
import { openaiChatTranslator } from '../src/dialects/openai-chat-translator.ts'
import type { JsonObject } from '../src/core/json.ts'
import { anthropicChatCodec } from '../src/providers/anthropic/chat-codec.ts'
import { vertexAnthropicChatCodec } from '../src/providers/anthropic/vertex.ts'
import { bedrockChatCodec } from '../src/providers/bedrock/chat-codec.ts'
import { bedrockInvokeCodec } from '../src/providers/bedrock/invoke-codec.ts'
import type { ChatCodec } from '../src/providers/chat-codec.ts'
import { cohereChatCodec } from '../src/providers/cohere/chat-codec.ts'
import { geminiChatCodec } from '../src/providers/gemini/chat-codec.ts'
import { ollamaChatCodec } from '../src/providers/ollama/chat-codec.ts'
import { openaiChatCodec } from '../src/providers/openai/chat-codec.ts'
import { responsesCodec } from '../src/providers/openai/responses-codec.ts'

/** Format → its codec, and a model that can do what the format can say. */
const WIRES: Readonly<Record<string, { readonly codec: ChatCodec; readonly model: string }>> = {
  'OpenAI chat': { codec: openaiChatCodec, model: 'gpt-4o' },
  Responses: { codec: responsesCodec, model: 'gpt-4o' },
  Anthropic: { codec: anthropicChatCodec, model: 'claude-sonnet-4-5' },
  'Claude on Vertex': { codec: vertexAnthropicChatCodec, model: 'claude-sonnet-4-5' },
  'Claude on Bedrock': { codec: bedrockInvokeCodec, model: 'anthropic.claude-sonnet-4-5-20250929-v1:0' },
  'Bedrock Converse': { codec: bedrockChatCodec, model: 'amazon.nova-pro-v1:0' },
  Gemini: { codec: geminiChatCodec, model: 'gemini-2.5-pro' },
  Cohere: { codec: cohereChatCodec, model: 'command-a-03-2025' },
  Ollama: { codec: ollamaChatCodec, model: 'llama3.2' },
}

const PIXEL = 'data:image/png;base64,iVBORw0KGgo='
const FUNCTION = { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }
const say = (part: JsonObject): JsonObject => ({
  messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, part] }],
})

/** What is asked for → the fields that ask for it. */
const FEATURES: Readonly<Record<string, JsonObject>> = {
  'tools, `tool_choice`': { tools: [FUNCTION], tool_choice: 'required' },
  '`parallel_tool_calls: false`': { tools: [FUNCTION], parallel_tool_calls: false },
  'JSON of a schema': {
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object', properties: {} } } },
  },
  'images as content': say({ type: 'image_url', image_url: { url: PIXEL } }),
  'PDF files as content': say({
    type: 'file',
    file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0x' },
  }),
  'audio as content': say({ type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }),
  'audio in the answer': { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'mp3' } },
  '`n` above 1': { n: 2 },
  '`logprobs`': { logprobs: true, top_logprobs: 2 },
  '`stop`': { stop: ['.'] },
  '`seed`': { seed: 1 },
  '`frequency_penalty`': { frequency_penalty: 1 },
  '`logit_bias`': { logit_bias: { '1': 2 } },
  '`service_tier: priority`': { service_tier: 'priority' },
  '`verbosity`': { verbosity: 'low' },
  '`user`': { user: 'u1' },
  '`metadata`': { metadata: { a: 'b' } },
  '`prediction`': { prediction: { type: 'content', content: 'x' } },
  '`store`': { store: true },
  '`prompt_cache_key`': { prompt_cache_key: 'k' },
  '`web_search_options`': { web_search_options: {} },
}

const BASE: JsonObject = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }

type Fate = 'sent' | 'left out' | 'refused' | 'lost'

/** `lost` would be a mistake: left out, and nobody is told. */
function fateOf(codec: ChatCodec, model: string, fields: JsonObject): Fate {
  const write = (body: JsonObject) => {
    const { request, warnings } = openaiChatTranslator.readRequest(body)
    const written = codec.writeRequest(request, { model, stream: false, quirks: {}, maxOutputTokens: null })
    const { body: sent, headers = {} } = written
    return { ...written, warnings: [...warnings, ...written.warnings], text: JSON.stringify([sent, headers]) }
  }
  const written = write({ ...BASE, ...fields })
  if (written.refusals.length > 0) return 'refused'
  if (written.warnings.length > 0) return 'left out'
  return written.text === write(BASE).text ? 'lost' : 'sent'
}

/** Feature → format → what becomes of it. */
export function fates(): Readonly<Record<string, Readonly<Record<string, Fate>>>> {
  return Object.fromEntries(
    Object.entries(FEATURES).map(([feature, fields]) => [
      feature,
      Object.fromEntries(Object.entries(WIRES).map(([wire, { codec, model }]) => [wire, fateOf(codec, model, fields)])),
    ]),
  )
}

export function translationReference(): string {
  const wires = Object.keys(WIRES)
  const rows = Object.entries(fates()).map(
    ([feature, byWire]) => `| ${feature} | ${wires.map((wire) => byWire[wire] ?? '').join(' | ')} |\n`,
  )
  return `# What becomes of a request's fields

<!-- Generated by \`npm run docs\` from the translators themselves. A test compares the two. -->

A request in the target's own format reaches it with every field as it is. One that has to be translated can say only what the target's format can say:

- **sent**: it is told to the provider, in its own words.
- **left out**: the provider cannot be told, and the answer is still one to the same question. \`x-weir-warnings\` says so.
- **refused**: without it the answer would be one to another question. The target is passed over, and where no other is left the request is a 400 that says why;
  with \`routing.lossy: allow\` it is left out with a warning instead.

Nothing is left out without a word. The columns are formats; a host with quirks (\`providers.<name>.quirks\`) and a single model may take less, which is told in the same way.
OpenAI's names of the fields stand for their likes in the other formats.

| of a request | ${wires.join(' | ')} |
|---|${wires.map(() => '---').join('|')}|
${rows.join('')}`
}
