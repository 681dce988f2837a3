// The upstream of the bench, as lean as it can be: a whole answer of 1 KB, or a stream whose events leave on a schedule.
// `/NAME/v1/chat/completions` counts for NAME; `GET /count` tells the counts; marked streams go slowly until `POST /go`,
// and come to their end at `POST /finish`. Prints `{"port":N}` when it listens.
import { anthropicEventText } from './anthropic-events.ts'
import { closingStart, eventText, readAsked, type StreamAsked, WHOLE_ANSWER } from './wire.ts'

type OpenStream = {
  readonly asked: StreamAsked
  readonly textOf: (asked: StreamAsked, index: number) => string
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  index: number
  dueMs: number
}

const MAX_UNREAD_EVENTS = 64
const OPENING_GAP_MS = 500

const encoder = new TextEncoder()
const WHOLE = encoder.encode(WHOLE_ANSWER)
const JSON_HEADERS = { 'content-type': 'application/json' }
const SSE_HEADERS = { 'content-type': 'text/event-stream' }

const requests: Record<string, number> = {}
const counts = { events: 0 }
const streams = new Set<OpenStream>()
/** One encoded copy of each event that is always the same, by its text. */
const encoded = new Map<string, Uint8Array>()
/** Whether marked streams have their own pace already: opening many at full pace would take for ever. */
let going = false
let ticking: ReturnType<typeof setInterval> | null = null

function bytesOf({ asked, index, textOf }: OpenStream): Uint8Array {
  const text = textOf(asked, index)
  if (asked.marked && index > 0) return encoder.encode(text)
  const known = encoded.get(text) ?? encoder.encode(text)
  encoded.set(text, known)
  return known
}

/** Writes the next event; false when the stream is over or waits for good. */
function emit(stream: OpenStream): boolean {
  stream.controller.enqueue(bytesOf(stream))
  stream.index++
  counts.events++
  if (stream.index === stream.asked.events) {
    stream.controller.close()
    return false
  }
  return !(stream.asked.idle && stream.index === 2)
}

// The first events come at full pace, also while others are still being opened: by them a stream is known to be open.
function pace({ asked, index }: OpenStream): number {
  return going || !asked.marked || index < 1 ? asked.gapMs : OPENING_GAP_MS
}

// One timer for all streams: what is due in a millisecond is written in it, one event for each stream.
function tick(): void {
  const nowMs = performance.now()
  for (const stream of streams) {
    if (stream.dueMs > nowMs) continue
    const gapMs = pace(stream)
    // A reader that does not keep up is not drowned.
    if ((stream.controller.desiredSize ?? 0) < -MAX_UNREAD_EVENTS) {
      stream.dueMs = nowMs + gapMs
      continue
    }
    // An event that is written late moves those after it: two at once would look as if a proxy had merged them.
    const lateMs = nowMs - stream.dueMs
    stream.dueMs = lateMs > gapMs / 2 ? nowMs + gapMs : stream.dueMs + gapMs
    if (!emit(stream)) streams.delete(stream)
  }
  if (streams.size > 0 || ticking === null) return
  clearInterval(ticking)
  ticking = null
}

function open(asked: StreamAsked, textOf: OpenStream['textOf']): Response {
  let stream: OpenStream
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      stream = { asked, textOf, controller, index: 0, dueMs: performance.now() + Math.random() * asked.gapMs }
      if (asked.gapMs === 0) return
      streams.add(stream)
      ticking ??= setInterval(tick, 1)
    },
    pull() {
      if (asked.gapMs === 0 && !emit(stream)) return new Promise(() => {})
    },
    cancel() {
      streams.delete(stream)
    },
  })
  return new Response(body, { headers: SSE_HEADERS })
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/count') return Response.json({ requests, ...counts })
    if (pathname === '/go') {
      going = true
      for (const stream of streams) stream.dueMs = performance.now() + Math.random() * stream.asked.gapMs
      return Response.json({})
    }
    if (pathname === '/finish') {
      going = false
      for (const stream of streams) {
        stream.index = Math.max(stream.index, closingStart(stream.asked))
        stream.dueMs = performance.now() + Math.random() * OPENING_GAP_MS
      }
      return Response.json({})
    }
    const name = pathname.slice(1, pathname.indexOf('/', 1))
    const body = await request.text()
    // A copy of a streamed request may ask for the whole answer.
    const asked = body.includes('"stream":true') ? readAsked(body) : null
    requests[name] = (requests[name] ?? 0) + 1
    if (asked === null) return new Response(WHOLE, { headers: JSON_HEADERS })
    return open(asked, pathname.endsWith('/messages') ? anthropicEventText : eventText)
  },
})

process.stdout.write(`${JSON.stringify({ port: server.port })}\n`)
// Whoever started this is gone.
process.stdin.on('end', () => process.exit()).resume()
