// Providers that want to hurt, or are only broken: whatever they answer there is an outcome, and a proper error for the caller.
import { expect, test } from 'bun:test'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { chunks, completion, eventStream, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import { expectAtRest, refusalOf } from './documented.ts'

const CHAT = '/v1/chat/completions'
const SECRET = 'upstream-secret-value'
const MIB = 1024 * 1024

/** A provider of bare sockets: `talk` is called with each request's first bytes. */
async function rawUpstream(
  talk: (socket: Socket, request: string) => void,
): Promise<AsyncDisposable & { readonly url: string; readonly open: () => number }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    // The gateway's bare probe of the connection sends nothing, and is told nothing.
    socket.once('data', (bytes) => talk(socket, bytes.toString('latin1')))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

// Short where a deadline is what ends it, and out of the way of a busy machine where it is not.
const deadlines = (expected: string | null | undefined): string =>
  expected?.includes('timed_out') === true
    ? 'timeouts: { connect: 1s, first_token: 400ms, idle: 400ms, total: 800ms }\nlog: { level: error }\n'
    : 'timeouts: { connect: 20s, first_token: 20s, idle: 20s, total: 30s }\nlog: { level: error }\n'
const OK_BODY = JSON.stringify(completion('ok'))
const OK_HEAD = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n`
const SSE_HEAD = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n`
const whole = (body: string | Uint8Array, head = OK_HEAD): Buffer =>
  Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), Buffer.from(body)])
/** Writes the same again and again for as long as it is taken. */
function flood(socket: Socket, first: string, again: string): void {
  socket.write(first)
  const more = (): void => {
    while (!socket.destroyed && socket.write(again));
    if (!socket.destroyed) socket.once('drain', more)
  }
  more()
}
function trickle(socket: Socket, first: string, again: string): void {
  socket.write(first)
  const timer = setInterval(() => socket.write(again), 20)
  socket.on('close', () => clearInterval(timer))
}

