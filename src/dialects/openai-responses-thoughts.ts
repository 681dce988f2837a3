// Thoughts in the event stream of OpenAI Responses: summaries, full texts, and what is encrypted, in items that they share.
import type { ReasoningPart } from '../core/chat.ts'
import type { JsonObject } from '../core/json.ts'
import type { Container, ResponseOutput } from './openai-responses-output.ts'

export type ThoughtBlock = {
  readonly kind: 'thought'
  part: ReasoningPart
  container: Container | null
  /** Place among the summaries or the texts of its item; -1: it has no text yet. */
  index: number
}

export function joinThought(output: ResponseOutput, block: ThoughtBlock): string {
  if (block.container !== null) return ''
  const { item, text } = output.join(block.part)
  block.container = item
  return text
}

export function appendThought(output: ResponseOutput, block: ThoughtBlock, delta: string): string {
  if (delta === '') return ''
  let text = joinThought(output, block)
  const item = block.container
  if (item === null) return text
  const isSummary = block.part.isSummary === true
  if (block.index < 0) {
    block.index = isSummary ? item.summaries++ : item.texts++
    text += isSummary
      ? output.sse('response.reasoning_summary_part.added', { ...placeOf(block, item), part: summaryText('') })
      : output.sse('response.content_part.added', { ...placeOf(block, item), part: reasoningText('') })
  }
  block.part = { ...block.part, text: block.part.text + delta }
  const type = isSummary ? 'response.reasoning_summary_text.delta' : 'response.reasoning_text.delta'
  return text + output.sse(type, { ...placeOf(block, item), delta })
}

function placeOf(block: ThoughtBlock, item: Container): JsonObject {
  return {
    item_id: item.id,
    output_index: item.place,
    [block.part.isSummary === true ? 'summary_index' : 'content_index']: block.index,
  }
}

export function endThought(output: ResponseOutput, block: ThoughtBlock): string {
  const item = block.container
  if (item === null) return ''
  item.thoughts.push(block.part)
  const { text, isSummary } = block.part
  const where = placeOf(block, item)
  if (block.index < 0) return output.closeBlock(item)
  const ended =
    isSummary === true
      ? output.sse('response.reasoning_summary_text.done', { ...where, text }) +
        output.sse('response.reasoning_summary_part.done', { ...where, part: summaryText(text) })
      : output.sse('response.reasoning_text.done', { ...where, text }) +
        output.sse('response.content_part.done', { ...where, part: reasoningText(text) })
  return ended + output.closeBlock(item)
}

function summaryText(text: string): JsonObject {
  return { type: 'summary_text', text }
}

function reasoningText(text: string): JsonObject {
  return { type: 'reasoning_text', text }
}
