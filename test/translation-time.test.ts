// No message is so long that its translation holds up everybody else: a megabyte takes less than five milliseconds.
import { describe, expect, test } from 'bun:test'
import { eventsOf } from '../src/core/chat-assembler.ts'
import type { JsonObject } from '../src/core/json.ts'
import type { Dialect } from './recorded/dialects.ts'
import { DIALECTS } from './recorded/dialects.ts'
import { CONTEXT } from './recorded/losses.ts'
import { WIRES } from './recorded/wires.ts'
import { bedrockInvokeCodec } from '../src/providers/bedrock/invoke-codec.ts'
import { vertexChatCodec } from '../src/providers/gemini/chat-codec.ts'
import { PLAIN_READING } from '../src/providers/chat-codec.ts'
import type { ChatCodec } from '../src/providers/chat-codec.ts'
import type { WireName } from './sdk/matrix.ts'
import { MATRIX_WIRES } from './sdk/wires.ts'

const MOST_MS = 5
const MEGABYTE = 1_000_000
/** The fastest of them is what the code takes; the others are what else the machine does. */
const RUNS = 30
/** On a machine that does much else, even the fastest run is not alone. */
const MARGIN = 2

const SENTENCE = 'Das Wehr hält das Wasser zurück; "what the river below can take" goes through.\n'
const LONG = SENTENCE.repeat(Math.ceil(MEGABYTE / SENTENCE.length))
const PICTURE = 'iVBORw0KGgoA'.repeat(Math.ceil(MEGABYTE / 12))
const TURNS = 1_000

const CODECS: readonly (readonly [string, ChatCodec])[] = [
  ...Object.values(WIRES).map(({ name, codec }) => [name, codec] as const),
  ['vertex', vertexChatCodec],
  ['bedrock-invoke', bedrockInvokeCodec],
]

/** Messages of a megabyte in the words of a dialect: one long text, a long conversation with tools, a picture. */
function bodiesOf({ name }: Dialect): Readonly<Record<string, JsonObject>> {
  const turn = 'x'.repeat(Math.ceil(MEGABYTE / TURNS / 2))
  const turns = Array.from({ length: TURNS }, (_, index) => index)
  switch (name) {
    case 'openai-chat':
      return {
        'one text': { model: 'm', messages: [{ role: 'user', content: LONG }] },
        'a conversation': {
          model: 'm',
          messages: [
            { role: 'user', content: 'Begin.' },
            ...turns.flatMap((index) => [
              {
                role: 'assistant',
                content: null,
                tool_calls: [
                  { id: `call_${index}`, type: 'function', function: { name: 'f', arguments: `{"a":"${turn}"}` } },
                ],
              },
              { role: 'tool', tool_call_id: `call_${index}`, content: turn },
            ]),
          ],
        },
        'a picture': {
          model: 'm',
          messages: [
            {
              role: 'user',
              content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${PICTURE}` } }],
            },
          ],
        },
      }
    case 'anthropic-messages':
      return {
        'one text': { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: LONG }] },
        'a conversation': {
          model: 'm',
          max_tokens: 10,
          messages: [
            { role: 'user', content: 'Begin.' },
            ...turns.flatMap((index) => [
              {
                role: 'assistant',
                content: [{ type: 'tool_use', id: `call_${index}`, name: 'f', input: { a: turn } }],
              },
              { role: 'user', content: [{ type: 'tool_result', tool_use_id: `call_${index}`, content: turn }] },
            ]),
          ],
        },
        'a picture': {
          model: 'm',
          max_tokens: 10,
          messages: [
            {
              role: 'user',
              content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PICTURE } }],
            },
          ],
        },
      }
    case 'openai-responses':
      return {
        'one text': { model: 'm', input: LONG },
        'a conversation': {
          model: 'm',
          input: [
            { role: 'user', content: 'Begin.' },
            ...turns.flatMap((index) => [
              { type: 'function_call', call_id: `call_${index}`, name: 'f', arguments: `{"a":"${turn}"}` },
              { type: 'function_call_output', call_id: `call_${index}`, output: turn },
            ]),
          ],
        },
        'a picture': {
          model: 'm',
          input: [
            {
              role: 'user',
              content: [{ type: 'input_image', image_url: `data:image/png;base64,${PICTURE}`, detail: 'auto' }],
            },
          ],
        },
      }
    default:
      return {
        'one text': { contents: [{ role: 'user', parts: [{ text: LONG }] }] },
        'a conversation': {
          contents: [
            { role: 'user', parts: [{ text: 'Begin.' }] },
            ...turns.flatMap(() => [
              { role: 'model', parts: [{ functionCall: { name: 'f', args: { a: turn } } }] },
              { role: 'user', parts: [{ functionResponse: { name: 'f', response: { output: turn } } }] },
            ]),
          ],
        },
        'a picture': {
          contents: [{ role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: PICTURE } }] }],
        },
      }
  }
}

const CODEC_OF: Readonly<Record<WireName, string>> = {
  openai: 'openai-chat',
  'openai-responses': 'openai-responses',
  anthropic: 'anthropic',
  gemini: 'gemini',
  'gemini-interactions': 'gemini-interactions',
  vertex: 'vertex',
  bedrock: 'bedrock',
  'bedrock-invoke': 'bedrock-invoke',
  cohere: 'cohere',
  ollama: 'ollama',
}

function fastestMs(work: () => unknown): number {
  let fastest = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS && fastest >= MOST_MS; run++) {
    // CPU time: what it waits for other programs is not its own.
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    fastest = Math.min(fastest, (user + system) / 1_000)
  }
  return fastest
}

for (const dialect of DIALECTS)
  describe(`a megabyte of ${dialect.name}`, () => {
    for (const [what, body] of Object.entries(bodiesOf(dialect)))
      test.each(CODECS)(`${what}, asked of %s`, (_name, codec) => {
        const context = { model: 'm', stream: true, quirks: {}, maxOutputTokens: null }
        const ms = fastestMs(() => codec.writeRequest(dialect.translator.readRequest(body).request, context))
        expect(ms).toBeLessThan(MOST_MS * MARGIN)
      })

    test.each(MATRIX_WIRES.map((wire) => [wire.name, wire] as const))('in an answer of %s', (_name, wire) => {
      const codec = CODECS.find(([name]) => name === CODEC_OF[wire.name])?.[1]
      if (codec === undefined) expect.unreachable('the wire has no codec')
      const body = wire.format.whole({ type: 'text', text: LONG })
      const write = (): unknown =>
        JSON.stringify(dialect.translator.writeAnswer(codec.readAnswer(body, PLAIN_READING), CONTEXT))
      expect(fastestMs(write)).toBeLessThan(MOST_MS * MARGIN)
      const events = eventsOf(codec.readAnswer(body, PLAIN_READING))
      const stream = (): unknown => {
        const writer = dialect.translator.streamWriter(CONTEXT)
        return events.map((event) => writer.write(event)).join('') + writer.end()
      }
      expect(fastestMs(stream)).toBeLessThan(MOST_MS * MARGIN)
    })
  })
