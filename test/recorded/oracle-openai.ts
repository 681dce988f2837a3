// What an answer of OpenAI's chat and its relatives says, read straight from its own format: see oracle.ts.
import { custom, failed, parsed } from './oracle.ts'
import type { Json, Oracle, Said } from './oracle.ts'

const FINISH: { readonly [word: string]: string } = {
  stop: 'stop',
  end_turn: 'stop',
  eos: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  sensitive: 'content_filter',
  error: 'error',
  network_error: 'error',
  insufficient_system_resource: 'error',
}

function finishOf(word: unknown): string {
  return FINISH[String(word)] ?? 'other'
}

function tokensOf(usage: Json | null | undefined): Said['tokens'] {
  if (usage === null || usage === undefined) return null
  const { prompt_tokens: prompt = 0, completion_tokens: completion = 0 } = usage
  // Some hosts leave reasoning out of `completion_tokens`, and have it in the total.
  return [prompt, Math.max(completion, (usage.total_tokens ?? 0) - prompt)]
}

/** Text and thoughts of a message or a delta: thoughts are blocks of the content, or stand beside it. */
function wordsOf(message: Json): { text: string; reasoning: string } {
  const blocks = (Array.isArray(message.content) ? message.content : []) as readonly Json[]
  const text =
    typeof message.content === 'string'
      ? message.content
      : blocks.map((block) => (block.type === 'text' ? block.text : '')).join('')
  const thought = blocks
    .flatMap((block) => (block.type === 'thinking' ? block.thinking : []))
    .map((piece: Json) => piece.text)
    .join('')
  const details = (message.reasoning_details ?? []) as readonly Json[]
  const told = details.map((detail) => detail.text ?? detail.summary ?? '').join('')
  return {
    text: text + (message.refusal ?? ''),
    reasoning: thought + (message.reasoning_content ?? message.reasoning ?? told),
  }
}

export const openaiOracle: Oracle = {
  whole(body) {
    if (body.choices === undefined) return failed(body.error)
    const { message, finish_reason: finish } = body.choices[0]
    return {
      ...wordsOf(message),
      ...(message.audio?.transcript === undefined ? {} : { spoken: message.audio.transcript }),
      toolCalls: (message.tool_calls ?? []).map((call: Json) =>
        call.custom === undefined
          ? { id: call.id, name: call.function.name, arguments: parsed(call.function.arguments) }
          : { id: call.id, name: call.custom.name, arguments: custom(call.custom.input) },
      ),
      finish: finishOf(finish),
      tokens: tokensOf(body.usage ?? body.choices[0].usage),
    }
  },
  stream(data) {
    let text = ''
    let reasoning = ''
    let spoken = ''
    let finish = ''
    let tokens: Said['tokens'] = null
    const calls: { id: string; name: string; arguments: string; index: unknown; isCustom: boolean }[] = []
    for (const line of data) {
      if (line === '[DONE]') continue
      const chunk = JSON.parse(line) as Json
      if (chunk.error) return failed(chunk.error.message ?? chunk.error)
      const choice = chunk.choices?.[0]
      const usage = chunk.usage ?? choice?.usage
      if (usage !== undefined && usage !== null) tokens = tokensOf(usage)
      if (choice === undefined) continue
      const delta = choice.delta ?? {}
      const said = wordsOf(delta)
      text += said.text
      // The signed form of a thought repeats it when it was told.
      if (delta.reasoning_details === undefined || reasoning === '' || delta.reasoning !== undefined)
        reasoning += said.reasoning
      spoken += delta.audio?.transcript ?? ''
      for (const piece of delta.tool_calls ?? []) addCall(calls, piece)
      if (typeof choice.finish_reason === 'string') finish = finishOf(choice.finish_reason)
    }
    const toolCalls = calls.map(({ id, name, arguments: text, isCustom }) => ({
      id,
      name,
      arguments: isCustom ? custom(text) : parsed(text),
    }))
    return { text, reasoning, ...(spoken === '' ? {} : { spoken }), toolCalls, finish, tokens }
  },
}

/** A piece continues the call of its index; hosts that number all their calls 0 begin each with an id of its own. */
function addCall(
  calls: { id: string; name: string; arguments: string; index: unknown; isCustom: boolean }[],
  piece: Json,
): void {
  const known = calls.findLast((call) => call.index === piece.index && piece.index !== undefined)
  const given = piece.function?.arguments ?? piece.custom?.input ?? ''
  const said = typeof given === 'string' ? given : JSON.stringify(given)
  const name = (piece.custom ?? piece.function ?? {}).name
  const isNew = known !== undefined && piece.id && name && piece.id !== known.id
  if (known !== undefined && !isNew) known.arguments += said
  else calls.push({ id: piece.id, name, arguments: said, index: piece.index, isCustom: piece.custom !== undefined })
}
