import { afterEach, expect, test } from 'bun:test'

import type { Outcome, Stage } from '../core/outcome.ts'
import type { Dial } from './by-fetch.ts'
import {
  chunk,
  CHUNKED,
  closeServers,
  eventually,
  guardThatSays,
  LAST_CHUNK,
  outcomeOf,
  providerAt,
  rawServer,
  setUp,
  text,
  TIMEOUTS,
  whole,
} from './upstream-testing.ts'

afterEach(closeServers)

const timedOut = (stage: Stage): Outcome => ({ type: 'timed_out', stage })

test('an answer whose head does not come times out at the first-token deadline, and its connection is closed', async () => {
  const server = await rawServer((socket, _, count) => {
    if (count > 1) socket.write(whole('ok'))
  })
  const { call, clock } = setUp()
  const provider = providerAt(server.url)
  const failing = outcomeOf(call(provider, { timeouts: { ...TIMEOUTS, connectMs: TIMEOUTS.totalMs } }))
  await server.received(1)
  clock.advance(TIMEOUTS.firstTokenMs - 1)
  expect(clock.pending()).toBe(1)
  clock.advance(1)
  expect(await failing).toEqual(timedOut('first_token'))
  await server.closed(1)
  // The next one gets a connection of its own.
  await (await call(provider)).bytes(10)
  expect(server.connections()).toBe(2)
  expect(clock.pending()).toBe(0)
})

test('a stream whose first chunk does not come times out at the first-token deadline, though its head came', async () => {
  const server = await rawServer((socket) => socket.write(CHUNKED))
  const { call, clock } = setUp()
  const answer = await call(providerAt(server.url), { stream: true })
  const failing = outcomeOf(text(answer.chunks()))
  clock.advance(TIMEOUTS.firstTokenMs)
  expect(await failing).toEqual(timedOut('first_token'))
  await server.closed(1)
})

test('a stream that falls silent times out when it has been idle, not before', async () => {
  let send: (part: string) => void = () => undefined
  const server = await rawServer((socket) => {
    send = (part) => socket.write(chunk(part))
    socket.write(CHUNKED)
    send('1')
  })
  const { call, clock } = setUp()
  const answer = await call(providerAt(server.url), { stream: true })
  answer.committed()
  const seen: string[] = []
  const reading = outcomeOf(
    (async () => {
      for await (const piece of answer.chunks()) seen.push(Buffer.from(piece).toString())
    })(),
  )
  await eventually(() => seen.length === 1)
  // Together longer than the idle and the first-token deadline: the stream is alive.
  for (let count = 2; count <= 5; count++) {
    clock.advance(TIMEOUTS.idleMs - 1)
    send(String(count))
    await eventually(() => seen.length === count)
  }
  clock.advance(TIMEOUTS.idleMs - 1)
  expect(seen.length).toBe(5)
  clock.advance(1)
  expect(await reading).toEqual(timedOut('idle'))
  await server.closed(1)
  expect(clock.pending()).toBe(0)
})

test('chunks that nobody commits to do not meet the first-token deadline', async () => {
  let send: (part: string) => void = () => undefined
  const server = await rawServer((socket) => {
    send = (part) => socket.write(chunk(part))
    socket.write(CHUNKED)
    send('.')
  })
  const { call, clock } = setUp()
  const answer = await call(providerAt(server.url), { stream: true })
  let count = 0
  const reading = outcomeOf(
    (async () => {
      for await (const _ of answer.chunks()) count++
    })(),
  )
  for (let beat = 1; beat <= 4; beat++) {
    await eventually(() => count === beat)
    clock.advance(TIMEOUTS.firstTokenMs / 4)
    if (beat < 4) send('.')
  }
  expect(await reading).toEqual(timedOut('first_token'))
  await server.closed(1)
  expect(clock.pending()).toBe(0)
})

