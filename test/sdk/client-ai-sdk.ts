// Vercel's AI SDK, by each of its providers whose address can be changed.
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, isStepCount, Output, streamText, tool } from 'ai'
import type { LanguageModel } from 'ai'
import { z } from 'zod'
import { errorName, UNKNOWN_KEY, UNKNOWN_MODEL } from './client.ts'
import type { At, SdkClient } from './client.ts'
import { ASKED, PNG, WEATHER } from './wires.ts'

const Person = z.object({ name: z.string(), age: z.number() })

const TOOLS = {
  weather: tool({
    description: 'The weather of a city',
    inputSchema: z.object({ city: z.string() }),
    execute: () => WEATHER,
  }),
}
const ONCE = { maxRetries: 0 } as const

/** A client of one provider of the SDK. */
function aiSdk(modelAt: (at: At) => LanguageModel): SdkClient {
  return {
    words: {
      stop: 'stop',
      errors: { request: 'APICallError 400', key: 'APICallError 401', model: 'APICallError 404' },
    },
    async whole(at) {
      const { text, usage, finishReason } = await generateText({ model: modelAt(at), prompt: ASKED.hello, ...ONCE })
      return { text, tokens: [usage.inputTokens ?? 0, usage.outputTokens ?? 0], finish: finishReason }
    },
    async stream(at) {
      const result = streamText({ model: modelAt(at), prompt: ASKED.hello, ...ONCE })
      let text = ''
      for await (const delta of result.textStream) text += delta
      const { inputTokens, outputTokens } = await result.usage
      return { text, tokens: [inputTokens ?? 0, outputTokens ?? 0], finish: await result.finishReason }
    },
    async tools(at) {
      const settings = { prompt: ASKED.weather, tools: TOOLS, stopWhen: isStepCount(3), ...ONCE }
      const { steps, text } = await generateText({ model: modelAt(at), ...settings })
      return { call: callOf(steps[0]?.toolCalls), answer: text }
    },
    async streamedTools(at) {
      const settings = { prompt: ASKED.weather, tools: TOOLS, stopWhen: isStepCount(3), ...ONCE }
      const result = streamText({ model: modelAt(at), ...settings })
      const [steps, text] = await Promise.all([result.steps, result.text])
      return { call: callOf(steps[0]?.toolCalls), answer: text }
    },
    async structured(at) {
      const output = Output.object({ schema: Person })
      return (await generateText({ model: modelAt(at), prompt: ASKED.person, output, ...ONCE })).output
    },
    async vision(at) {
      const content = [
        { type: 'text' as const, text: ASKED.picture },
        { type: 'file' as const, data: PNG, mediaType: 'image/png' },
      ]
      const messages = [{ role: 'user' as const, content }]
      return (await generateText({ model: modelAt(at), messages, ...ONCE })).text
    },
    async errors(at) {
      const failing = (prompt: string, model: LanguageModel): Promise<string> =>
        errorName(() => generateText({ model, prompt, ...ONCE }))
      return {
        request: await failing(ASKED.refuse, modelAt(at)),
        key: await failing(ASKED.hello, modelAt({ ...at, key: UNKNOWN_KEY })),
        model: await failing(ASKED.hello, modelAt({ ...at, model: UNKNOWN_MODEL })),
      }
    },
    async abort(at) {
      const leaving = new AbortController()
      const settings = { prompt: ASKED.endless, abortSignal: leaving.signal, ...ONCE }
      for await (const delta of streamText({ model: modelAt(at), ...settings }).textStream) {
        if (delta === '') continue
        leaving.abort()
        return delta
      }
      return ''
    },
  }
}

function callOf(calls: readonly { toolCallId: string; toolName: string; input: unknown }[] | undefined) {
  const call = calls?.[0]
  if (call === undefined) throw new Error('no tool was called')
  return { id: call.toolCallId, name: call.toolName, input: call.input }
}

export const aiSdkOpenaiResponses = aiSdk(({ url, key, model }) =>
  createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).responses(model),
)
export const aiSdkOpenaiChat = aiSdk(({ url, key, model }) =>
  createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat(model),
)
export const aiSdkAnthropic = aiSdk(({ url, key, model }) =>
  createAnthropic({ baseURL: `${url}/v1`, apiKey: key })(model),
)
export const aiSdkGoogle = aiSdk(({ url, key, model }) =>
  createGoogle({ baseURL: `${url}/v1beta`, apiKey: key })(model),
)
export const aiSdkCompatible = aiSdk(({ url, key, model }) =>
  createOpenAICompatible({
    name: 'weir',
    baseURL: `${url}/v1`,
    apiKey: key,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })(model),
)
