// Live sessions of the simulator, in the events of OpenAI's realtime: text, and sound that is a quiet tone of the length
// that the words would take.
import type { Clock } from '../../core/clock.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { listOf, objectOf, objectsOf, parseObject, stringOf } from '../../core/json-read.ts'
import { createInbox } from '../upstream-socket.ts'
import type { UpstreamSocket } from '../upstream-socket.ts'
import type { SimulatedModel } from './model.ts'
import { prose } from './prose.ts'
import { identifier, lognormal, randomOf } from './random.ts'
import { countTokens, tokensOf } from './tokens.ts'

export type LiveOptions = {
  readonly clock: Clock
  readonly seed: number
  /** Null: there is no such model. */
  readonly model: SimulatedModel | null
  readonly name: string
  /** Tells sessions apart. */
  readonly number: number
}

/** 24 kHz, 16 bit, one channel. */
const BYTES_PER_MS = 48
const MS_PER_TOKEN_OUT = 50
const MS_PER_TOKEN_IN = 100
const MOST_TOKENS = 400

type Answer = { readonly id: string; readonly item: string; readonly cancel: () => void; spokenTokens: number }

export function openLiveSession({ clock, seed, model, name, number }: LiveOptions): UpstreamSocket {
  const inbox = createInbox()
  const random = randomOf(seed, 'live', name, number)
  let isClosed = false
  let isPaused = false
  let held: string[] = []
  let audioBytes = 0
  let heard = ''
  let inputTokens = 0
  let modalities: readonly string[] = ['audio']
  /** The model that writes down what is heard; null: none does. */
  let transcriber: string | null = null
  let answer: Answer | null = null

  const emit = (event: JsonObject): void => {
    if (isClosed) return
    const text = JSON.stringify({ event_id: `event_${identifier(random, 20)}`, ...event })
    if (isPaused) held.push(text)
    else inbox.message(text)
  }
  const close = (code: number, reason: string): void => {
    if (isClosed) return
    isClosed = true
    answer?.cancel()
    inbox.closed(code, reason)
  }
  const sessionJson = (): JsonObject => ({
    type: 'realtime',
    object: 'realtime.session',
    id: `sess_${number}`,
    model: name,
    output_modalities: modalities,
    ...(transcriber === null ? {} : { audio: { input: { transcription: { model: transcriber } } } }),
  })

  function transcribe(item: string): void {
    const heardTokens = Math.ceil(audioBytes / BYTES_PER_MS / MS_PER_TOKEN_IN)
    const transcript = prose(random, '', Math.max(1, Math.ceil(heardTokens / 3)), false)
    const written = tokensOf(transcript).length
    emit({
      type: 'conversation.item.input_audio_transcription.completed',
      item_id: item,
      content_index: 0,
      transcript,
      usage: {
        type: 'tokens',
        total_tokens: heardTokens + written,
        input_tokens: heardTokens,
        input_token_details: { text_tokens: 0, audio_tokens: heardTokens },
        output_tokens: written,
      },
    })
  }

  function onEvent(event: JsonObject): void {
    switch (stringOf(event, 'type') ?? '') {
      case 'session.update': {
        const session = objectOf(event, 'session') ?? {}
        const input = objectOf(objectOf(session, 'audio') ?? {}, 'input') ?? {}
        transcriber = stringOf(objectOf(input, 'transcription') ?? {}, 'model') ?? transcriber
        const wanted = listOf(session, 'output_modalities').filter((one) => typeof one === 'string')
        if (wanted.length > 0) modalities = wanted
        return emit({ type: 'session.updated', session: sessionJson() })
      }
      case 'conversation.item.create': {
        const item = objectOf(event, 'item') ?? {}
        const text = objectsOf(item, 'content')
          .map((part) => stringOf(part, 'text') ?? '')
          .join(' ')
        heard = text
        inputTokens += countTokens(text)
        const id = stringOf(item, 'id') ?? `item_${identifier(random, 20)}`
        emit({ type: 'conversation.item.added', item: { ...item, id, object: 'realtime.item' } })
        return emit({ type: 'conversation.item.done', item: { ...item, id, object: 'realtime.item' } })
      }
      case 'input_audio_buffer.append':
        audioBytes += Math.floor(((stringOf(event, 'audio') ?? '').length * 3) / 4)
        return
      case 'input_audio_buffer.clear':
        audioBytes = 0
        return emit({ type: 'input_audio_buffer.cleared' })
      case 'input_audio_buffer.commit': {
        const item = `item_${identifier(random, 20)}`
        emit({ type: 'input_audio_buffer.committed', item_id: item })
        return transcriber === null ? undefined : transcribe(item)
      }
      case 'response.create':
        return begin(objectOf(event, 'response') ?? {})
      case 'response.cancel':
        return answer === null ? refuse('There is no response to cancel.') : finish(answer, 'cancelled')
      default:
        return refuse(`Invalid value: '${stringOf(event, 'type') ?? ''}'.`)
    }
  }

  function refuse(message: string): void {
    emit({
      type: 'error',
      error: { type: 'invalid_request_error', code: 'invalid_value', message, param: 'type', event_id: null },
    })
  }

  function begin(asked: JsonObject): void {
    if (model === null) return
    if (answer !== null) return refuse('Conversation already has an active response in progress.')
    const wanted = listOf(asked, 'output_modalities')
    const isSpoken = (wanted.length > 0 ? wanted : modalities).includes('audio')
    const text = prose(random, heard, Math.min(MOST_TOKENS, Math.ceil(lognormal(random, model.outputTokens))), false)
    const pieces = tokensOf(text)
    const gapMs = 1_000 / model.tokensPerSecond
    let cancelTimer = (): void => {}
    const current: Answer = {
      id: `resp_${identifier(random, 20)}`,
      item: `item_${identifier(random, 20)}`,
      cancel: () => cancelTimer(),
      spokenTokens: 0,
    }
    answer = current
    emit({ type: 'response.created', response: responseJson(current, 'in_progress', null) })
    const at = { response_id: current.id, item_id: current.item, output_index: 0, content_index: 0 }
    emit({
      type: 'response.output_item.added',
      response_id: current.id,
      output_index: 0,
      item: itemJson(current, 'in_progress'),
    })
    let said = 0
    const speak = (): void => {
      const piece = pieces[said++]
      if (piece === undefined) {
        emit({
          type: isSpoken ? 'response.output_audio_transcript.done' : 'response.output_text.done',
          ...at,
          [isSpoken ? 'transcript' : 'text']: text,
        })
        emit({
          type: 'response.output_item.done',
          response_id: current.id,
          output_index: 0,
          item: itemJson(current, 'completed'),
        })
        return finish(current, 'completed', { text: isSpoken ? 0 : pieces.length })
      }
      if (isSpoken) {
        emit({ type: 'response.output_audio_transcript.delta', ...at, delta: piece })
        emit({ type: 'response.output_audio.delta', ...at, delta: tone(MS_PER_TOKEN_OUT) })
        current.spokenTokens++
      } else emit({ type: 'response.output_text.delta', ...at, delta: piece })
      cancelTimer = clock.after(gapMs, speak)
    }
    cancelTimer = clock.after(lognormal(random, model.ttftMs), speak)
  }

  function finish(
    current: Answer,
    status: 'completed' | 'cancelled',
    output: { readonly text: number } = { text: 0 },
  ): void {
    current.cancel()
    answer = null
    const audioIn = Math.ceil(audioBytes / BYTES_PER_MS / MS_PER_TOKEN_IN)
    audioBytes = 0
    const usage = {
      total_tokens: inputTokens + audioIn + output.text + current.spokenTokens,
      input_tokens: inputTokens + audioIn,
      output_tokens: output.text + current.spokenTokens,
      input_token_details: { text_tokens: inputTokens, audio_tokens: audioIn, cached_tokens: 0 },
      output_token_details: { text_tokens: output.text, audio_tokens: current.spokenTokens },
    }
    emit({ type: 'response.done', response: responseJson(current, status, usage) })
  }

  // Whoever connects listens before it hears anything.
  queueMicrotask(() => {
    if (model !== null) return emit({ type: 'session.created', session: sessionJson() })
    emit({
      type: 'error',
      error: {
        type: 'invalid_request_error',
        code: 'model_not_found',
        message: `There is no model ${name}.`,
        param: 'model',
        event_id: null,
      },
    })
    close(4000, 'model_not_found')
  })

  return {
    listen: (listener) => inbox.listen(listener),
    send(data) {
      if (isClosed) return
      const event = parseObject(typeof data === 'string' ? data : Buffer.from(data).toString('utf8'))
      if (isObject(event)) onEvent(event)
      else refuse('The event is no JSON object.')
    },
    bufferedBytes: 0,
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
      const waiting = held
      held = []
      for (const text of waiting) inbox.message(text)
    },
    ping: () => inbox.pong(),
    close: (code, reason) => close(code, reason),
  }
}

function responseJson({ id, item }: Answer, status: string, usage: JsonObject | null): JsonObject {
  const output = status === 'completed' ? [{ id: item, type: 'message', status, role: 'assistant', content: [] }] : []
  return { object: 'realtime.response', id, status, output, ...(usage === null ? {} : { usage }) }
}

function itemJson({ item }: Answer, status: string): JsonObject {
  return { id: item, object: 'realtime.item', type: 'message', status, role: 'assistant', content: [] }
}

const tones = new Map<number, string>()

/** A quiet A (440 Hz) of this length, base64. */
function tone(ms: number): string {
  let known = tones.get(ms)
  if (known === undefined) {
    const samples = new Int16Array((ms * BYTES_PER_MS) / 2)
    for (let index = 0; index < samples.length; index++)
      samples[index] = Math.round(2_000 * Math.sin((2 * Math.PI * 440 * index) / 24_000))
    tones.set(ms, (known = Buffer.from(samples.buffer).toString('base64')))
  }
  return known
}
