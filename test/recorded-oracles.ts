// What an answer says, read straight from its own format: the yardstick of the recorded corpus.
// It shares no code with the translators on purpose, and knows only what the recordings hold.

type Json = { readonly [name: string]: any } // oxlint-disable-line typescript/no-explicit-any -- test data of any form

export type Said = {
  readonly text: string
  readonly reasoning: string
  readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: unknown }[]
  /** In the words of the normal form. */
  readonly finish: string
  /** All input and output tokens; null where the answer tells none. */
  readonly tokens: readonly [input: number, output: number] | null
}

export type Oracle = {
  whole(body: Json): Said
  /** `data`: the data of each event, terminators included. */
  stream(data: readonly string[]): Said
}

/** A text that must be JSON: what it holds. */
function parsed(text: string): unknown {
  return JSON.parse(text === '' ? '{}' : text)
}

const OPENAI_FINISH: { readonly [word: string]: string } = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  content_filter: 'content_filter',
}

function openaiTokens(usage: Json | null | undefined): Said['tokens'] {
  if (usage === null || usage === undefined) return null
  // Some hosts leave reasoning out of `completion_tokens`, and have it in the total.
  return [usage.prompt_tokens, Math.max(usage.completion_tokens, (usage.total_tokens ?? 0) - usage.prompt_tokens)]
}

function openaiText(content: unknown): { text: string; reasoning: string } {
  if (!Array.isArray(content)) return { text: typeof content === 'string' ? content : '', reasoning: '' }
  const blocks = content as readonly Json[]
  return {
    text: blocks.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    reasoning: blocks
      .flatMap((block) => (block.type === 'thinking' ? block.thinking : []))
      .map((piece: Json) => piece.text)
      .join(''),
  }
}

export const openaiOracle: Oracle = {
  whole(body) {
    const { message, finish_reason: finish } = body.choices[0]
    const { text, reasoning } = openaiText(message.content)
    return {
      text,
      reasoning: reasoning + (message.reasoning_content ?? message.reasoning ?? ''),
      toolCalls: (message.tool_calls ?? []).map((call: Json) => ({
        id: call.id,
        name: call.function.name,
        arguments: parsed(call.function.arguments),
      })),
      finish: OPENAI_FINISH[finish] ?? String(finish),
      tokens: openaiTokens(body.usage),
    }
  },
  stream(data) {
    let text = ''
    let reasoning = ''
    let finish = ''
    let tokens: Said['tokens'] = null
    const calls: { id: string; name: string; arguments: string; index: unknown }[] = []
    for (const line of data) {
      if (line === '[DONE]') continue
      const chunk = JSON.parse(line) as Json
      if (chunk.usage !== undefined && chunk.usage !== null) tokens = openaiTokens(chunk.usage)
      const choice = chunk.choices?.[0]
      if (choice === undefined) continue
      const delta = choice.delta ?? {}
      const said = openaiText(delta.content)
      text += said.text
      reasoning += said.reasoning + (delta.reasoning_content ?? delta.reasoning ?? '')
      for (const piece of delta.tool_calls ?? []) {
        const known = calls.find((call) => call.index === piece.index && piece.index !== undefined)
        if (known !== undefined) known.arguments += piece.function?.arguments ?? ''
        else
          calls.push({
            id: piece.id,
            name: piece.function.name,
            arguments: piece.function.arguments ?? '',
            index: piece.index,
          })
      }
      if (typeof choice.finish_reason === 'string') finish = OPENAI_FINISH[choice.finish_reason] ?? choice.finish_reason
    }
    const toolCalls = calls.map(({ id, name, arguments: json }) => ({ id, name, arguments: parsed(json) }))
    return { text, reasoning, toolCalls, finish, tokens }
  },
}

const ANTHROPIC_FINISH: { readonly [word: string]: string } = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

function anthropicTokens(usage: Json): Said['tokens'] {
  let input = usage.input_tokens + (usage.cache_creation_input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0)
  let output = usage.output_tokens
  for (const iteration of usage.iterations ?? [])
    if (iteration.type === 'compaction') {
      input += iteration.input_tokens
      output += iteration.output_tokens
    }
  return [input, output]
}

export const anthropicOracle: Oracle = {
  whole(body) {
    const blocks = body.content as readonly Json[]
    return {
      text: blocks.map((block) => (block.type === 'text' ? block.text : '')).join(''),
      reasoning: blocks.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
      toolCalls: blocks.flatMap((block) =>
        block.type === 'tool_use' ? [{ id: block.id, name: block.name, arguments: block.input }] : [],
      ),
      finish: ANTHROPIC_FINISH[body.stop_reason] ?? String(body.stop_reason),
      tokens: anthropicTokens(body.usage),
    }
  },
  stream(data) {
    const blocks: Json[] = []
    const inputs: string[] = []
    let stop = ''
    let usage: Json = {}
    for (const line of data) {
      const event = JSON.parse(line) as Json
      switch (event.type) {
        case 'message_start':
          blocks.push(...event.message.content)
          usage = event.message.usage
          stop = event.message.stop_reason ?? ''
          break
        case 'content_block_start':
          blocks[event.index] = { ...event.content_block }
          inputs[event.index] = ''
          break
        case 'content_block_delta': {
          const block = blocks[event.index]!
          if (event.delta.type === 'text_delta') blocks[event.index] = { ...block, text: block.text + event.delta.text }
          if (event.delta.type === 'thinking_delta')
            blocks[event.index] = { ...block, thinking: block.thinking + event.delta.thinking }
          if (event.delta.type === 'input_json_delta') inputs[event.index] += event.delta.partial_json
          break
        }
        case 'content_block_stop': {
          const block = blocks[event.index]!
          const input = inputs[event.index] ?? ''
          // A call that came whole has its input in its start.
          if (block.type === 'tool_use' && input !== '') blocks[event.index] = { ...block, input: parsed(input) }
          break
        }
        case 'message_delta':
          stop = event.delta.stop_reason ?? stop
          usage = { ...usage, ...event.usage }
          break
      }
    }
    return anthropicOracle.whole({ content: blocks, stop_reason: stop, usage })
  },
}
