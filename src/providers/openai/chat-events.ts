// Chunks of an OpenAI-compatible host → events.
import { ChatEventBuilder } from '../../core/chat-builder.ts'
import {
  argumentsText,
  citationOf,
  imagesOf,
  reasoningOfDetail,
  summaryText,
  thinkingText,
  toolCallOf,
} from '../../core/formats/openai-message.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, restOf, stringOf } from '../../core/json-read.ts'
import type { StreamReader } from '../chat-codec.ts'
import { messageOf } from './answer.ts'
import { ANSWER_FIELDS, finishOfWord, readLogprobs, sourcesOf } from './chat-answer.ts'
import { ThinkSplitter } from './think-tags.ts'
import { usageOfOpenai } from './usage.ts'

const FAMILY = 'openai-chat'

/** Events of one stream. `thinkTags`: thoughts come as tags in the text. */
export function openaiChatStreamReader(thinkTags = false): StreamReader {
  const builder = new ChatEventBuilder(FAMILY)
  const splitters = new Map<number, ThinkSplitter>()
  let answerId = ''
  let calls = 0
  let images = 0
  let factsText = ''
  let sources: JsonObject = {}
  let lastChoice = 0
  let hasText = false
  let tier: string | null = null

  function read(data: string): void {
    if (data === '[DONE]') return finish()
    let chunk: unknown
    try {
      chunk = JSON.parse(data)
    } catch {
      return builder.fail('an event of the stream is not JSON', null)
    }
    if (!isObject(chunk)) return builder.fail('an event of the stream is not an object', null)
    const error = chunk['error']
    if (error !== undefined && error !== null)
      return builder.fail(messageOf(error), isObject(error) ? stringOf(error, 'code') : null)
    const choices = objectsOf(chunk, 'choices')
    // Azure begins with a chunk about its filters that names no answer.
    const id = stringOf(chunk, 'id')
    if (id !== null && (id !== '' || choices.length > 0)) {
      if (answerId === '') answerId = id
      builder.start({ id: id || null, model: stringOf(chunk, 'model') || null, created: numberOf(chunk, 'created') })
    } else if (choices.length > 0)
      builder.start({ id: null, model: stringOf(chunk, 'model') || null, created: numberOf(chunk, 'created') })
    if (choices.length > 0) readFacts(chunk)
    let usage = objectOf(chunk, 'usage')
    for (const [place, choice] of choices.entries()) {
      readChoice(choice, numberOf(choice, 'index') ?? place)
      // Moonshot puts the usage of a stream into the last choice.
      usage ??= objectOf(choice, 'usage')
    }
    if (usage !== null) {
      builder.start({ id: id || null, model: stringOf(chunk, 'model') || null, created: numberOf(chunk, 'created') })
      builder.usage(usageOfOpenai(usage), usage)
    }
  }

  /** Fields that have no event, told when they change: hosts repeat them in each chunk. */
  function readFacts(chunk: JsonObject): void {
    const said = stringOf(chunk, 'service_tier')
    const newTier = said !== null && said !== tier ? said : null
    if (newTier !== null) tier = newTier
    const rest = restOf(chunk, ANSWER_FIELDS)
    let isNew = false
    if (rest !== null) {
      const text = JSON.stringify(rest)
      isNew = text !== factsText
      factsText = text
      if (isNew && (rest['citations'] !== undefined || rest['search_results'] !== undefined)) sources = rest
    }
    if (isNew || newTier !== null) builder.facts(isNew ? rest : null, newTier)
  }

  function readChoice(choice: JsonObject, index: number): void {
    lastChoice = index
    const delta = objectOf(choice, 'delta') ?? objectOf(choice, 'message')
    if (delta !== null) readDelta(delta, index)
    const logprobs = objectOf(choice, 'logprobs')
    if (logprobs !== null) builder.logprobs(index, readLogprobs(logprobs))
    const word = stringOf(choice, 'finish_reason')
    if (word !== null) builder.finish(index, finishOfWord(word))
  }

  function readDelta(delta: JsonObject, index: number): void {
    readReasoning(delta, index)
    const content = delta['content']
    if (typeof content === 'string') readText(content, index)
    else if (Array.isArray(content)) for (const block of content) if (isObject(block)) readBlock(block, index)
    builder.append(index, 'refusal', stringOf(delta, 'refusal') ?? '')
    for (const annotation of objectsOf(delta, 'annotations')) {
      const citation = citationOf(annotation)
      if (citation !== null && hasText) builder.appendDelta(index, 'text', { type: 'citation', citation })
    }
    const audio = objectOf(delta, 'audio')
    if (audio !== null) readAudio(audio, index)
    for (const image of imagesOf(delta)) builder.whole(index, `image ${images++}`, image)
    for (const call of objectsOf(delta, 'tool_calls')) readToolCall(call, index)
    const legacy = objectOf(delta, 'function_call')
    if (legacy !== null) readToolCall({ index: 0, function: legacy }, index)
  }

  function readText(text: string, index: number): void {
    if (text === '') return
    if (!thinkTags) {
      hasText = true
      return builder.append(index, 'text', text)
    }
    let splitter = splitters.get(index)
    if (splitter === undefined) {
      splitter = new ThinkSplitter()
      splitters.set(index, splitter)
    }
    for (const piece of splitter.push(text)) {
      if (piece.kind === 'text') hasText = true
      builder.append(index, piece.kind, piece.text)
    }
  }

  /** A content block of Mistral's or Databricks': text, or thoughts. */
  function readBlock(block: JsonObject, index: number): void {
    const type = stringOf(block, 'type')
    if (type === 'thinking') builder.append(index, 'reasoning', thinkingText(block))
    else if (type === 'reasoning') builder.append(index, 'reasoning', summaryText(block))
    else readText(stringOf(block, 'text') ?? '', index)
  }

  function readReasoning(delta: JsonObject, index: number): void {
    const details = objectsOf(delta, 'reasoning_details')
    if (details.length === 0)
      return builder.append(
        index,
        'reasoning',
        stringOf(delta, 'reasoning_content') ?? stringOf(delta, 'reasoning') ?? '',
      )
    for (const detail of details) {
      const part = reasoningOfDetail(detail)
      if (part === null) continue
      const key = `reasoning ${numberOf(detail, 'index') ?? 0} ${stringOf(detail, 'type') ?? ''}`
      if (!builder.isOpen(index, key)) {
        const { raw: _raw, ...start } = part
        builder.open(index, key, { ...start, text: '', signature: null })
      }
      if (part.text !== '') builder.delta(index, key, { type: 'text', text: part.text })
      if (part.signature !== null) builder.delta(index, key, { type: 'signature', signature: part.signature })
    }
  }

  function readAudio(audio: JsonObject, index: number): void {
    if (!builder.isOpen(index, 'audio')) {
      const id = stringOf(audio, 'id')
      builder.open(index, 'audio', {
        type: 'audio',
        source: { type: 'inline', data: '', mediaType: 'audio/pcm' },
        ...(id === null ? {} : { id }),
      })
    }
    const data = stringOf(audio, 'data')
    if (data !== null && data !== '') builder.delta(index, 'audio', { type: 'data', data })
    const transcript = stringOf(audio, 'transcript')
    if (transcript !== null && transcript !== '')
      builder.delta(index, 'audio', { type: 'transcript', text: transcript })
  }

  let lastKey = ''
  function readToolCall(call: JsonObject, index: number): void {
    const id = stringOf(call, 'id') ?? ''
    const place = numberOf(call, 'index')
    // Mistral numbers its calls only sometimes, and sends each of them whole; others repeat neither id nor name.
    const key = place === null ? (id === '' ? lastKey : `id ${id}`) : `call ${place}`
    const fn = objectOf(call, 'function')
    const custom = objectOf(call, 'custom')
    const name = (fn === null ? custom : fn)?.['name']
    const open = builder.partOf(index, key)
    // Some hosts give each of several parallel calls the index 0: a new id with a name is a new call.
    const isNew = open?.type === 'tool_call' && id !== '' && open.id !== id && typeof name === 'string' && name !== ''
    if (open === null || isNew) {
      const part = toolCallOf(call, `call_${answerId}_${calls}`)
      calls++
      builder.open(index, key, { ...part, arguments: '' })
    }
    lastKey = key
    const json = custom === null ? argumentsText(fn?.['arguments']) : (stringOf(custom, 'input') ?? '')
    builder.delta(index, key, { type: 'arguments', json })
  }

  function finish(): void {
    flush()
    builder.end()
  }

  function flush(): void {
    for (const [index, splitter] of splitters)
      for (const piece of splitter.end()) builder.append(index, piece.kind, piece.text)
    if (!hasText) return
    for (const citation of sourcesOf(sources)) builder.appendDelta(lastChoice, 'text', { type: 'citation', citation })
    sources = {}
  }

  return {
    read(_type, data) {
      if (builder.hasEnded) return []
      read(data)
      return builder.take()
    },
    end() {
      if (builder.hasEnded) return []
      flush()
      builder.cut()
      return builder.take()
    },
  }
}
