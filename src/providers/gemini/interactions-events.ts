// Stream of Gemini's Interactions → events, and the steps of a whole interaction by the same reader.
// https://ai.google.dev/api/interactions-api
//
// An interaction is a list of steps: thoughts, outputs of the model, calls of functions, and what Google's own tools did.
// Thoughts and calls carry the signatures of generateContent, so these are of the same family.
import { ChatEventBuilder } from '../../core/chat-builder.ts'
import type { Citation, ToolCallPart } from '../../core/chat.ts'
import { rawOf } from '../../core/chat.ts'
import type { ChatEvent } from '../../core/chat-events.ts'
import type { JsonObject } from '../../core/json.ts'
import { listOf, namesOf, numberOf, objectOf, objectsOf, parseObject, restOf, stringOf } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading, StreamReader } from '../chat-codec.ts'
import { charactersAt } from './citations.ts'
import { finishOfInteraction, usageOfInteraction } from './interactions-facts.ts'
import { abilitiesOf } from './models.ts'

const FAMILY = 'gemini-interactions'
const SIGNATURES = 'gemini'
const INTERACTION_FIELDS = namesOf('id status usage created updated service_tier steps object model error')

/** What is known of a step on its way. */
type Step = {
  readonly type: string
  /** Its fields as they stand: the start with what deltas added. */
  value: JsonObject
  text: string
  /** The arguments of a call that was sent in another guise, which can be read only when they are whole. */
  held: string | null
}

/** The reader of a stream, which takes whole interactions, too. */
export type InteractionsReader = StreamReader & {
  readInteraction(interaction: JsonObject): readonly ChatEvent[]
}

