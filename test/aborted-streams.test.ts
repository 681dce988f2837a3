// Streams that their clients leave at random points: what is charged is what the upstream had produced until then.
import { expect, test } from 'bun:test'
import { providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'

const TOKENS = 1_500
const STREAMS = 24
/** Not the four characters that a token is taken for before anything was seen. */
const PIECE = 'wording '

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Streams a token a millisecond, until it is cancelled; notes by the mark in the question how many there were. */
function tokenStream(produced: Map<string, number>) {
  return startUpstream((_, __, body) => {
    const mark = /mark-\d+/.exec(body)?.[0] ?? ''
    const tokens = mark === 'mark-0' ? 200 : TOKENS
    let sent = 0
    const chunk = (fields: object): Uint8Array =>
      new TextEncoder().encode(
        `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', ...fields })}\n\n`,
      )
    const choice = (delta: object, finish: string | null): object => ({
      choices: [{ index: 0, delta, finish_reason: finish }],
    })
    const stream = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (mark !== 'mark-0') await pause(1)
          if (sent < tokens) {
            controller.enqueue(chunk(choice({ content: PIECE }, null)))
            produced.set(mark, ++sent)
            return
          }
          controller.enqueue(chunk(choice({}, 'stop')))
          controller.enqueue(
            chunk({ choices: [], usage: { prompt_tokens: 10, completion_tokens: sent, total_tokens: 10 + sent } }),
          )
          controller.enqueue(new TextEncoder().encode('data: [DONE]\n\n'))
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
  })
}

test(`of ${STREAMS} streams that are left at random points, what is charged is within 2 % of what was produced`, async () => {
  const produced = new Map<string, number>()
  using upstream = tokenStream(produced)
  await using weir = await startGateway(providerAt(upstream.url))
  const { port } = new URL(weir.listen().url)

  /** Reads about so many tokens of an answer, then leaves; resolves with the request's id. */
  async function leaveAfter(mark: string, tokens: number): Promise<string> {
    const leaving = new AbortController()
    const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${weir.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...QUESTION, messages: [{ role: 'user', content: mark }], stream: true }),
      signal: leaving.signal,
    })
    let seen = 0
    try {
      for await (const bytes of response.body ?? []) {
        seen += new TextDecoder().decode(bytes).split(PIECE).length - 1
        if (seen >= tokens) leaving.abort()
      }
    } catch {
      // That is the abort.
    }
    return response.headers.get('x-weir-request-id') ?? ''
  }

  await leaveAfter('mark-0', Number.POSITIVE_INFINITY)
  const lengths = Array.from({ length: STREAMS }, () => 150 + Math.floor(Math.random() * 800))
  const ids = await Promise.all(lengths.map((tokens, place) => leaveAfter(`mark-${place + 1}`, tokens)))
  // The upstream learns of it a moment later.
  for (let waited = 0; waited < 100 && weir.gateway.load.inFlight > 0; waited++) await pause(20)
  await weir.gateway.journal.flush()
  let charged = 0
  let total = 0
  for (const [place, id] of ids.entries()) {
    const entry = await weir.store.getEntry(id)
    const made = produced.get(`mark-${place + 1}`) ?? 0
    const output = entry?.usage.output ?? 0
    expect(entry).toMatchObject({ status: 'aborted', usageSource: 'estimated' })
    expect([output > 0, output < TOKENS]).toEqual([true, true])
    // A few tokens are on their way when the client leaves.
    expect(Math.abs(output - made)).toBeLessThanOrEqual(Math.max(15, made * 0.05))
    expect(entry?.costNanoUsd).toBe(BigInt(entry?.usage.input ?? 0) * 1_000n + BigInt(output) * 2_000n)
    charged += output
    total += made
  }
  expect(Math.abs(charged - total)).toBeLessThanOrEqual(total * 0.02)
}, 30_000)
