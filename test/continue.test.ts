// `midstream: continue`: answers that break off after they began, and go on at another target.
import { expect, test } from 'bun:test'
import { chunks, eventStream, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'

const WORDS =
  'Every river that comes down from the mountains is met by a low dam which lets the water through and measures it'
const PIECES = WORDS.match(/.{1,5}/gs) ?? []
const ASKED = { messages: [{ role: 'user', content: 'Tell me about weirs' }], stream: true }

const openaiPiece = (text: string): string => chunks([text])[1] ?? ''
const anthropicEvent = (event: { readonly type: string }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
const ANTHROPIC_START =
  anthropicEvent({
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 1 },
    },
  } as never) +
  anthropicEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } } as never)
const anthropicPiece = (text: string): string =>
  anthropicEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } } as never)
const ANTHROPIC_END =
  anthropicEvent({ type: 'content_block_stop', index: 0 } as never) +
  anthropicEvent({
    type: 'message_delta',
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 30 },
  } as never) +
  anthropicEvent({ type: 'message_stop' })

/** Sends some pieces of the text and then ends without a word. */
const cutting = (dialect: 'openai' | 'anthropic', pieces: number) => () => {
  const sent = PIECES.slice(0, pieces)
  return eventStream(
    dialect === 'openai'
      ? (chunks([])[0] ?? '') + sent.map(openaiPiece).join('')
      : ANTHROPIC_START + sent.map(anthropicPiece).join(''),
  )
}

/** Goes on where the begun answer in the request ends; `back`: repeats that many characters of it. */
const goingOn =
  (dialect: 'openai' | 'anthropic', back = 0) =>
  (_request: Request, _number: number, body: string) => {
    const { messages } = JSON.parse(body) as { messages: { role: string; content: string | { text: string }[] }[] }
    const begun = messages.findLast(({ role }) => role === 'assistant')?.content ?? ''
    const said = typeof begun === 'string' ? begun : begun.map(({ text }) => text).join('')
    const rest = (WORDS.slice(Math.max(0, said.length - back)).match(/.{1,5}/gs) ?? []) as string[]
    return eventStream(
      dialect === 'openai'
        ? chunks(rest).join('')
        : ANTHROPIC_START + rest.map(anthropicPiece).join('') + ANTHROPIC_END,
    )
  }

function gatewayOver(
  one: readonly [Upstream, 'openai' | 'anthropic'],
  two: readonly [Upstream, 'openai' | 'anthropic'],
  more = 'midstream: continue',
) {
  const provider = ([{ url }, dialect]: readonly [Upstream, 'openai' | 'anthropic']): string =>
    dialect === 'openai'
      ? `{ preset: openai-compatible, base_url: "${url}/v1", keys: [upstream-secret], models: { m: { price: { input: 1000, output: 1000 } } } }`
      : `{ preset: anthropic, base_url: "${url}", keys: [upstream-secret], models: { m: { price: { input: 1000, output: 1000 } } } }`
  return startGateway(`
providers:
  one: ${provider(one)}
  two: ${provider(two)}
routes:
  chat: { targets: [one/m, two/m], ${more} }
`)
}

/** What the client's SDK would put together of the stream, and how it ended. */
function readStream(
  dialect: 'openai' | 'anthropic',
  stream: string,
): { text: string; starts: number; ends: number; errors: number } {
  const events = stream
    .split('\n\n')
    .map((event) => /^data: (.*)$/m.exec(event)?.[1] ?? '')
    .filter((data) => data !== '')
  let text = ''
  let starts = 0
  let ends = 0
  let errors = 0
  for (const data of events) {
    if (data === '[DONE]') {
      ends++
      continue
    }
    const event = JSON.parse(data) as Record<string, never>
    if ('error' in event || event['type'] === 'error') errors++
    if (dialect === 'openai') {
      const choice = (event as unknown as { choices?: { delta?: { role?: string; content?: string } }[] }).choices?.[0]
      text += choice?.delta?.content ?? ''
      if (choice?.delta?.role !== undefined) starts++
    } else {
      const { type, delta } = event as unknown as { type: string; delta?: { text?: string } }
      text += delta?.text ?? ''
      if (type === 'message_start' || type === 'content_block_start') starts++
      if (type === 'message_stop') ends++
    }
  }
  return { text, starts, ends, errors }
}

