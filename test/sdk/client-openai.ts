// OpenAI's SDK for Node, by chat completions and by Responses.
import OpenAI from 'openai'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { errorName, UNKNOWN_KEY, UNKNOWN_MODEL } from './client.ts'
import type { At, SdkClient, Words } from './client.ts'
import { ASKED, PNG, WEATHER } from './wires.ts'

const Person = z.object({ name: z.string(), age: z.number() })

const WORDS: Words = {
  stop: 'stop',
  errors: { request: 'BadRequestError 400', key: 'AuthenticationError 401', model: 'NotFoundError 404' },
}

function clientOf({ url, key }: At): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 })
}

const PARAMETERS = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}
const CHAT_TOOL = {
  type: 'function' as const,
  function: { name: 'weather', description: 'The weather of a city', parameters: PARAMETERS },
}

function ask({ model }: At, content: string) {
  return { model, messages: [{ role: 'user' as const, content }] }
}

export const openaiChat: SdkClient = {
  words: WORDS,
  async whole(at) {
    const { choices, usage } = await clientOf(at).chat.completions.create(ask(at, ASKED.hello))
    return {
      text: choices[0]?.message.content ?? '',
      tokens: [usage?.prompt_tokens ?? 0, usage?.completion_tokens ?? 0],
      finish: choices[0]?.finish_reason ?? '',
    }
  },
  async stream(at) {
    const stream = clientOf(at).chat.completions.stream({
      ...ask(at, ASKED.hello),
      stream_options: { include_usage: true },
    })
    let text = ''
    stream.on('content', (delta) => (text += delta))
    const { choices, usage } = await stream.finalChatCompletion()
    return {
      text,
      tokens: [usage?.prompt_tokens ?? 0, usage?.completion_tokens ?? 0],
      finish: choices[0]?.finish_reason ?? '',
    }
  },
  async tools(at) {
    const question = { ...ask(at, ASKED.weather), tools: [CHAT_TOOL] }
    const { choices } = await clientOf(at).chat.completions.create(question)
    return chatRound(at, choices[0]?.message)
  },
  async streamedTools(at) {
    const question = { ...ask(at, ASKED.weather), tools: [CHAT_TOOL] }
    const { choices } = await clientOf(at).chat.completions.stream(question).finalChatCompletion()
    return chatRound(at, choices[0]?.message)
  },
  async structured(at) {
    const format = { response_format: zodResponseFormat(Person, 'person') }
    const { choices } = await clientOf(at).chat.completions.parse({ ...ask(at, ASKED.person), ...format })
    return choices[0]?.message.parsed
  },
  async vision(at) {
    const content = [
      { type: 'text' as const, text: ASKED.picture },
      { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${PNG}` } },
    ]
    const question = { model: at.model, messages: [{ role: 'user' as const, content }] }
    return (await clientOf(at).chat.completions.create(question)).choices[0]?.message.content ?? ''
  },
  errors: async (at) => ({
    request: await errorName(() => clientOf(at).chat.completions.create(ask(at, ASKED.refuse))),
    key: await errorName(() => clientOf({ ...at, key: UNKNOWN_KEY }).chat.completions.create(ask(at, ASKED.hello))),
    model: await errorName(() =>
      clientOf(at).chat.completions.create(ask({ ...at, model: UNKNOWN_MODEL }, ASKED.hello)),
    ),
  }),
  async abort(at) {
    const stream = await clientOf(at).chat.completions.create({ ...ask(at, ASKED.endless), stream: true })
    for await (const { choices } of stream) {
      const text = choices[0]?.delta.content ?? ''
      if (text === '') continue
      stream.controller.abort()
      return text
    }
    return ''
  },
}

async function chatRound(at: At, message: OpenAI.ChatCompletionMessage | undefined) {
  const call = message?.tool_calls?.[0]
  if (message === undefined || call?.type !== 'function') throw new Error('no tool was called')
  const { choices } = await clientOf(at).chat.completions.create({
    model: at.model,
    messages: [
      { role: 'user', content: ASKED.weather },
      message,
      { role: 'tool', tool_call_id: call.id, content: WEATHER },
    ],
    tools: [CHAT_TOOL],
  })
  const input: unknown = JSON.parse(call.function.arguments)
  return { call: { id: call.id, name: call.function.name, input }, answer: choices[0]?.message.content ?? '' }
}

const RESPONSES_TOOL = { type: 'function' as const, name: 'weather', parameters: PARAMETERS, strict: true }

export const openaiResponses: SdkClient = {
  words: { ...WORDS, stop: 'completed' },
  whole: async (at) => heard(await clientOf(at).responses.create({ model: at.model, input: ASKED.hello })),
  async stream(at) {
    const stream = clientOf(at).responses.stream({ model: at.model, input: ASKED.hello })
    let text = ''
    stream.on('response.output_text.delta', ({ delta }) => void (text += delta))
    return { ...heard(await stream.finalResponse()), text }
  },
  async tools(at) {
    const question = { model: at.model, input: ASKED.weather, tools: [RESPONSES_TOOL] }
    return responsesRound(at, await clientOf(at).responses.create(question))
  },
  async streamedTools(at) {
    const question = { model: at.model, input: ASKED.weather, tools: [RESPONSES_TOOL] }
    return responsesRound(at, await clientOf(at).responses.stream(question).finalResponse())
  },
  async structured(at) {
    const text = { format: zodTextFormat(Person, 'person') }
    return (await clientOf(at).responses.parse({ model: at.model, input: ASKED.person, text })).output_parsed
  },
  async vision(at) {
    const content = [
      { type: 'input_text' as const, text: ASKED.picture },
      { type: 'input_image' as const, image_url: `data:image/png;base64,${PNG}`, detail: 'auto' as const },
    ]
    return (await clientOf(at).responses.create({ model: at.model, input: [{ role: 'user', content }] })).output_text
  },
  errors: async (at) => ({
    request: await errorName(() => clientOf(at).responses.create({ model: at.model, input: ASKED.refuse })),
    key: await errorName(() =>
      clientOf({ ...at, key: UNKNOWN_KEY }).responses.create({ model: at.model, input: ASKED.hello }),
    ),
    model: await errorName(() => clientOf(at).responses.create({ model: UNKNOWN_MODEL, input: ASKED.hello })),
  }),
  async abort(at) {
    const stream = await clientOf(at).responses.create({ model: at.model, input: ASKED.endless, stream: true })
    for await (const event of stream) {
      if (event.type !== 'response.output_text.delta') continue
      stream.controller.abort()
      return event.delta
    }
    return ''
  },
}

function heard({ output_text: text, usage, status }: OpenAI.Responses.Response) {
  return {
    text,
    tokens: [usage?.input_tokens ?? 0, usage?.output_tokens ?? 0] as const,
    finish: status ?? '',
  }
}

async function responsesRound(at: At, { id, output }: OpenAI.Responses.Response) {
  const call = output.find((item) => item.type === 'function_call')
  if (call === undefined) throw new Error('no tool was called')
  const { output_text: answer } = await clientOf(at).responses.create({
    model: at.model,
    previous_response_id: id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: WEATHER }],
    tools: [RESPONSES_TOOL],
  })
  return { call: { id: call.call_id, name: call.name, input: JSON.parse(call.arguments) as unknown }, answer }
}
