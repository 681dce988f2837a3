// What an answer of OpenAI's Responses says, read straight from its own format: see oracle.ts.
import { custom, failed, parsed } from './oracle.ts'
import type { Json, Oracle } from './oracle.ts'

const FINISH: { readonly [word: string]: string } = {
  completed: 'stop',
  failed: 'error',
  max_output_tokens: 'length',
  content_filter: 'content_filter',
}

export const responsesOracle: Oracle = {
  whole(body) {
    const items = body.output as readonly Json[]
    // What was said before a fault is there; where nothing was, there is no account.
    if (body.status === 'failed' && items.length === 0) return failed(body.error.message)
    const texts = (pieces: readonly Json[] | undefined, type: string): string =>
      (pieces ?? [])
        .map((piece) => (piece.type === type ? piece.text : type === 'output_text' ? (piece.refusal ?? '') : ''))
        .join('')
    const word = body.status === 'incomplete' ? body.incomplete_details.reason : body.status
    const calls = items.filter((item) => item.type === 'function_call' || item.type === 'custom_tool_call')
    const finish = FINISH[word] ?? 'other'
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
        /^response\.(?:output_text|refusal|reasoning_text|reasoning_summary_text|function_call_arguments|custom_tool_call_input)\.delta$/.test(
          event.type,
        )
      )
        told.set(event.output_index, (told.get(event.output_index) ?? '') + event.delta)
      if (event.type === 'response.output_item.done') items[event.output_index] = event.item
      if (event.response !== undefined) last = event.response
      if (event.type === 'error') return failed(event.message ?? event.error?.message)
    }
    for (const [place, text] of told) {
      const item = items[place] ?? {}
      const whole =
        item.arguments ??
        item.input ??
        [...(item.summary ?? []), ...(item.content ?? [])].map((piece: Json) => piece.text ?? piece.refusal).join('')
      // A host may leave out deltas. One recording contradicts itself: then what was streamed counts.
      if (!whole.startsWith(text)) items[place] = { ...item, content: [{ type: 'output_text', text }] }
    }
    return responsesOracle.whole({ ...last, output: items })
  },
}