async function ask(weir: TestGateway, dialect: 'openai' | 'anthropic') {
  const response = await weir.call(dialect === 'openai' ? '/v1/chat/completions' : '/v1/messages', {
    ...ASKED,
    model: 'chat',
    max_tokens: 500,
  })
  const read = readStream(dialect, await response.text())
  await weir.gateway.journal.flush()
  const id = response.headers.get('x-weir-request-id') ?? ''
  const record = await weir.store.getRequest(id)
  return { read, entry: await weir.store.getEntry(id), record, attempts: record?.attempts ?? [] }
}

const DIALECTS = ['openai', 'anthropic'] as const
for (const client of DIALECTS)
  for (const first of DIALECTS)
    for (const second of DIALECTS)
      test(`an answer of ${first} that breaks off goes on at ${second}, for a client of ${client}: nothing lost, nothing twice`, async () => {
        for (const [pieces, back] of [
          [1, 0],
          [7, 0],
          [12, 30],
          [PIECES.length - 1, 1_000],
        ] as const) {
          using broken = startUpstream(cutting(first, pieces))
          using healthy = startUpstream(goingOn(second, back))
          await using weir = await gatewayOver([broken, first], [healthy, second])
          const { read, entry, attempts } = await ask(weir, client)
          expect(read).toEqual({ text: WORDS, starts: client === 'openai' ? 1 : 2, ends: 1, errors: 0 })
          expect(attempts.map(({ target, outcome }) => `${target} ${outcome.type}`)).toEqual([
            'one/m broken',
            'two/m answered',
          ])
          expect(attempts[0]?.message).toContain('continued elsewhere')
          // Both are paid: the part at its target's price, the rest as it was reported.
          const part = attempts[0]?.consumed
          expect(part?.usage.output).toBeGreaterThan(0)
          expect(entry).toMatchObject({ status: 'complete', provider: 'two' })
          const usage = entry?.usage
          const own = BigInt((usage?.input ?? 0) + (usage?.output ?? 0)) * 1_000_000n
          expect(entry?.costNanoUsd).toBe(own + (part?.costNanoUsd ?? 0n))
          expect(weir.gateway.health.states().map(({ inFlight }) => inFlight)).toEqual([0, 0])
        }
      })

test('where nobody can go on, and where the route does not ask for it, the caller gets the error and the end', async () => {
  using broken = startUpstream(cutting('openai', 5))
  using down = startUpstream(() => new Response('no', { status: 400, statusText: 'no' }))
  using healthy = startUpstream(goingOn('openai'))
  for (const [second, more] of [
    [down, 'midstream: continue'],
    [healthy, 'midstream: error'],
  ] as const) {
    await using weir = await gatewayOver([broken, 'openai'], [second, 'openai'], more)
    const { read, entry, attempts } = await ask(weir, 'openai')
    expect(read).toMatchObject({ text: PIECES.slice(0, 5).join(''), ends: 1, errors: 1 })
    expect(entry).toMatchObject({ status: 'aborted', provider: 'one' })
    // The part is the answer's own cost, and is not booked twice.
    expect(attempts.every(({ consumed }) => consumed === undefined)).toBe(true)
  }
})

test('inside a tool call nobody goes on', async () => {
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"pla' } }
  const event = {
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }],
  }
  using broken = startUpstream(() => eventStream(`${chunks([])[0]}data: ${JSON.stringify(event)}\n\n`))
  using healthy = startUpstream(goingOn('openai'))
  await using weir = await gatewayOver([broken, 'openai'], [healthy, 'openai'])
  expect((await ask(weir, 'openai')).read).toMatchObject({ ends: 1, errors: 1 })
  expect(healthy.received.length).toBe(0)
})

test('an answer goes on three times at most', async () => {
  const shorter = (_request: Request, _number: number, body: string) => {
    const answer = goingOn('openai')(_request, _number, body)
    return answer.text().then((text) => eventStream(text.split('\n\n').slice(0, 4).join('\n\n') + '\n\n'))
  }
  using broken = startUpstream(cutting('openai', 3))
  using again = startUpstream(shorter)
  await using weir = await gatewayOver([broken, 'openai'], [again, 'openai'])
  const { read, attempts } = await ask(weir, 'openai')
  expect(read).toMatchObject({ ends: 1, errors: 1 })
  expect(WORDS.startsWith(read.text)).toBe(true)
  expect(attempts.length).toBe(4)
})
