// One answer in the words of every wire: written by hand, from the vendors' documentation, without the code under test.
import type { JsonObject } from '../../src/core/json.ts'

/** What a fake provider says. */
export type Spoken =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call'; readonly name: string; readonly input: JsonObject; readonly thought?: Thought }

/** What was thought before a call, and the proof of it, in formats that have such. */
export type Thought = { readonly text: string; readonly proof: string }

export const INPUT_TOKENS = 21
export const OUTPUT_TOKENS = 9
export const CALL_ID = 'call_of_the_wire_1'

export type Format = {
  whole(said: Spoken): JsonObject
  /** Data of the events of a stream, in order. */
  stream(said: Spoken): readonly string[]
  /** The body of an error about the request. */
  readonly error: (message: string) => JsonObject
}

export const lines = (events: readonly JsonObject[]): readonly string[] => events.map((event) => JSON.stringify(event))
/** A text, or the JSON of a call's input, in the pieces in which it is streamed. */
export const piecesOf = (text: string): readonly string[] => text.match(/.{1,7}/gsu) ?? []

const CHAT_USAGE = {
  prompt_tokens: INPUT_TOKENS,
  completion_tokens: OUTPUT_TOKENS,
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
}

export const openaiChat: Format = {
  whole(said) {
    const message =
      said.type === 'text'
        ? { role: 'assistant', content: said.text, refusal: null }
        : {
            role: 'assistant',
            content: null,
            ...(said.thought === undefined ? {} : { reasoning_content: said.thought.text }),
            tool_calls: [chatCall(said)],
          }
    const finish = said.type === 'text' ? 'stop' : 'tool_calls'
    const choices = [{ index: 0, message, logprobs: null, finish_reason: finish }]
    return { ...chatHead('chat.completion'), choices, usage: CHAT_USAGE }
  },
  stream(said) {
    const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
      ...chatHead('chat.completion.chunk'),
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    })
    const body =
      said.type === 'text'
        ? piecesOf(said.text).map((content) => chunk({ content }))
        : [
            ...(said.thought === undefined ? [] : [chunk({ reasoning_content: said.thought.text })]),
            chunk({ tool_calls: [{ ...chatCall(said), index: 0, function: { name: said.name, arguments: '' } }] }),
            ...piecesOf(JSON.stringify(said.input)).map((json) =>
              chunk({ tool_calls: [{ index: 0, function: { arguments: json } }] }),
            ),
          ]
    const usage = { ...chatHead('chat.completion.chunk'), choices: [], usage: CHAT_USAGE }
    const end = chunk({}, said.type === 'text' ? 'stop' : 'tool_calls')
    return [...lines([chunk({ role: 'assistant', content: '' }), ...body, end, usage]), '[DONE]']
  },
  error: (message) => ({ error: { message, type: 'invalid_request_error', param: null, code: null } }),
}

function chatHead(object: string): JsonObject {
  return { id: 'chatcmpl-1', object, created: 1_700_000_000, model: 'm' }
}

export function chatCall({ name, input }: Extract<Spoken, { type: 'call' }>): JsonObject {
  return { id: CALL_ID, type: 'function', function: { name, arguments: JSON.stringify(input) } }
}

export const openaiResponses: Format = {
  whole: (said) => responseOf('completed', [...reasoningItems(said), itemOf(said)]),
  stream(said) {
    const item = itemOf(said)
    const thoughts = reasoningItems(said)
    const at = thoughts.length
    const place = { output_index: at, item_id: item['id'] ?? '', content_index: 0 }
    const body =
      said.type === 'text'
        ? [
            { type: 'response.content_part.added', ...place, part: { type: 'output_text', text: '', annotations: [] } },
            ...piecesOf(said.text).map((delta) => ({ type: 'response.output_text.delta', ...place, delta })),
            { type: 'response.output_text.done', ...place, text: said.text },
          ]
        : [
            ...piecesOf(JSON.stringify(said.input)).map((delta) => ({
              type: 'response.function_call_arguments.delta',
              ...place,
              delta,
            })),
            { type: 'response.function_call_arguments.done', ...place, arguments: JSON.stringify(said.input) },
          ]
    const begun = said.type === 'text' ? { ...item, content: [] } : { ...item, arguments: '' }
    const events: JsonObject[] = [
      { type: 'response.created', response: responseOf('in_progress', []) },
      ...thoughts.flatMap((thought) => [
        { type: 'response.output_item.added', output_index: 0, item: { ...thought, summary: [] } },
        { type: 'response.output_item.done', output_index: 0, item: thought },
      ]),
      { type: 'response.output_item.added', output_index: at, item: begun },
      ...body,
      { type: 'response.output_item.done', output_index: at, item },
      { type: 'response.completed', response: responseOf('completed', [...thoughts, item]) },
    ]
    return lines(events.map((event, sequence) => ({ ...event, sequence_number: sequence })))
  },
  error: openaiChat.error,
}

function responseOf(status: string, output: readonly JsonObject[]): JsonObject {
  const usage = {
    input_tokens: INPUT_TOKENS,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: OUTPUT_TOKENS,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
  }
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_700_000_000,
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: 'm',
    output,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    usage: status === 'completed' ? usage : null,
  }
}

function reasoningItems(said: Spoken): readonly JsonObject[] {
  if (said.type !== 'call' || said.thought === undefined) return []
  const { text, proof } = said.thought
  return [{ id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text }], encrypted_content: proof }]
}

function itemOf(said: Spoken): JsonObject {
  if (said.type === 'call')
    return {
      id: 'fc_1',
      type: 'function_call',
      status: 'completed',
      call_id: CALL_ID,
      name: said.name,
      arguments: JSON.stringify(said.input),
    }
  const content = [{ type: 'output_text', text: said.text, annotations: [], logprobs: [] }]
  return { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content }
}
