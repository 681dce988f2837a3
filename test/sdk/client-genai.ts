// Google's SDK for Node.
import { GoogleGenAI } from '@google/genai'
import type { Content, GenerateContentResponse } from '@google/genai'
import { errorName, UNKNOWN_KEY, UNKNOWN_MODEL } from './client.ts'
import type { At, SdkClient } from './client.ts'
import { ASKED, PNG, WEATHER } from './wires.ts'

function clientOf({ url, key }: At): GoogleGenAI {
  return new GoogleGenAI({ apiKey: key, vertexai: false, httpOptions: { baseUrl: url } })
}

const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const TOOLS = [
  {
    functionDeclarations: [{ name: 'weather', description: 'The weather of a city', parametersJsonSchema: PARAMETERS }],
  },
]
const PERSON = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'number' } },
  required: ['name', 'age'],
}

function said(answer: GenerateContentResponse): string {
  return (answer.candidates?.[0]?.content?.parts ?? []).map((part) => part.text ?? '').join('')
}

function heard(answer: GenerateContentResponse | undefined, text: string) {
  const { promptTokenCount = 0, candidatesTokenCount = 0 } = answer?.usageMetadata ?? {}
  const finish = answer?.candidates?.[0]?.finishReason ?? ''
  return { text, tokens: [promptTokenCount, candidatesTokenCount] as const, finish }
}

export const genai: SdkClient = {
  words: { stop: 'STOP', errors: { request: 'ApiError 400', key: 'ApiError 401', model: 'ApiError 404' } },
  async whole(at) {
    const answer = await clientOf(at).models.generateContent({ model: at.model, contents: ASKED.hello })
    return heard(answer, said(answer))
  },
  async stream(at) {
    const stream = await clientOf(at).models.generateContentStream({ model: at.model, contents: ASKED.hello })
    let text = ''
    let last: GenerateContentResponse | undefined
    for await (const chunk of stream) {
      text += said(chunk)
      last = chunk
    }
    return heard(last, text)
  },
  async tools(at) {
    const question = { model: at.model, contents: ASKED.weather, config: { tools: TOOLS } }
    const answer = await clientOf(at).models.generateContent(question)
    return roundOf(at, answer.candidates?.[0]?.content)
  },
  async streamedTools(at) {
    const question = { model: at.model, contents: ASKED.weather, config: { tools: TOOLS } }
    const parts: Content['parts'] = []
    for await (const chunk of await clientOf(at).models.generateContentStream(question))
      parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []))
    return roundOf(at, { role: 'model', parts })
  },
  async structured(at) {
    const config = { responseMimeType: 'application/json', responseJsonSchema: PERSON }
    const answer = await clientOf(at).models.generateContent({ model: at.model, contents: ASKED.person, config })
    return JSON.parse(said(answer)) as unknown
  },
  async vision(at) {
    const parts = [{ inlineData: { mimeType: 'image/png', data: PNG } }, { text: ASKED.picture }]
    return said(await clientOf(at).models.generateContent({ model: at.model, contents: [{ role: 'user', parts }] }))
  },
  errors: async (at) => ({
    request: await errorName(() => clientOf(at).models.generateContent({ model: at.model, contents: ASKED.refuse })),
    key: await errorName(() =>
      clientOf({ ...at, key: UNKNOWN_KEY }).models.generateContent({ model: at.model, contents: ASKED.hello }),
    ),
    model: await errorName(() => clientOf(at).models.generateContent({ model: UNKNOWN_MODEL, contents: ASKED.hello })),
  }),
  async abort(at) {
    const leaving = new AbortController()
    const config = { abortSignal: leaving.signal }
    const stream = await clientOf(at).models.generateContentStream({
      model: at.model,
      contents: ASKED.endless,
      config,
    })
    for await (const chunk of stream) {
      const text = said(chunk)
      if (text === '') continue
      leaving.abort()
      return text
    }
    return ''
  },
}

async function roundOf(at: At, content: Content | undefined) {
  const call = content?.parts?.find((part) => part.functionCall !== undefined)?.functionCall
  if (content === undefined || call === undefined) throw new Error('no tool was called')
  const { id, name = '', args } = call
  const result = { functionResponse: { ...(id === undefined ? {} : { id }), name, response: { output: WEATHER } } }
  const answer = await clientOf(at).models.generateContent({
    model: at.model,
    contents: [{ role: 'user', parts: [{ text: ASKED.weather }] }, content, { role: 'user', parts: [result] }],
    config: { tools: TOOLS },
  })
  return { call: { id: id ?? '', name, input: args }, answer: said(answer) }
}
