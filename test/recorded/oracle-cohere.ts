// What an answer of Cohere's chat says, read straight from its own format: see oracle.ts.
import { failed, parsed } from './oracle.ts'
import type { Json, Oracle, Said } from './oracle.ts'

const FINISH: { readonly [word: string]: string } = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool_calls',
  ERROR_TOXIC: 'content_filter',
  ERROR: 'error',
  TIMEOUT: 'error',
}

function tokensOf(usage: Json | undefined): Said['tokens'] {
  const counted = usage?.billed_units ?? usage?.tokens
  return counted === undefined ? null : [counted.input_tokens ?? 0, counted.output_tokens ?? 0]
}

export const cohereOracle: Oracle = {
  whole(body) {
    const { message, finish_reason: finish, usage } = body
    if (typeof message === 'string') return failed(message)
    const blocks = (message.content ?? []) as readonly Json[]
    return {
      text: blocks.map((block) => block.text ?? '').join(''),
      reasoning: (message.tool_plan ?? '') + blocks.map((block) => block.thinking ?? '').join(''),
      toolCalls: (message.tool_calls ?? []).map((call: Json) => ({
        id: call.id,
        name: call.function.name,
        arguments: parsed(call.function.arguments ?? ''),
      })),
      finish: FINISH[finish] ?? 'other',
      tokens: tokensOf(usage),
    }
  },
  stream(data) {
    const message = { tool_plan: '', content: [] as Json[], tool_calls: [] as Json[] }
    let end: Json = {}
    for (const line of data) {
      const { type, index, delta } = JSON.parse(line) as Json
      const said = delta?.message
      if (type === 'tool-plan-delta') message.tool_plan += said.tool_plan
      if (type === 'content-start' || type === 'content-delta') message.content.push(said.content)
      if (type === 'tool-call-start') message.tool_calls[index] = said.tool_calls
      if (type === 'tool-call-delta') {
        const call = message.tool_calls[index]!
        const json = (call.function.arguments ?? '') + said.tool_calls.function.arguments
        message.tool_calls[index] = { ...call, function: { ...call.function, arguments: json } }
      }
      if (type === 'message-end') end = delta
    }
    return cohereOracle.whole({ message, ...end })
  },
}