const FAILED = ['all_targets_failed', 'all_targets_failed'] as const
const TIMED_OUT = ['all_targets_timed_out', 'all_targets_timed_out'] as const
// What it does, how, and the pattern of what the caller gets, whole and streamed (null: an answer).
const PROVIDERS: readonly (readonly [title: string, talk: (socket: Socket, request: string) => void, expected: readonly [string | null, string | null]])[] = [
  ['closes at once', (socket) => socket.destroy(), FAILED],
  ['resets at once', (socket) => socket.resetAndDestroy(), FAILED],
  ['says nothing', () => {}, TIMED_OUT],
  ['closes inside the head', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-ty'), FAILED],
  ['stops inside the head', (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-ty'), TIMED_OUT],
  ['closes inside the body', (socket) => socket.end(`${OK_HEAD}content-length: 1000\r\n\r\n${OK_BODY}`), FAILED],
  ['stops inside the body', (socket) => void socket.write(`${OK_HEAD}content-length: 1000\r\n\r\n${OK_BODY}`), TIMED_OUT],
  ['closes inside a chunk', (socket) => socket.end(`${SSE_HEAD}transfer-encoding: chunked\r\n\r\nff\r\n${chunks(['a'])[0]}`), FAILED],
  ['sends no HTTP', (socket) => socket.end('220 smtp.example.com ESMTP\r\n'), FAILED],
  ['sends bytes', (socket) => socket.end(Buffer.from(Array.from({ length: 4_000 }, (_, index) => (index * 7_919) % 251))), FAILED],
  ['sends a TLS alert', (socket) => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 40])), FAILED],
  ['sends endless headers', (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n', `x-more: ${'a'.repeat(1_000)}\r\n`), FAILED],
  ['sends one endless header', (socket) => flood(socket, 'HTTP/1.1 200 OK\r\nx-more: ', 'a'.repeat(10_000)), FAILED],
  ['trickles headers', (socket) => trickle(socket, 'HTTP/1.1 200 OK\r\n', 'x-a: b\r\n'), TIMED_OUT],
  ['trickles a body', (socket) => trickle(socket, `${OK_HEAD}content-length: 1000\r\n\r\n`, ' '), TIMED_OUT],
  ['trickles comments', (socket) => trickle(socket, `${SSE_HEAD}\r\n`, ': ping\n\n'), TIMED_OUT],
  ['says 100 Continue for ever', (socket) => trickle(socket, 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n'), TIMED_OUT],
  ['switches protocols', (socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello'), FAILED],
  ['has a status of 999', (socket) => socket.end(`HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\n{}`), FAILED],
  ['has a status of 000', (socket) => socket.end(`HTTP/1.1 000 Odd\r\ncontent-length: 2\r\n\r\n{}`), FAILED],
  ['has nothing to say', (socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'), FAILED],
  ['redirects to the metadata service', (socket) => socket.end('HTTP/1.1 307 Temporary Redirect\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n'), FAILED],
  ['asks for credentials of a proxy', (socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n'), ['upstream_rejected', 'upstream_rejected']],
  ['sends two lengths', (socket) => socket.end(`${OK_HEAD}content-length: 5\r\ncontent-length: 50\r\n\r\n${OK_BODY}`), FAILED],
  ['sends a length below zero', (socket) => socket.end(`${OK_HEAD}content-length: -5\r\n\r\n${OK_BODY}`), FAILED],
  ['sends wrong chunk sizes', (socket) => socket.end(`${OK_HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n${OK_BODY}\r\n0\r\n\r\n`), FAILED],
  ['names an unknown encoding', (socket) => socket.end(whole(OK_BODY, `${OK_HEAD}content-encoding: compress\r\n`)), FAILED],
  ['lies about gzip', (socket) => socket.end(whole(OK_BODY, `${OK_HEAD}content-encoding: gzip\r\n`)), FAILED],
  ['sends a bomb', (socket) => socket.end(whole(gzipSync(new Uint8Array(300 * MIB)), `${OK_HEAD}content-encoding: gzip\r\n`)), FAILED],
  ['sends a bomb as a stream', (socket) => socket.end(whole(gzipSync(new Uint8Array(100 * MIB)), `${SSE_HEAD}content-encoding: gzip\r\n`)), FAILED],
  ['sends a bomb as an error', (socket) => socket.end(whole(gzipSync(new Uint8Array(100 * MIB)), 'HTTP/1.1 400 Bad Request\r\ncontent-encoding: gzip\r\n')), FAILED],
  ['sends an endless error', (socket) => flood(socket, 'HTTP/1.1 400 Bad Request\r\n\r\n', 'x'.repeat(10_000)), FAILED],
  ['sends an endless event', (socket) => flood(socket, `${SSE_HEAD}\r\ndata: `, 'x'.repeat(100_000)), ['all_targets_(?:failed|timed_out)', 'all_targets_failed']],
  ['nests a million deep', (socket) => socket.end(whole('['.repeat(1_000_000))), FAILED],
  ['answers before it has read the request', (socket) => socket.end(whole(OK_BODY)), [null, 'all_targets_failed']],
] // prettier-ignore

for (const [title, talk, expected] of PROVIDERS)
  for (const [index, stream] of [false, true].entries())
    test(`a provider that ${title} (${stream ? 'streamed' : 'whole'}): ${expected[index] ?? 'an answer'}`, async () => {
      await using upstream = await rawUpstream(talk)
      await using weir = await startGateway(providerAt(upstream.url, deadlines(expected[index])))
      // Longer than what a socket takes at once, so that its end is still unread when the answer comes.
      const response = await weir.call(CHAT, { ...QUESTION, stream, metadata: { padding: 'x'.repeat(2_000_000) } })
      if (response.status === 200) expect(await response.text()).toBe(OK_BODY)
      expect(response.status === 200 ? 'null' : await refusalOf(response)).toMatch(new RegExp(`^${expected[index]}$`))
      await expectAtRest(weir)
      const id = response.headers.get('x-weir-request-id') ?? ''
      expect((await weir.store.getEntry(id))?.status).toBe(response.status === 200 ? 'complete' : 'failed')
      // Nothing stays open that could only be read from further.
      if (response.status !== 200) while (upstream.open() > 0) await Bun.sleep(1)
      expect(weir.log()).not.toContain('"internal"')
    })

test('an answer of 100 MB is passed on whole', async () => {
  const body = JSON.stringify(completion('x'.repeat(100_000_000)))
  using upstream = startUpstream(() => new Response(body, { headers: { 'content-type': 'application/json' } }))
  await using weir = await startGateway(providerAt(upstream.url))
  const response = await weir.call(CHAT, QUESTION)
  expect(response.status).toBe(200)
  expect((await response.arrayBuffer()).byteLength).toBe(body.length)
  await expectAtRest(weir)
})

test('what a provider puts into its headers is not believed', async () => {
  const lies = {
    'content-type': 'application/json',
    'set-cookie': 'a=b',
    'access-control-allow-origin': '*',
    'strict-transport-security': 'max-age=1',
    location: 'http://evil.example',
    'x-weir-request-id': 'req_forged',
    'x-weir-cost-usd': '0',
    'x-weir-target': 'other/model',
    'x-weir-error': 'internal',
    'x-ratelimit-limit-requests': '1e999',
    'x-ratelimit-remaining-requests': '-1',
    'x-request-id': 'y'.repeat(5_000),
    'www-authenticate': 'Basic realm="evil"',
    'transfer-encoding': 'identity',
    connection: 'close',
    __proto__: 'x',
  }
  const head = Object.entries(lies).filter(([name]) => name !== 'transfer-encoding').map(([name, value]) => `${name}: ${value}\r\n`).join('') // prettier-ignore
  await using upstream = await rawUpstream((socket) =>
    socket.end(`HTTP/1.1 200 OK\r\n${head}content-length: ${OK_BODY.length}\r\n\r\n${OK_BODY}`),
  )
  await using weir = await startGateway(providerAt(upstream.url))
  const response = await weir.call(CHAT, QUESTION)
  expect(response.status).toBe(200)
  const headers = Object.fromEntries(response.headers)
  expect(headers['x-weir-request-id']).toStartWith('req_0')
  expect(headers).toMatchObject({
    'x-weir-target': 'up/m',
    'x-weir-cost-usd': '0.00002',
    'x-upstream-request-id': 'y'.repeat(200),
  })
  for (const name of [
    'set-cookie',
    'access-control-allow-origin',
    'strict-transport-security',
    'location',
    'www-authenticate',
    'x-weir-error',
    'x-ratelimit-limit-requests',
    'connection',
  ])
    expect([name, headers[name]]).toEqual([name, undefined])
})

test('numbers that cannot be true are counted by ourselves', async () => {
  const usages = [
    '{"prompt_tokens":1e999,"completion_tokens":1}',
    '{"prompt_tokens":1e300,"completion_tokens":1e300}',
    '{"prompt_tokens":9007199254740993}',
    '{"total_tokens":1e18}',
  ]
  using upstream = startUpstream((_request, number) => {
    const body = JSON.stringify(completion('12345678', null)).replace(/}$/, `,"usage":${usages[number - 1]}}`)
    return new Response(body, { headers: { 'content-type': 'application/json' } })
  })
  await using weir = await startGateway(providerAt(upstream.url))
  for (const usage of usages) {
    const response = await weir.call(CHAT, QUESTION)
    expect([usage, response.status]).toEqual([usage, 200])
    const entry = await weir.store.getEntry(response.headers.get('x-weir-request-id') ?? '')
    expect([usage, entry?.usageSource, (entry?.costNanoUsd ?? 0n) < 1_000_000n]).toEqual([usage, 'estimated', true])
  }
  await expectAtRest(weir)
})

for (const seed of [20_260_101, Math.floor(Math.random() * 2 ** 31)])
  test(`answers of any JSON, whole and streamed, have an outcome (seed ${seed})`, async () => {
    const names = [
      'choices',
      'usage',
      'error',
      'message',
      'delta',
      'content',
      'finish_reason',
      'prompt_tokens',
      'completion_tokens',
      'total_tokens',
      'prompt_tokens_details',
      'cached_tokens',
      'data',
      'object',
      'index',
      'tool_calls',
      'function',
      '__proto__',
    ]
    const { any } = fc.letrec((tie) => ({
      leaf: fc.oneof(
        fc.constantFrom(null, true, 0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, '', 'stop', 'x'),
        fc.string({ maxLength: 5 }),
      ),
      any: fc.oneof(
        { maxDepth: 5 },
        tie('leaf'),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names), tie('any'), { maxKeys: 4 }),
      ),
    }))
    let answers: readonly unknown[] = []
    let ending = ''
    using upstream = startUpstream((_request, _number, body) =>
      body.includes('"stream":true')
        ? eventStream(answers.map((answer) => `data: ${JSON.stringify(answer)}\n\n`).join('') + ending)
        : new Response(JSON.stringify(answers[0] ?? null), { headers: { 'content-type': 'application/json' } }),
    )
    await using weir = await startGateway(providerAt(upstream.url, 'log: { level: error }\n'))
    const said = fc.oneof(
      any,
      any.map((choice) => ({ choices: [choice] })),
      any.map((delta) => ({ choices: [{ delta, message: delta }] })),
      any.map((usage) => ({ choices: [{ message: { content: 'x' }, delta: { content: 'x' } }], usage })),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(said, { maxLength: 4 }),
        fc.boolean(),
        fc.constantFrom('', 'data: [DONE]\n\n', 'data: {', ': x\n\n'),
        async (list, stream, end) => {
          answers = list
          ending = end
          const response = await weir.call(CHAT, { ...QUESTION, stream })
          const text = response.status === 200 ? await response.text() : await refusalOf(response)
          // Whatever was streamed, it ends as a stream must.
          if (response.status === 200 && stream) expect(/\[DONE\]\n\n$|"finish_reason"/.test(text)).toBe(true)
          expect(weir.gateway.load.inFlight).toBe(0)
        },
      ),
      { seed, numRuns: 300 },
    )
    await expectAtRest(weir)
    expect(weir.log()).not.toContain('"internal"')
    expect(weir.log()).not.toContain('ledger_commit_failed')
  })

// ---- a provider that repeats the key it was called with

const LEAKS: readonly (readonly [title: string, answer: () => Response])[] = [
  [
    'in a refusal',
    () =>
      Response.json(
        { error: { message: `bad request of ${SECRET}`, code: `code_${SECRET}`, type: SECRET } },
        { status: 400 },
      ),
  ],
  ['in a refusal as text', () => new Response(`no, ${SECRET}`, { status: 422 })],
  ['in a refusal as HTML', () => new Response(`<html><title>${SECRET}</title></html>`, { status: 413 })],
  ['in a failure', () => Response.json({ error: { message: `overloaded ${SECRET}` } }, { status: 503 })],
  [
    'in an unknown model',
    () =>
      Response.json({ error: { message: `model not found for ${SECRET}`, code: 'model_not_found' } }, { status: 404 }),
  ],
  ['in an error inside a 200', () => Response.json({ error: { message: `oops ${SECRET}` } })],
  [
    'in what should be a stream',
    () => new Response(`{"error":"${SECRET}"}`, { headers: { 'content-type': `text/${SECRET}` } }),
  ],
]
const STREAMED_LEAKS: typeof LEAKS = [
  ['in the first event', () => eventStream(`data: {"error":{"message":"${SECRET}"}}\n\n`)],
  [
    'in a later event',
    () =>
      eventStream(
        new ReadableStream({
          async start(controller) {
            const send = (text: string): void => controller.enqueue(new TextEncoder().encode(text))
            send(chunks(['a']).slice(0, 2).join(''))
            // Apart from the first words, so that the stream has begun when it comes.
            await Bun.sleep(30)
            send(`data: {"error":{"message":"${SECRET}"}}\n\n`)
            controller.close()
          },
        }),
      ),
  ],
]
for (const [title, answer] of [...LEAKS, ...STREAMED_LEAKS])
  test(`the provider’s key ${title} reaches neither the caller nor the log nor the books`, async () => {
    using upstream = startUpstream(answer)
    await using weir = await startGateway(providerAt(upstream.url))
    for (const stream of STREAMED_LEAKS.some(([name]) => name === title) ? [true] : [false, true]) {
      const response = await weir.call(CHAT, { ...QUESTION, stream })
      const text = (await response.text()) + JSON.stringify([...response.headers])
      await weir.gateway.journal.flush()
      const record = await weir.store.getRequest(response.headers.get('x-weir-request-id') ?? '')
      expect(record?.attempts.length).toBeGreaterThan(0)
      const everything =
        text +
        JSON.stringify(record, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) +
        weir.log()
      expect(everything).not.toContain(SECRET)
      // What it said beside the key is still told to whoever looks into it.
      expect(everything).toContain('***')
    }
  })
