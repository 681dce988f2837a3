// What client and mock upstream of the bench say to each other: the bodies, and marks inside streamed events by which a
// receiver can tell whether each event came, in order, unchanged, and how late.

/** Events of a stream besides its content: role, finish, usage, `[DONE]`. */
const FRAMING_EVENTS = 4

export type StreamAsked = {
  /** Between two events, ms; 0: as fast as they are taken. */
  readonly gapMs: number
  /** All events of the stream, at least five. */
  readonly events: number
  /** Sends the first content event, then nothing until the caller goes. */
  readonly idle: boolean
  /** Writes number, time and check sum into each content event. */
  readonly marked: boolean
}

const WHOLE_QUESTION =
  'Explain in a few sentences how a weir regulates the flow of a river and what it is measured for.'

/** `more`: put at the end of what is asked. */
export function wholeRequest(model: string, more = ''): string {
  return JSON.stringify({ model, messages: [{ role: 'user', content: WHOLE_QUESTION + more }], max_tokens: 256 })
}

/** A streamed request; the client asks for the usage event itself, so that every subject relays the same events. */
export function streamRequest(model: string, { gapMs, events, idle, marked }: StreamAsked, more = ''): string {
  const script = `bench gap=${gapMs} events=${events} idle=${Number(idle)} marked=${Number(marked)}`
  return JSON.stringify({
    model,
    messages: [{ role: 'user', content: script + more }],
    max_tokens: events,
    stream: true,
    stream_options: { include_usage: true },
  })
}

/** What a body asks for; null when it asks for a whole answer. */
export function readAsked(body: string): StreamAsked | null {
  const match = /bench gap=([\d.]+) events=(\d+) idle=([01]) marked=([01])/.exec(body)
  if (match === null) return null
  return { gapMs: Number(match[1]), events: Number(match[2]), idle: match[3] === '1', marked: match[4] === '1' }
}

const CREATED = 1_790_000_000
const USAGE = { prompt_tokens: 24, completion_tokens: 128, total_tokens: 152 }

/** A chat completion of exactly 1 KB. */
export const WHOLE_ANSWER = (() => {
  const answer = (content: string) =>
    JSON.stringify({
      id: 'chatcmpl-benchbenchbenchbenchbenchbe',
      object: 'chat.completion',
      created: CREATED,
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content }, logprobs: null, finish_reason: 'stop' }],
      usage: USAGE,
    })
  const sentence = 'A weir holds the water back and lets through what the river below can take. '
  const room = 1024 - answer('').length
  return answer(sentence.repeat(Math.ceil(room / sentence.length)).slice(0, room))
})()

const HEAD = `data: {"id":"chatcmpl-benchbenchbenchbenchbenchbe","object":"chat.completion.chunk","created":${CREATED},"model":"m","choices":`
const choice = (delta: string, finish: string) =>
  `${HEAD}[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}]}\n\n`
const CONTENT_HEAD = `${HEAD}[{"index":0,"delta":{"content":"`
const CONTENT_TAIL = `"},"logprobs":null,"finish_reason":null}]}\n\n`

/** The role event of a stream. */
export const OPENING = choice('{"role":"assistant","content":""}', 'null')
const PLAIN_CONTENT = contentEvent(' word')
/** Finish, usage and terminator of a stream. */
export const CLOSING = [choice('{}', '"stop"'), `${HEAD}[],"usage":${JSON.stringify(USAGE)}}\n\n`, 'data: [DONE]\n\n']

/** A content event; `text` is JSON text without its quotes. */
export function contentEvent(text: string): string {
  return CONTENT_HEAD + text + CONTENT_TAIL
}

/** A request whose mark is in what the upstream sees, and in a tag, which only the gateway sees. */
export function markedRequest(model: string, mark: string, stream: boolean): string {
  return JSON.stringify({
    model,
    messages: [{ role: 'user', content: `[mark ${mark}]` }],
    max_tokens: 64,
    stream,
    weir: { tags: [mark] },
  })
}

/** The mark of a request as the upstream sees it; empty when there is none. */
export function markIn(body: string): string {
  return /\[mark ([\w-]+)\]/.exec(body)?.[1] ?? ''
}

/** Microseconds since the epoch: the same in every process of this machine. */
export function nowMicros(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000)
}

function mark(index: number, atMicros: number): string {
  return `${index}|${atMicros}|${(index * 31 + atMicros) % 9973}`
}

/** Number of the first event after the content. */
export function closingStart({ events }: StreamAsked): number {
  return events - CLOSING.length
}

/** The event number `index` of a stream, counted from 0. */
export function eventText(asked: StreamAsked, index: number): string {
  if (index === 0) return OPENING
  const fromEnd = asked.events - index
  if (fromEnd < FRAMING_EVENTS) return CLOSING[CLOSING.length - fromEnd] ?? ''
  return asked.marked ? `${CONTENT_HEAD}${mark(index, nowMicros())}${CONTENT_TAIL}` : PLAIN_CONTENT
}

/**
 * Checks that `event` is the event number `index` to the byte. Returns when it was sent, in microseconds; null for an event
 * without a mark; undefined when it is another event or was changed.
 */
export function checkEvent(asked: StreamAsked, index: number, event: string): number | null | undefined {
  const fromEnd = asked.events - index
  if (index === 0 || fromEnd < FRAMING_EVENTS || !asked.marked)
    return event === eventText(asked, index) ? null : undefined
  if (!event.startsWith(CONTENT_HEAD) || !event.endsWith(CONTENT_TAIL)) return undefined
  const text = event.slice(CONTENT_HEAD.length, -CONTENT_TAIL.length)
  const atMicros = Number(text.split('|')[1])
  return text === mark(index, atMicros) ? atMicros : undefined
}
