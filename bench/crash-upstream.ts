// The upstream of the crash soak: answers whole or as a short stream after a moment, and remembers which requests reached
// it, by the mark in their text. `GET /seen` tells them. Prints `{"port":N}` when it listens.
import { CLOSING, contentEvent, markIn, OPENING, WHOLE_ANSWER } from './wire.ts'

const MAX_THINKING_MS = 60
const CONTENT_EVENTS = 12
const EVENT_GAP_MS = 4

const encoder = new TextEncoder()
/** Mark → how many requests carried it. */
const seen: Record<string, number> = {}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function* events(): AsyncGenerator<Uint8Array> {
  yield encoder.encode(OPENING)
  for (let index = 0; index < CONTENT_EVENTS; index++) {
    yield encoder.encode(contentEvent(' word'))
    await pause(EVENT_GAP_MS)
  }
  for (const event of CLOSING) yield encoder.encode(event)
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    if (new URL(request.url).pathname === '/seen') return Response.json(seen)
    const body = await request.text()
    const mark = markIn(body)
    seen[mark] = (seen[mark] ?? 0) + 1
    await pause(Math.random() * MAX_THINKING_MS)
    if (!body.includes('"stream":true'))
      return new Response(WHOLE_ANSWER, { headers: { 'content-type': 'application/json' } })
    // Bun takes an async iterable as a body; the DOM types do not know it.
    return new Response(events() as unknown as ReadableStream<Uint8Array>, {
      headers: { 'content-type': 'text/event-stream' },
    })
  },
})

process.stdout.write(`${JSON.stringify({ port: server.port })}\n`)
