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

/** The free text that a custom tool takes, in the form that formats without such tools give it. */
function custom(input: string): unknown {
  return { input }
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
      toolCalls: (message.tool_calls ?? []).map((call: Json) =>
        call.custom === undefined
          ? { id: call.id, name: call.function.name, arguments: parsed(call.function.arguments) }
          : { id: call.id, name: call.custom.name, arguments: custom(call.custom.input) },
      ),
      finish: OPENAI_FINISH[finish] ?? String(finish),
      tokens: openaiTokens(body.usage),
    }
  },
  stream(data) {
    let text = ''
    let reasoning = ''
    let finish = ''
    let tokens: Said['tokens'] = null
    const calls: { id: string; name: string; arguments: string; index: unknown; isCustom: boolean }[] = []
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
        const said = piece.function?.arguments ?? piece.custom?.input ?? ''
        if (known !== undefined) known.arguments += said
        else
          calls.push({
            id: piece.id,
            name: (piece.custom ?? piece.function).name,
            arguments: said,
            index: piece.index,
            isCustom: piece.custom !== undefined,
          })
      }
      if (typeof choice.finish_reason === 'string') finish = OPENAI_FINISH[choice.finish_reason] ?? choice.finish_reason
    }
    const toolCalls = calls.map(({ id, name, arguments: text, isCustom }) => ({
      id,
      name,
      arguments: isCustom ? custom(text) : parsed(text),
    }))
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

const BEDROCK_FINISH: { readonly [word: string]: string } = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
}

function bedrockTokens(usage: Json | undefined): Said['tokens'] {
  if (usage === undefined) return null
  const input = usage.inputTokens + (usage.cacheReadInputTokens ?? 0) + (usage.cacheWriteInputTokens ?? 0)
  return [input, usage.outputTokens]
}

export const bedrockOracle: Oracle = {
  whole(body) {
    const blocks = body.output.message.content as readonly Json[]
    return {
      text: blocks.map((block) => block.text ?? '').join(''),
      reasoning: blocks.map((block) => block.reasoningContent?.reasoningText?.text ?? '').join(''),
      toolCalls: blocks.flatMap(({ toolUse }) =>
        toolUse === undefined ? [] : [{ id: toolUse.toolUseId, name: toolUse.name, arguments: toolUse.input }],
      ),
      finish: BEDROCK_FINISH[body.stopReason] ?? String(body.stopReason),
      tokens: bedrockTokens(body.usage),
    }
  },
  stream(data) {
    const events = data.map((line) => JSON.parse(line) as Json)
    const deltas = events.flatMap((event) => event.contentBlockDelta ?? []) as readonly Json[]
    const starts = events.flatMap((event) => event.contentBlockStart ?? []) as readonly Json[]
    const inputOf = (index: number): string =>
      deltas.map((one) => (one.contentBlockIndex === index ? (one.delta.toolUse?.input ?? '') : '')).join('')
    const stop = events.find((event) => event.messageStop !== undefined)?.messageStop.stopReason
    return {
      text: deltas.map(({ delta }) => delta.text ?? '').join(''),
      reasoning: deltas.map(({ delta }) => delta.reasoningContent?.text ?? '').join(''),
      toolCalls: starts.map(({ start, contentBlockIndex }) => ({
        id: start.toolUse.toolUseId,
        name: start.toolUse.name,
        arguments: parsed(inputOf(contentBlockIndex)),
      })),
      finish: BEDROCK_FINISH[stop] ?? String(stop),
      tokens: bedrockTokens(events.find((event) => event.metadata !== undefined)?.metadata.usage),
    }
  },
}

const COHERE_FINISH: { readonly [word: string]: string } = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool_calls',
}

export const cohereOracle: Oracle = {
  whole(body) {
    const { message, finish_reason: finish, usage } = body
    const blocks = (message.content ?? []) as readonly Json[]
    return {
      text: blocks.map((block) => block.text ?? '').join(''),
      reasoning: (message.tool_plan ?? '') + blocks.map((block) => block.thinking ?? '').join(''),
      toolCalls: (message.tool_calls ?? []).map((call: Json) => ({
        id: call.id,
        name: call.function.name,
        arguments: parsed(call.function.arguments),
      })),
      finish: COHERE_FINISH[finish] ?? String(finish),
      tokens: [usage.billed_units.input_tokens, usage.billed_units.output_tokens],
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
        const json = call.function.arguments + said.tool_calls.function.arguments
        message.tool_calls[index] = { ...call, function: { ...call.function, arguments: json } }
      }
      if (type === 'message-end') end = delta
    }
    return cohereOracle.whole({ message, ...end })
  },
}

const RESPONSES_FINISH: { readonly [word: string]: string } = {
  completed: 'stop',
  max_output_tokens: 'length',
  content_filter: 'content_filter',
}

export const responsesOracle: Oracle = {
  whole(body) {
    const items = body.output as readonly Json[]
    const texts = (pieces: readonly Json[] | undefined, type: string): string =>
      (pieces ?? []).map((piece) => (piece.type === type ? piece.text : '')).join('')
    const word = body.status === 'incomplete' ? body.incomplete_details.reason : body.status
    const calls = items.filter((item) => item.type === 'function_call' || item.type === 'custom_tool_call')
    const finish = RESPONSES_FINISH[word] ?? String(word)
    return {
      text: items.map((item) => (item.type === 'message' ? texts(item.content, 'output_text') : '')).join(''),
      reasoning: items
        .map((item) =>
          item.type === 'reasoning' ? texts(item.summary, 'summary_text') + texts(item.content, 'reasoning_text') : '',
        )
        .join(''),
      toolCalls: calls.map((item) => ({
        id: item.call_id,
        name: item.name,
        arguments: item.type === 'custom_tool_call' ? custom(item.input) : parsed(item.arguments),
      })),
      // This format has no word for an end that calls for tools.
      finish: finish === 'stop' && calls.length > 0 ? 'tool_calls' : finish,
      tokens:
        body.usage === undefined || body.usage === null ? null : [body.usage.input_tokens, body.usage.output_tokens],
    }
  },
  stream(data) {
    // What each item has said by its deltas; the items themselves come from their ends.
    const told = new Map<number, string>()
    const items: Json[] = []
    let last: Json = {}
    for (const line of data) {
      const event = JSON.parse(line) as Json
      if (
        /^response\.(?:output_text|reasoning_text|reasoning_summary_text|function_call_arguments|custom_tool_call_input)\.delta$/.test(
          event.type,
        )
      )
        told.set(event.output_index, (told.get(event.output_index) ?? '') + event.delta)
      if (event.type === 'response.output_item.done') items[event.output_index] = event.item
      if (event.response !== undefined) last = event.response
    }
    for (const [place, text] of told) {
      const item = items[place] ?? {}
      const whole =
        item.arguments ??
        item.input ??
        [...(item.summary ?? []), ...(item.content ?? [])].map((piece: Json) => piece.text).join('')
      // A host may leave out deltas. One recording contradicts itself: then what was streamed counts.
      if (!whole.startsWith(text)) items[place] = { ...item, content: [{ type: 'output_text', text }] }
    }
    return responsesOracle.whole({ ...last, output: items })
  },
}
