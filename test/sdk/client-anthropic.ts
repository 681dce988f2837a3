// Anthropic's SDK for Node.
import Anthropic from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { z } from 'zod'
import { errorName, UNKNOWN_KEY, UNKNOWN_MODEL } from './client.ts'
import type { At, SdkClient } from './client.ts'
import { ASKED, PNG, WEATHER } from './wires.ts'

function clientOf({ url, key }: At): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: key, authToken: null, maxRetries: 0 })
}

const Person = z.object({ name: z.string(), age: z.number() })

const TOOL: Anthropic.Tool = {
  name: 'weather',
  description: 'The weather of a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

function ask({ model }: At, content: Anthropic.MessageParam['content']): Anthropic.MessageCreateParamsNonStreaming {
  return { model, max_tokens: 500, messages: [{ role: 'user', content }] }
}

function heard({ content, usage, stop_reason: finish }: Anthropic.Message) {
  const text = content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  return { text, tokens: [usage.input_tokens, usage.output_tokens] as const, finish: finish ?? '' }
}

export const anthropic: SdkClient = {
  words: {
    stop: 'end_turn',
    errors: { request: 'BadRequestError 400', key: 'AuthenticationError 401', model: 'NotFoundError 404' },
  },
  whole: async (at) => heard(await clientOf(at).messages.create(ask(at, ASKED.hello))),
  async stream(at) {
    const stream = clientOf(at).messages.stream(ask(at, ASKED.hello))
    let text = ''
    stream.on('text', (delta) => (text += delta))
    return { ...heard(await stream.finalMessage()), text }
  },
  tools: async (at) => roundOf(at, await clientOf(at).messages.create({ ...ask(at, ASKED.weather), tools: [TOOL] })),
  streamedTools: async (at) =>
    roundOf(
      at,
      await clientOf(at)
        .messages.stream({ ...ask(at, ASKED.weather), tools: [TOOL] })
        .finalMessage(),
    ),
  async structured(at) {
    const output_config = { format: zodOutputFormat(Person) }
    return (await clientOf(at).messages.parse({ ...ask(at, ASKED.person), output_config })).parsed_output
  },
  async vision(at) {
    const source = { type: 'base64' as const, media_type: 'image/png' as const, data: PNG }
    const question = ask(at, [
      { type: 'image', source },
      { type: 'text', text: ASKED.picture },
    ])
    return heard(await clientOf(at).messages.create(question)).text
  },
  errors: async (at) => ({
    request: await errorName(() => clientOf(at).messages.create(ask(at, ASKED.refuse))),
    key: await errorName(() => clientOf({ ...at, key: UNKNOWN_KEY }).messages.create(ask(at, ASKED.hello))),
    model: await errorName(() => clientOf(at).messages.create(ask({ ...at, model: UNKNOWN_MODEL }, ASKED.hello))),
  }),
  async abort(at) {
    const stream = await clientOf(at).messages.create({ ...ask(at, ASKED.endless), stream: true })
    for await (const event of stream) {
      if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') continue
      stream.controller.abort()
      return event.delta.text
    }
    return ''
  },
}

async function roundOf(at: At, { content }: Anthropic.Message) {
  const call = content.find((block) => block.type === 'tool_use')
  if (call === undefined) throw new Error('no tool was called')
  const answer = await clientOf(at).messages.create({
    model: at.model,
    max_tokens: 500,
    tools: [TOOL],
    messages: [
      { role: 'user', content: ASKED.weather },
      { role: 'assistant', content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: WEATHER }] },
    ],
  })
  return { call: { id: call.id, name: call.name, input: call.input }, answer: heard(answer).text }
}
