// Normal form → chunks of OpenAI chat completions.
import type { Citation, Part, ReasoningPart } from '../core/chat.ts'
import type { BlockDelta } from '../core/chat-events.ts'
import { annotationOf, detailsOf, extraContent, imageJson } from '../core/formats/openai-message.ts'
import type { JsonObject } from '../core/json.ts'
import type { Usage } from '../core/usage.ts'
import { finishFields, logprobsJson, tierFields, usageJson } from './openai-chat-answer.ts'
import type { AnswerContext, StreamWriter } from './translator.ts'

const FAMILY = 'openai-chat'

/** A block on its way: what its end will need. */
type Block = {
  part: Part
  /** Index among the tool calls of its choice; -1 for other blocks. */
  readonly toolIndex: number
  /** Characters of the choice's text before it. */
  readonly textFrom: number
  text: string
  readonly citations: Citation[]
}

type Choice = {
  hasRole: boolean
  toolCalls: number
  details: number
  textLength: number
  readonly blocks: Map<number, Block>
}

export function openaiChatStreamWriter(context: AnswerContext): StreamWriter {
  const choices = new Map<number, Choice>()
  let head = { id: context.id, created: context.created }
  let prefix = ''
  let facts: JsonObject = {}
  let usage: Usage | null = null
  let hasEnded = false

  /** The envelope is the same in each chunk: it is written as text once. */
  function envelope(): string {
    if (prefix !== '') return prefix
    const text = JSON.stringify({
      ...facts,
      id: head.id,
      object: 'chat.completion.chunk',
      created: head.created,
      model: context.model,
    })
    prefix = `data: ${text.slice(0, -1)},"choices":`
    return prefix
  }

  function chunk(index: number, delta: JsonObject, more: JsonObject = { finish_reason: null }): string {
    const choice = choiceOf(index)
    let first = ''
    if (!choice.hasRole) {
      choice.hasRole = true
      first = `${envelope()}[${JSON.stringify({ index, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null })}]}\n\n`
    }
    return `${first}${envelope()}[${JSON.stringify({ index, delta, ...more })}]}\n\n`
  }

  function choiceOf(index: number): Choice {
    let choice = choices.get(index)
    if (choice === undefined) {
      choice = { hasRole: false, toolCalls: 0, details: 0, textLength: 0, blocks: new Map() }
      choices.set(index, choice)
    }
    return choice
  }

  function startBlock(index: number, number: number, part: Part): string {
    const choice = choiceOf(index)
    const toolIndex = part.type === 'tool_call' ? choice.toolCalls++ : -1
    choice.blocks.set(number, { part, toolIndex, textFrom: choice.textLength, text: '', citations: [] })
    switch (part.type) {
      case 'tool_call': {
        const call =
          part.kind === 'custom'
            ? { type: 'custom', custom: { name: part.name, input: part.arguments } }
            : { type: 'function', function: { name: part.name, arguments: part.arguments } }
        return chunk(index, { tool_calls: [{ index: toolIndex, id: part.id, ...call, ...extraContent(part) }] })
      }
      case 'text':
      case 'refusal':
      case 'reasoning':
        return part.text === '' ? '' : writeDelta(index, number, { type: 'text', text: part.text })
      case 'audio': {
        const transcript = part.transcript === undefined ? {} : { transcript: part.transcript }
        const data = part.source.type === 'inline' ? part.source.data : ''
        return chunk(index, { audio: { id: part.id ?? '', data, ...transcript } })
      }
      case 'image':
      case 'video':
      case 'file':
      case 'tool_result':
      case 'hosted_call':
      case 'opaque':
        return ''
    }
  }

  function writeDelta(index: number, number: number, delta: BlockDelta): string {
    const choice = choiceOf(index)
    const block = choice.blocks.get(number)
    if (block === undefined) return ''
    switch (delta.type) {
      case 'text':
        if (block.part.type === 'text') {
          choice.textLength += delta.text.length
          return chunk(index, { content: delta.text })
        }
        if (block.part.type === 'refusal') return chunk(index, { refusal: delta.text })
        block.text += delta.text
        return chunk(index, { reasoning_content: delta.text })
      case 'arguments':
        if (block.part.type !== 'tool_call') return ''
        return chunk(index, {
          tool_calls: [
            block.part.kind === 'custom'
              ? { index: block.toolIndex, custom: { input: delta.json } }
              : { index: block.toolIndex, function: { arguments: delta.json } },
          ],
        })
      case 'signature':
        if (block.part.type === 'reasoning') block.part = { ...block.part, signature: delta.signature }
        return ''
      case 'encrypted':
        if (block.part.type === 'reasoning') block.part = { ...block.part, encrypted: delta.data }
        return ''
      case 'citation':
        block.citations.push(delta.citation)
        return ''
      case 'data':
        block.part = withData(block.part, delta.data)
        return block.part.type === 'audio' ? chunk(index, { audio: { data: delta.data } }) : ''
      case 'transcript':
        return chunk(index, { audio: { transcript: delta.text } })
      case 'opaque':
        return ''
    }
  }

  /** What is only known when a block is whole: the signed form of a thought, the places that citations back. */
  function endBlock(index: number, number: number): string {
    const choice = choiceOf(index)
    const block = choice.blocks.get(number)
    if (block === undefined) return ''
    choice.blocks.delete(number)
    if (block.part.type === 'reasoning') {
      const whole: ReasoningPart = { ...block.part, text: block.text }
      const details = detailsOf(whole, choice.details)
      choice.details += details.length
      return details.length === 0 ? '' : chunk(index, { reasoning_details: details })
    }
    const image = block.part.type === 'image' ? imageJson(block.part) : null
    if (image !== null) return chunk(index, { images: [image] })
    const annotations = block.citations
      .map((citation) => annotationOf(citation, block.textFrom, choice.textLength))
      .filter((annotation) => annotation !== null)
    return annotations.length === 0 ? '' : chunk(index, { annotations })
  }

  return {
    write(event) {
      switch (event.type) {
        case 'start':
          head = { id: event.id ?? context.id, created: event.created ?? context.created }
          return ''
        case 'facts':
          facts = {
            ...facts,
            ...event.raw?.[FAMILY],
            ...tierFields(event.serviceTier),
          }
          prefix = ''
          return ''
        case 'block_start':
          return startBlock(event.choice, event.block, event.part)
        case 'block_delta':
          return writeDelta(event.choice, event.block, event.delta)
        case 'block_end':
          return endBlock(event.choice, event.block)
        case 'logprobs':
          return chunk(event.choice, {}, { logprobs: logprobsJson(event.tokens), finish_reason: null })
        case 'finish':
          return chunk(event.choice, {}, { logprobs: null, ...finishFields(event.finish) })
        case 'usage':
          usage = event.usage
          return ''
        case 'ping':
          return ''
        case 'error':
          hasEnded = true
          return `data: ${JSON.stringify({ error: { message: event.message, type: 'server_error', param: null, code: event.code } })}\n\ndata: [DONE]\n\n`
        case 'end': {
          hasEnded = true
          const last =
            context.includeUsage && usage !== null
              ? `${envelope()}[],"usage":${JSON.stringify(usageJson(usage))}}\n\n`
              : ''
          return `${last}data: [DONE]\n\n`
        }
      }
    },
    end: () => (hasEnded ? '' : 'data: [DONE]\n\n'),
  }
}

/** Pictures are told whole, at their end; a piece of base64 is decodable for itself, so that none but the last is padded. */
function withData(part: Part, data: string): Part {
  if (part.type !== 'image' || part.source.type !== 'inline') return part
  return { ...part, source: { ...part.source, data: part.source.data + data } }
}
