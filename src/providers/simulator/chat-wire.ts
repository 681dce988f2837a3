// Chat answers in OpenAI's JSON: one object, or the events of a stream that say the same.
import { type Choice, type TokenCount, type ToolCall } from './answer.ts'
import { type StreamedAnswer, sse } from './play.ts'
import { tokensOf } from './tokens.ts'

/** What stands on every object of an answer. `createdS` is in seconds, as OpenAI writes times. */
export type Heading = { readonly id: string; readonly createdS: number; readonly model: string }

const FINGERPRINT = 'fp_simulator'

export function usageJson({ prompt, completion, reasoning }: TokenCount) {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}

export function chatBody({ id, createdS, model }: Heading, choices: readonly Choice[], tokens: TokenCount): string {
  return JSON.stringify({
    id,
    object: 'chat.completion',
    created: createdS,
    model,
    choices: choices.map((choice, index) => ({
      index,
      message: {
        role: 'assistant',
        content: choice.content,
        ...(choice.reasoning !== '' && { reasoning_content: choice.reasoning }),
        ...(choice.toolCalls.length > 0 && { tool_calls: choice.toolCalls.map(callJson) }),
        refusal: null,
        annotations: [],
      },
      logprobs: null,
      finish_reason: choice.finish,
    })),
    usage: usageJson(tokens),
    system_fingerprint: FINGERPRINT,
  })
}

/** With `includeUsage` every event has a `usage` field, null but in the last one, as OpenAI does it. */
export function chatEvents(
  { id, createdS, model }: Heading,
  choices: readonly Choice[],
  tokens: TokenCount,
  includeUsage: boolean,
): StreamedAnswer {
  const head = JSON.stringify({
    id,
    object: 'chat.completion.chunk',
    created: createdS,
    model,
    system_fingerprint: FINGERPRINT,
  })
  const before = `${head.slice(0, -1)},"choices":[`
  const after = includeUsage ? '],"usage":null}' : ']}'
  const event = (index: number, delta: string, finish: string | null) =>
    sse(
      `${before}{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":${JSON.stringify(finish)}}${after}`,
    )
  const deltas = choices.map(deltasOf)
  const length = Math.max(...deltas.map((list) => list.length))
  return {
    opening: choices.map((choice, index) => event(index, openingDelta(choice), null)),
    steps: Array.from({ length }, (_, step) =>
      deltas.flatMap((list, index) => (list[step] === undefined ? [] : [event(index, list[step], null)])),
    ),
    closing: [
      ...choices.map((choice, index) => event(index, '{}', choice.finish)),
      ...(includeUsage ? [sse(`${before}],"usage":${JSON.stringify(usageJson(tokens))}}`)] : []),
      sse('[DONE]'),
    ],
  }
}

function openingDelta(choice: Choice): string {
  return JSON.stringify({ role: 'assistant', content: choice.content === null ? null : '', refusal: null })
}

// One event for each token; a tool call opens with its name, and its arguments follow in pieces.
function deltasOf(choice: Choice): string[] {
  return [
    ...tokensOf(choice.reasoning).map((piece) => `{"reasoning_content":${JSON.stringify(piece)}}`),
    ...tokensOf(choice.content ?? '').map((piece) => `{"content":${JSON.stringify(piece)}}`),
    ...choice.toolCalls.flatMap((call, index) => [
      JSON.stringify({ tool_calls: [{ index, ...callJson({ ...call, arguments: '' }) }] }),
      ...tokensOf(call.arguments).map(
        (piece) => `{"tool_calls":[{"index":${index},"function":{"arguments":${JSON.stringify(piece)}}}]}`,
      ),
    ]),
  ]
}

function callJson({ id, name, arguments: text }: ToolCall) {
  return { id, type: 'function', function: { name, arguments: text } }
}