test('a whole answer that trickles has timed out where a pace is asked for, and only there', async () => {
  for (const minBytesPerS of [100, null]) {
    let send: () => void = () => undefined
    const server = await rawServer((socket) => {
      send = () => socket.write('..')
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n`)
      send()
    })
    const { call, clock } = setUp()
    const answer = await call(providerAt(server.url), { minBytesPerS })
    const reading = outcomeOf((async () => answer.bytes(200_000))())
    for (let beat = 0; beat < 15; beat++) {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      clock.advance(TIMEOUTS.idleMs / 2)
      send()
    }
    expect(await reading).toEqual(timedOut(minBytesPerS === null ? 'total' : 'pace'))
  }
})

test('a slow client is not an idle upstream', async () => {
  const server = await rawServer((socket) => {
    socket.write(CHUNKED)
    socket.write(chunk('a'))
    socket.write(LAST_CHUNK)
  })
  const { call, clock } = setUp()
  const answer = await call(providerAt(server.url), { stream: true })
  answer.committed()
  const chunks = answer.chunks()
  expect((await chunks.next()).done).toBe(false)
  clock.advance(5 * TIMEOUTS.idleMs)
  expect((await chunks.next()).done).toBe(true)
})

test('the idle deadline strikes in time although the first-token deadline lies far ahead', async () => {
  const server = await rawServer((socket) => {
    socket.write(CHUNKED)
    socket.write(chunk('a'))
  })
  const { call, clock } = setUp()
  const timeouts = { connectMs: 1_000_000, firstTokenMs: 1_000_000, idleMs: 500, totalMs: 2_000_000 }
  const answer = await call(providerAt(server.url), { stream: true, timeouts })
  answer.committed()
  const chunks = answer.chunks()
  await chunks.next()
  const failing = outcomeOf(chunks.next())
  clock.advance(500)
  expect(await failing).toEqual(timedOut('idle'))
})

test('the body of a whole answer has an idle deadline too, short or long', async () => {
  for (const head of ['content-length: 10\r\n\r\nabc', `content-length: 1000000\r\n\r\n${'x'.repeat(1_000)}`]) {
    const server = await rawServer((socket) => socket.write(`HTTP/1.1 200 OK\r\n${head}`))
    const { call, clock } = setUp()
    const answer = await call(providerAt(server.url))
    const failing = outcomeOf((async () => answer.bytes(2_000_000))())
    // A read that starts before the first bytes are seen waits for them, not for the second part.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(TIMEOUTS.idleMs)
    expect(await failing).toEqual(timedOut('idle'))
    await server.closed(1)
  }
})

test('the total deadline ends a stream that is alive', async () => {
  let send: (part: string) => void = () => undefined
  const server = await rawServer((socket) => {
    send = (part) => socket.write(chunk(part))
    socket.write(CHUNKED)
    send('.')
  })
  const { call, clock } = setUp()
  const answer = await call(providerAt(server.url), { stream: true })
  answer.committed()
  let count = 0
  const reading = outcomeOf(
    (async () => {
      for await (const _ of answer.chunks()) count++
    })(),
  )
  for (let beat = 1; beat <= 12; beat++) {
    await eventually(() => count === beat)
    if (beat === 12) break
    clock.advance(5_000)
    send('.')
  }
  clock.advance(5_000)
  expect(await reading).toEqual(timedOut('total'))
})

test('the head deadline of a whole answer is over once the head came', async () => {
  let finish: () => void = () => undefined
  const server = await rawServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab')
    finish = () => socket.write('cd')
  })
  const { call, clock } = setUp()
  const timeouts = { ...TIMEOUTS, idleMs: 50_000 }
  const answer = await call(providerAt(server.url), { timeouts })
  const reading = answer.bytes(10)
  clock.advance(TIMEOUTS.firstTokenMs + 1)
  finish()
  expect(Buffer.from(await reading).toString()).toBe('abcd')
})

// A dial that a test decides about.
function drivenDial() {
  const dialled: string[] = []
  const answers: ((error: unknown) => void)[] = []
  let givenUp = 0
  const dial: Dial = (host, port, done) => {
    dialled.push(`${host}:${port}`)
    answers.push(done)
    return () => givenUp++
  }
  return { dial, dialled, answer: (error: unknown) => answers.shift()?.(error), givenUp: () => givenUp }
}

// Never settles unless aborted, as a connection that nobody accepts.
const hanging = (_: string, { signal }: RequestInit): Promise<Response> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))))

test('a host that cannot be connected to times out at the connect deadline', async () => {
  const { dial, dialled, givenUp } = drivenDial()
  const { call, clock } = setUp({ fetch: hanging, dial })
  const failing = outcomeOf(call(providerAt('http://192.0.2.1:81/v1')))
  clock.advance(TIMEOUTS.connectMs / 2 - 1)
  expect(dialled).toEqual([])
  clock.advance(1)
  expect(dialled).toEqual(['192.0.2.1:81'])
  clock.advance(TIMEOUTS.connectMs / 2)
  expect(await failing).toEqual(timedOut('connect'))
  clock.advance(TIMEOUTS.connectMs)
  expect(givenUp()).toBe(1)
  expect(clock.pending()).toBe(0)
})

test('a host that refuses the trial connection is unreachable at once', async () => {
  const { dial, answer } = drivenDial()
  const { call, clock } = setUp({ fetch: hanging, dial })
  const failing = outcomeOf(call(providerAt('https://192.0.2.1/v1')))
  clock.advance(TIMEOUTS.connectMs / 2)
  answer(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))
  expect(await failing).toEqual({ type: 'unreachable', reason: 'the connection was refused' })
})

test('a host that can be connected to may think until the first-token deadline', async () => {
  const { dial, answer, dialled } = drivenDial()
  const { call, clock } = setUp({ fetch: hanging, dial })
  const provider = providerAt('https://[2001:db8::1]/v1')
  const failing = outcomeOf(call(provider))
  clock.advance(TIMEOUTS.connectMs / 2)
  expect(dialled).toEqual(['2001:db8::1:443'])
  answer(null)
  await eventually(() => clock.pending() === 1)
  clock.advance(TIMEOUTS.connectMs)
  // Seen to be there: the next call does not try again within 30 s.
  const second = outcomeOf(call(provider))
  clock.advance(TIMEOUTS.firstTokenMs)
  expect(await failing).toEqual(timedOut('first_token'))
  expect(await second).toEqual(timedOut('first_token'))
  expect(dialled.length).toBe(1)
})

test('calls that wait at once share one trial connection', async () => {
  const { dial, dialled, answer } = drivenDial()
  const { call, clock } = setUp({ fetch: hanging, dial })
  const provider = providerAt('http://192.0.2.1/v1')
  const failing = Promise.all(Array.from({ length: 20 }, () => outcomeOf(call(provider))))
  clock.advance(TIMEOUTS.connectMs / 2)
  expect(dialled.length).toBe(1)
  answer(Object.assign(new Error('x'), { code: 'EHOSTUNREACH' }))
  for (const outcome of await failing) expect(outcome).toMatchObject({ type: 'unreachable' })
})

test('behind a proxy it is the proxy that is tried', async () => {
  const { dial, dialled } = drivenDial()
  const { call, clock } = setUp({ fetch: hanging, dial })
  const failing = outcomeOf(call(providerAt('https://far.test/v1', { proxy: 'http://192.0.2.9:3128' })))
  await eventually(() => clock.pending() > 0)
  clock.advance(TIMEOUTS.connectMs / 2)
  expect(dialled).toEqual(['192.0.2.9:3128'])
  clock.advance(TIMEOUTS.connectMs)
  expect(await failing).toEqual(timedOut('connect'))
})

test('a real trial connection tells an open port from a closed one', async () => {
  const server = await rawServer(() => undefined)
  const closed = await rawServer(() => undefined)
  closed.close()
  const { call, clock } = setUp({ fetch: hanging })
  const thinking = outcomeOf(call(providerAt(server.url)))
  const refused = outcomeOf(call(providerAt(closed.url)))
  clock.advance(TIMEOUTS.connectMs / 2)
  expect(await refused).toEqual({ type: 'unreachable', reason: 'the connection was refused' })
  await server.closed(1)
  clock.advance(TIMEOUTS.firstTokenMs)
  expect(await thinking).toEqual(timedOut('first_token'))
})

test('a client that is gone before the call sends nothing', async () => {
  const server = await rawServer((socket) => socket.write(whole('ok')))
  const { call, clock } = setUp()
  expect(await outcomeOf(call(providerAt(server.url), { signal: AbortSignal.abort() }))).toEqual({ type: 'cancelled' })
  expect(server.connections()).toBe(0)
  expect(clock.pending()).toBe(0)
})

test('a client that goes away while the upstream thinks closes the connection', async () => {
  const server = await rawServer(() => undefined)
  const { call, clock } = setUp()
  const client = new AbortController()
  const failing = outcomeOf(call(providerAt(server.url), { signal: client.signal }))
  await server.received(1)
  client.abort()
  expect(await failing).toEqual({ type: 'cancelled' })
  await server.closed(1)
  expect(clock.pending()).toBe(0)
})

test('a client that goes away in the middle of a stream closes the connection', async () => {
  const server = await rawServer((socket) => {
    socket.write(CHUNKED)
    socket.write(chunk('a'))
  })
  const { call } = setUp()
  const client = new AbortController()
  const answer = await call(providerAt(server.url), { stream: true, signal: client.signal })
  const chunks = answer.chunks()
  await chunks.next()
  const failing = outcomeOf(chunks.next())
  client.abort()
  expect(await failing).toEqual({ type: 'cancelled' })
  await server.closed(1)
})

test('leaving the loop over the chunks cancels the upstream', async () => {
  const server = await rawServer((socket) => {
    socket.write(CHUNKED)
    socket.write(chunk('a'))
  })
  const { call, clock } = setUp()
  const answer = await call(providerAt(server.url), { stream: true })
  for await (const piece of answer.chunks()) {
    expect(Buffer.from(piece).toString()).toBe('a')
    break
  }
  await server.closed(1)
  expect(clock.pending()).toBe(0)
})

test('cancelling ends a read that waits, and an answer that nobody reads', async () => {
  const server = await rawServer((socket) => {
    socket.write(CHUNKED)
    socket.write(chunk('a'))
  })
  const { call, clock } = setUp()
  const answer = await call(providerAt(server.url), { stream: true })
  const chunks = answer.chunks()
  await chunks.next()
  const failing = outcomeOf(chunks.next())
  answer.cancel()
  expect(await failing).toEqual({ type: 'cancelled' })
  const unread = await call(providerAt(server.url), { stream: true })
  unread.cancel()
  unread.cancel()
  await server.closed(2)
  expect(await outcomeOf((async () => unread.bytes(10))())).toEqual({ type: 'cancelled' })
  expect(clock.pending()).toBe(0)
})

test('a complete answer leaves nothing behind, and a client that goes away afterwards changes nothing', async () => {
  const server = await rawServer((socket) => socket.write(whole('ok')))
  const { call, clock } = setUp()
  const client = new AbortController()
  const provider = providerAt(server.url)
  await (await call(provider, { signal: client.signal })).bytes(10)
  client.abort()
  expect(clock.pending()).toBe(0)
  await (await call(provider)).bytes(10)
  expect(server.connections()).toBe(1)
})

test('a name look-up that hangs is under the deadlines too', async () => {
  const guard = { approve: () => new Promise<never>(() => undefined) }
  const { dial } = drivenDial()
  const { call, clock } = setUp({ guard, dial })
  const failing = outcomeOf(call(providerAt('http://slow.test/v1')))
  clock.advance(TIMEOUTS.connectMs)
  expect(await failing).toEqual(timedOut('connect'))
})

// The simulator, in the place of a socket.
const simulated = providerAt('simulator://local/v1', { wire: 'simulator', auth: { type: 'none' } })

test('a simulated provider is asked as a function, never over a socket', async () => {
  let seen: Request | null = null
  const { call } = setUp({
    simulator: async (request) => {
      seen = request
      return Response.json({ said: await request.text() })
    },
    guard: guardThatSays({ type: 'refused', reason: 'there are no sockets here' }),
    fetch: () => Promise.reject(new Error('a socket')),
  })
  const answer = await call(simulated, { body: 'hello' })
  expect(JSON.parse(Buffer.from(await answer.bytes(1_000)).toString())).toEqual({ said: 'hello' })
  const { method, url, headers } = seen as unknown as Request
  expect([method, url, headers.get('content-type')]).toEqual([
    'POST',
    'simulator://local/v1/chat/completions',
    'application/json',
  ])
  expect(headers.has('authorization')).toBe(false)
})

test('a simulated provider has the same deadlines, and hears when its stream is left', async () => {
  let isCancelled = false
  const { call, clock } = setUp({
    simulator: async () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode('a')),
          cancel: () => {
            isCancelled = true
          },
        }),
      ),
  })
  const answer = await call(simulated, { stream: true })
  for await (const _ of answer.chunks()) break
  await eventually(() => isCancelled)
  const thinking = setUp({ simulator: () => new Promise<never>(() => undefined) })
  const failing = outcomeOf(thinking.call(simulated))
  thinking.clock.advance(TIMEOUTS.firstTokenMs)
  expect(await failing).toEqual(timedOut('first_token'))
  expect(clock.pending()).toBe(0)
})

test('a simulated body that stalls times out, whether the simulator listens to the abort or not', async () => {
  const { call, clock } = setUp({
    simulator: async () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('a')) }), {
        headers: { 'content-length': '10' },
      }),
  })
  const answer = await call(simulated, { stream: true })
  const chunks = answer.chunks()
  await chunks.next()
  answer.committed()
  const streamed = outcomeOf(chunks.next())
  const whole = outcomeOf((async () => (await call(simulated)).bytes(100))())
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(TIMEOUTS.idleMs)
  expect(await streamed).toEqual(timedOut('idle'))
  expect(await whole).toEqual(timedOut('idle'))
})

test('without a simulator such a provider is unreachable, and one that throws is, too', async () => {
  expect(await outcomeOf(setUp().call(simulated))).toMatchObject({ type: 'unreachable' })
  const { call } = setUp({ simulator: () => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNRESET' })) })
  expect(await outcomeOf(call(simulated))).toEqual({
    type: 'unreachable',
    reason: 'the connection was reset before the answer',
  })
})
