// What an answer of Anthropic's messages says, read straight from its own format: see oracle.ts.
import { failed, parsed } from './oracle.ts'
import type { Json, Oracle, Said } from './oracle.ts'

const FINISH: { readonly [word: string]: string } = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
  pause_turn: 'pause',
  compaction: 'pause',
}

function tokensOf(usage: Json | undefined): Said['tokens'] {
  if (usage?.output_tokens === undefined) return null
  let input =
    (usage.input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0)
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
    if (body.type === 'error') return failed(body.error.message)
    const blocks = body.content as readonly Json[]
    return {
      text: blocks.map((block) => (block.type === 'text' ? block.text : '')).join(''),
      reasoning: blocks.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
      toolCalls: blocks.flatMap((block) =>
        block.type === 'tool_use' ? [{ id: block.id, name: block.name, arguments: block.input }] : [],
      ),
      finish: FINISH[body.stop_reason] ?? 'other',
      tokens: tokensOf(body.usage),
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
          if (blocks.length === 0) blocks.push(...event.message.content)
          usage = { ...event.message.usage }
          stop = event.message.stop_reason ?? ''
          break
        case 'content_block_start':
          blocks[event.index] = { ...event.content_block }
          inputs[event.index] = ''
          break
        case 'content_block_delta': {
          const block = blocks[event.index]
          if (block === undefined) break
          if (event.delta.type === 'text_delta') blocks[event.index] = { ...block, text: block.text + event.delta.text }
          if (event.delta.type === 'thinking_delta')
            blocks[event.index] = { ...block, thinking: block.thinking + event.delta.thinking }
          if (event.delta.type === 'input_json_delta') inputs[event.index] += event.delta.partial_json
          break
        }
        case 'content_block_stop': {
          const block = blocks[event.index]
          const input = inputs[event.index] ?? ''
          // A call that came whole has its input in its start.
          if (block?.type === 'tool_use' && input !== '') blocks[event.index] = { ...block, input: parsed(input) }
          break
        }
        case 'message_delta':
          stop = event.delta.stop_reason ?? stop
          usage = { ...usage, ...withoutNull(event.usage ?? {}) }
          break
        case 'error':
          return failed(event.error.message)
      }
    }
    return anthropicOracle.whole({ content: blocks.filter(Boolean), stop_reason: stop, usage })
  },
}

function withoutNull(object: Json): Json {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null))
}