export function interactionsStreamReader(reading: Reading = PLAIN_READING): InteractionsReader {
  const builder = new ChatEventBuilder(FAMILY)
  const steps = new Map<number, Step>()
  let model = ''
  let searches = 0
  let pictures = 0

  function read(data: string): void {
    if (data === '[DONE]') return
    const event = parseObject(data)
    if (event === null) return builder.fail('an event of the stream is not a JSON object', null)
    const index = numberOf(event, 'index') ?? 0
    const interaction = objectOf(event, 'interaction')
    switch (stringOf(event, 'event_type')) {
      case 'interaction.created':
        return start(interaction ?? {})
      case 'interaction.completed':
        return finish(interaction ?? {})
      case 'step.start':
        return openStep(index, objectOf(event, 'step') ?? {})
      case 'step.delta':
        return readDelta(index, objectOf(event, 'delta') ?? {})
      case 'step.stop':
        return closeStep(index)
      case 'error': {
        const error = objectOf(event, 'error') ?? event
        return builder.fail(stringOf(error, 'message') ?? 'unknown', stringOf(error, 'code'))
      }
      default:
        // Changes of the status, and types that may come at any time.
        return undefined
    }
  }

  function start(interaction: JsonObject): void {
    model = stringOf(interaction, 'model') ?? model
    const created = Date.parse(stringOf(interaction, 'created') ?? '')
    builder.start({
      id: stringOf(interaction, 'id') || null,
      model: model || null,
      created: Number.isNaN(created) ? null : Math.floor(created / 1000),
    })
  }

  function openStep(index: number, value: JsonObject): void {
    closeStep(index)
    const step: Step = { type: stringOf(value, 'type') ?? '', value, text: '', held: null }
    steps.set(index, step)
    switch (step.type) {
      case 'thought':
        for (const piece of objectsOf(value, 'summary')) appendThought(index, stringOf(piece, 'text') ?? '')
        return sign(index, stringOf(value, 'signature'))
      case 'model_output':
        for (const content of objectsOf(value, 'content')) readContent(index, step, content)
        return
      case 'function_call':
        return openCall(index, step)
      case 'google_search_call':
        return countSearches(value)
    }
  }

  function openCall(index: number, step: Step): void {
    const { value } = step
    const name = stringOf(value, 'name') ?? ''
    const signature = stringOf(value, 'signature') ?? ''
    const isCustom = reading.customTools.has(name)
    const part: ToolCallPart = {
      type: 'tool_call',
      kind: isCustom ? 'custom' : 'function',
      id: stringOf(value, 'id') ?? '',
      name,
      arguments: '',
      ...(signature === '' ? {} : { signature, family: SIGNATURES }),
    }
    if (isCustom) step.held = ''
    builder.open(0, index, part)
    // An empty object at the start is a place holder.
    const given = objectOf(value, 'arguments') ?? {}
    if (Object.keys(given).length > 0) appendArguments(index, step, JSON.stringify(given))
  }

  function appendArguments(index: number, step: Step, json: string): void {
    if (step.held !== null) step.held += json
    else builder.delta(0, index, { type: 'arguments', json })
  }

  function readDelta(index: number, delta: JsonObject): void {
    const step = steps.get(index)
    if (step === undefined) return
    switch (step.type) {
      case 'thought':
        appendThought(index, stringOf(objectOf(delta, 'content') ?? delta, 'text') ?? '')
        return sign(index, stringOf(delta, 'signature'))
      case 'model_output':
        return readContent(index, step, delta)
      case 'function_call':
        return appendArguments(index, step, stringOf(delta, 'arguments') ?? '')
      default: {
        const { type: _type, ...added } = delta
        step.value = { ...step.value, ...added }
        if (step.type === 'google_search_call') countSearches(delta)
      }
    }
  }

  function appendThought(index: number, text: string): void {
    if (text === '') return
    openThought(index)
    builder.delta(0, index, { type: 'text', text })
  }

  function sign(index: number, signature: string | null): void {
    if (signature === null || signature === '') return
    openThought(index)
    builder.delta(0, index, { type: 'signature', signature })
  }

  function openThought(index: number): void {
    if (!builder.isOpen(0, index))
      builder.open(0, index, { type: 'reasoning', text: '', signature: null, encrypted: null, family: SIGNATURES })
  }

  /** A piece of what the model says, or the whole of it: text, citations of it, a picture, sound. */
  function readContent(index: number, step: Step, content: JsonObject): void {
    const text = stringOf(content, 'text') ?? ''
    if (text !== '') {
      if (!builder.isOpen(0, index)) builder.open(0, index, { type: 'text', text: '' })
      step.text += text
      builder.delta(0, index, { type: 'text', text })
    }
    for (const annotation of objectsOf(content, 'annotations'))
      if (builder.isOpen(0, index))
        builder.delta(0, index, { type: 'citation', citation: citationOf(annotation, step.text) })
    const data = stringOf(content, 'data')
    if (data === null) return
    const kind = stringOf(content, 'type') === 'audio' ? 'audio' : 'image'
    const mediaType = stringOf(content, 'mime_type') ?? `${kind}/*`
    builder.close(0, index)
    step.text = ''
    builder.whole(0, `picture ${pictures++}`, { type: kind, source: { type: 'inline', data, mediaType } })
  }

  function countSearches(value: JsonObject): void {
    const queries = listOf(objectOf(value, 'arguments') ?? {}, 'queries').length
    searches = abilitiesOf(model).searchesBilledEach ? searches + queries : Math.max(searches, Math.min(1, queries))
  }

  function closeStep(index: number): void {
    const step = steps.get(index)
    steps.delete(index)
    if (step === undefined) return
    if (step.held !== null)
      builder.delta(0, index, {
        type: 'arguments',
        json: stringOf(parseObject(step.held) ?? {}, 'input') ?? step.held,
      })
    if (builder.isOpen(0, index)) return builder.close(0, index)
    // What Google's own tools did is for nobody else.
    if (!['thought', 'model_output', 'function_call'].includes(step.type))
      builder.whole(0, `step ${index}`, { type: 'opaque', family: FAMILY, value: step.value })
  }

  function finish(interaction: JsonObject): void {
    start(interaction)
    const error = objectOf(interaction, 'error')
    const status = stringOf(interaction, 'status')
    if (error !== null || status === 'failed' || status === 'cancelled')
      return builder.fail(stringOf(error ?? {}, 'message') ?? `the interaction is ${status}`, status)
    for (const index of steps.keys()) closeStep(index)
    const usage = objectOf(interaction, 'usage')
    const counted = usage === null ? null : usageOfInteraction(usage, searches)
    if (usage !== null && counted !== null) builder.usage(counted, usage)
    builder.facts(restOf(interaction, INTERACTION_FIELDS), stringOf(interaction, 'service_tier'))
    builder.finish(0, finishOfInteraction(status))
    builder.end()
  }

  return {
    ...builder.reader((_type, data) => read(data)),
    readInteraction(interaction) {
      start(interaction)
      for (const [index, step] of objectsOf(interaction, 'steps').entries()) {
        openStep(index, step)
        closeStep(index)
      }
      finish(interaction)
      return builder.take()
    },
  }
}

/** Places are told in bytes of the text's UTF-8. */
function citationOf(annotation: JsonObject, text: string): Citation {
  const [start, end] = [numberOf(annotation, 'start_index'), numberOf(annotation, 'end_index')]
  return {
    url: stringOf(annotation, 'url') ?? stringOf(annotation, 'document_uri'),
    title: stringOf(annotation, 'title') ?? stringOf(annotation, 'file_name') ?? stringOf(annotation, 'name'),
    citedText: null,
    start: end === null ? null : charactersAt(text, 0, start ?? 0),
    end: end === null ? null : charactersAt(text, 0, end),
    ...rawOf(FAMILY, annotation),
  }
}
