// What an answer of Bedrock's Converse says, read straight from its own format: see oracle.ts.
import { failed, parsed } from './oracle.ts'
import type { Json, Oracle, Said } from './oracle.ts'

const FINISH: { readonly [word: string]: string } = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
  refusal: 'content_filter',
  malformed_model_output: 'error',
  malformed_tool_use: 'error',
}

function tokensOf(usage: Json | undefined): Said['tokens'] {
  if (usage === undefined) return null
  const input = usage.inputTokens + (usage.cacheReadInputTokens ?? 0) + (usage.cacheWriteInputTokens ?? 0)
  return [input, usage.outputTokens]
}

function textOf(block: Json): string {
  const cited = (block.citationsContent?.content ?? []) as readonly Json[]
  return block.text ?? cited.map((piece) => piece.text ?? '').join('')
}

export const bedrockOracle: Oracle = {
  whole(body) {
    if (body.output === undefined) return failed(body.message)
    const blocks = body.output.message.content as readonly Json[]
    return {
      text: blocks.map(textOf).join(''),
      reasoning: blocks.map((block) => block.reasoningContent?.reasoningText?.text ?? '').join(''),
      toolCalls: blocks.flatMap(({ toolUse }) =>
        toolUse === undefined || toolUse.type === 'server_tool_use'
          ? []
          : [{ id: toolUse.toolUseId, name: toolUse.name, arguments: toolUse.input }],
      ),
      finish: FINISH[body.stopReason] ?? 'other',
      tokens: tokensOf(body.usage),
    }
  },
  stream(data) {
    const events = data.map((line) => JSON.parse(line) as Json)
    const exception = events.find((event) => Object.keys(event).some((name) => name.endsWith('Exception')))
    if (exception !== undefined) return failed(Object.values(exception)[0])
    const deltas = events.flatMap((event) => event.contentBlockDelta ?? []) as readonly Json[]
    const starts = events.flatMap((event) => event.contentBlockStart ?? []) as readonly Json[]
    const inputOf = (index: number): string =>
      deltas.map((one) => (one.contentBlockIndex === index ? (one.delta.toolUse?.input ?? '') : '')).join('')
    const stop = events.find((event) => event.messageStop !== undefined)?.messageStop.stopReason
    return {
      text: deltas.map(({ delta }) => delta.text ?? '').join(''),
      reasoning: deltas.map(({ delta }) => delta.reasoningContent?.text ?? '').join(''),
      toolCalls: starts.flatMap(({ start, contentBlockIndex }) =>
        start?.toolUse === undefined || start.toolUse.type === 'server_tool_use'
          ? []
          : [{ id: start.toolUse.toolUseId, name: start.toolUse.name, arguments: parsed(inputOf(contentBlockIndex)) }],
      ),
      finish: FINISH[stop] ?? 'other',
      tokens: tokensOf(events.find((event) => event.metadata !== undefined)?.metadata.usage),
    }
  },
}
