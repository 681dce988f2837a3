// OpenAI's own SDK reads our streams of Responses: its accumulator refuses events out of order or out of place.
import { describe, expect, test } from 'bun:test'
import OpenAI from 'openai'
import type { ChatEvent } from '../src/core/chat-events.ts'
import { GatewayError } from '../src/core/error.ts'
import { openaiResponsesTranslator } from '../src/dialects/openai-responses-translator.ts'
import { openaiResponses } from '../src/dialects/openai-responses.ts'
import type { AnswerContext } from '../src/dialects/translator.ts'
import { HAS_CORPUS, recordingsOf, ROWS } from './recorded/corpus.ts'
import { eventsIn } from './recorded/losses.ts'
import { responsesOracle } from './recorded/oracle-responses.ts'

const CONTEXT: AnswerContext = { model: 'asked-for', id: 'req_1', created: 1_700_000_000, includeUsage: false }

/** A client whose one answer are these bytes. */
function clientOf(sse: string): OpenAI {
  const respond = (): Promise<Response> =>
    Promise.resolve(new Response(sse, { headers: { 'content-type': 'text/event-stream' } }))
  return new OpenAI({ apiKey: 'sk-test', baseURL: 'http://gateway/v1', maxRetries: 0, fetch: respond })
}

function sseOf(events: readonly ChatEvent[]): string {
  const writer = openaiResponsesTranslator.streamWriter(CONTEXT)
  return events.map((event) => writer.write(event)).join('') + writer.end()
}

describe.skipIf(!HAS_CORPUS)('the SDK puts our stream together again', () => {
  for (const row of ROWS)
    test(`for the answers recorded of ${row.folder}`, async () => {
      for (const recording of recordingsOf(row)) {
        const stream = clientOf(sseOf(eventsIn(row.wire, recording))).responses.stream({ model: 'm', input: 'x' })
        let text = ''
        stream.on('response.output_text.delta', (event) => void (text += event.delta))
        const response = await stream.finalResponse()
        const said = responsesOracle.whole(response)
        expect({ name: recording.name, text, whole: response.output_text }).toEqual({
          name: recording.name,
          text: said.text,
          whole: said.text,
        })
      }
    })
})

test.each([
  ['of the provider', sseOf([{ type: 'error', message: 'gone', code: 'overloaded' }])],
  ['of the gateway', openaiResponses.errorEvents(new GatewayError('all_targets_failed', { message: 'gone' }), 'req_1')],
])('an error %s inside a stream is raised by the SDK', async (_whose, sse) => {
  const stream = await clientOf(sse).responses.create({ model: 'm', input: 'x', stream: true })
  const reading = (async () => {
    for await (const event of stream) void event
  })()
  expect(await reading.catch((error: unknown) => error)).toMatchObject({
    message: expect.stringContaining('gone') as string,
  })
  expect(await reading.catch((error: unknown) => error)).toBeInstanceOf(OpenAI.APIError)
})
