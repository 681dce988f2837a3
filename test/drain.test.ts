// Stopping and reloading a real process: what was accepted is finished and booked, what comes later is told to go elsewhere.
import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { chunks, completion, eventStream, providerAt, QUESTION, startUpstream } from './gateway.ts'
import type { Upstream } from './gateway.ts'
import { refusalOf } from './documented.ts'
import { startProcess, temporaryFolder } from './process.ts'
import type { Addresses, RunningProcess } from './process.ts'
import { openSocket } from './socket.ts'

const CHAT = '/v1/chat/completions'

/** A provider whose streams say one word and then wait for `release`; whole answers wait for it, too. */
function heldUpstream(): Upstream & { readonly release: () => void } {
  const held = Promise.withResolvers<void>()
  const [role = '', first = '', ...rest] = chunks(['one', 'two'])
  const encoder = new TextEncoder()
  const upstream = startUpstream(async (_request, _number, body) => {
    if (!body.includes('"stream":true')) {
      await held.promise
      return Response.json(completion('done'))
    }
    return eventStream(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(encoder.encode(role + first))
          await held.promise
          try {
            for (const event of rest) controller.enqueue(encoder.encode(event))
            controller.close()
          } catch {
            // The gateway has left.
          }
        },
      }),
    )
  })
  return Object.assign(upstream, { release: held.resolve })
}

type Weir = AsyncDisposable &
  Addresses & {
    readonly process: RunningProcess
    readonly key: string
    readonly configure: (yaml: string) => void
    readonly call: (body: object) => Promise<Response>
    readonly store: () => Store
  }

async function startWeir(yaml: string, folder: string): Promise<Weir> {
  const configure = (text: string): void => writeFileSync(path.join(folder, 'weir.yaml'), text)
  configure(yaml)
  const process = startProcess({ folder })
  const addresses = await process.ready()
  const [, key = ''] = /virtual key +(\S+)/.exec(process.stdout()) ?? []
  return {
    ...addresses,
    process,
    key,
    configure,
    call: (body) =>
      fetch(`${addresses.url}${CHAT}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify(body),
      }),
    store: () => openSqliteStore({ path: path.join(folder, 'data', 'weir.db'), sync: 'process' }),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await Bun.sleep(5)
}

test('SIGTERM: not ready at once, new requests are sent elsewhere, running ones finish and are booked, exit code 0', async () => {
  using folder = temporaryFolder()
  using upstream = heldUpstream()
  await using weir = await startWeir(providerAt(upstream.url), folder.path)
  const stream = await weir.call({ ...QUESTION, stream: true })
  const whole = weir.call(QUESTION)
  await until(() => upstream.received.length === 2)
  // A connection that nobody uses must not hold up the end.
  using _idle = await openSocket(weir.url)
  weir.process.kill('SIGTERM')
  await until(async () => (await fetch(`${weir.url}/readyz`)).status === 503)
  expect(await (await fetch(`${weir.url}/readyz`)).json()).toEqual({ status: 'draining' })
  expect((await fetch(`${weir.adminUrl}/readyz`)).status).toBe(503)
  expect((await fetch(`${weir.url}/healthz`)).status).toBe(200)
  const refused = await weir.call(QUESTION)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(refused.headers.get('connection')).toBe('close')
  expect(await refusalOf(refused)).toBe('draining')
  upstream.release()
  expect(await stream.text()).toEndWith('data: [DONE]\n\n')
  // Whoever gets an answer now knows that the connection ends with it.
  expect((await whole).headers.get('connection')).toBe('close')
  expect(await (await whole).json()).toEqual(completion('done'))
  expect(await weir.process.ended).toBe(0)
  expect(upstream.received.length).toBe(2)
  expect(weir.process.stderr()).toBe('')
  const store = weir.store()
  for (const response of [stream, await whole])
    expect(await store.getEntry(response.headers.get('x-weir-request-id') ?? '')).toMatchObject({
      status: 'complete',
      usageSource: 'reported',
    })
  expect(await store.countEntries()).toBe(2)
  await store.close()
})

test('a stream that is longer than the drain timeout is cut, and booked for what it produced', async () => {
  using folder = temporaryFolder()
  using upstream = heldUpstream()
  await using weir = await startWeir(`server: { drain_timeout: 300ms }\n${providerAt(upstream.url)}`, folder.path)
  const stream = await weir.call({ ...QUESTION, stream: true })
  const reading = stream.text().then(
    (text) => text,
    () => 'cut',
  )
  const asked = performance.now()
  weir.process.kill('SIGTERM')
  expect(await weir.process.ended).toBe(0)
  expect(performance.now() - asked).toBeGreaterThanOrEqual(300)
  expect(performance.now() - asked).toBeLessThan(3_000)
  // Never a silent end that looks complete.
  expect(await reading).not.toContain('[DONE]')
  expect(weir.process.stdout()).toContain('drain_cut')
  const store = weir.store()
  expect(await store.getEntry(stream.headers.get('x-weir-request-id') ?? '')).toMatchObject({
    status: 'aborted',
    usageSource: 'estimated',
  })
  expect(await store.openIntents({ deadlineBefore: Number.MAX_SAFE_INTEGER, limit: 10 })).toEqual([])
  await store.close()
})

test('under load nothing that was accepted is lost: as many answers as the provider gave, as many entries', async () => {
  using folder = temporaryFolder()
  // Large enough that an answer is not one packet.
  const text = 'x'.repeat(200_000)
  using upstream = startUpstream(async () => {
    await Bun.sleep(Math.random() * 20)
    return Response.json(completion(text))
  })
  await using weir = await startWeir(providerAt(upstream.url, 'log: { requests: false }\n'), folder.path)
  let answered = 0
  const odd: string[] = []
  const client = async (): Promise<void> => {
    for (;;) {
      const response = await weir.call(QUESTION).catch((error: unknown) => error as Error)
      if (response instanceof Error) {
        // Refused, or crossed with the closing of the door: whether it was accepted is counted below.
        return
      }
      if (response.status !== 200) {
        if ((await refusalOf(response)) !== 'draining') odd.push(String(response.status))
        return
      }
      const body = await response.text().catch((error: unknown) => `cut: ${String(error)}`)
      if (!body.includes(text)) odd.push(body.slice(0, 100))
      answered++
    }
  }
  const clients = Array.from({ length: 24 }, client)
  await until(() => answered >= 100)
  weir.process.kill('SIGTERM')
  await Promise.all(clients)
  expect(await weir.process.ended).toBe(0)
  expect(odd).toEqual([])
  expect(answered).toBe(upstream.received.length)
  const store = weir.store()
  expect(await store.countEntries()).toBe(answered)
  await store.close()
})

test('an answer that is booked but still on its way is waited for', async () => {
  using folder = temporaryFolder()
  using upstream = startUpstream(() => Response.json(completion('x'.repeat(30_000_000))))
  await using weir = await startWeir(providerAt(upstream.url), folder.path)
  using socket = await openSocket(weir.url)
  const body = JSON.stringify(QUESTION)
  socket.write(
    `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${weir.key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  socket.socket.pause()
  const metric = async (name: string): Promise<string | undefined> =>
    new RegExp(`^${name} (\\S+)$`, 'm').exec(await (await fetch(`${weir.adminUrl}/metrics`)).text())?.[1]
  await until(async () => upstream.received.length === 1 && (await metric('weir_requests_in_flight')) === '0')
  weir.process.kill('SIGTERM')
  await until(async () => (await fetch(`${weir.adminUrl}/readyz`)).status === 503)
  socket.socket.resume()
  const [answer] = await socket.answers(1)
  expect([answer?.status, answer?.body.length]).toEqual([
    200,
    JSON.stringify(completion('x'.repeat(30_000_000))).length,
  ])
  expect(await weir.process.ended).toBe(0)
})

test('asked twice, it goes at once', async () => {
  using folder = temporaryFolder()
  using upstream = heldUpstream()
  await using weir = await startWeir(providerAt(upstream.url), folder.path)
  const stream = await weir.call({ ...QUESTION, stream: true })
  weir.process.kill('SIGINT')
  await until(async () => (await fetch(`${weir.url}/readyz`)).status === 503)
  weir.process.kill('SIGINT')
  expect(await weir.process.ended).toBe(1)
  await stream.text().catch(() => '')
})

test('SIGHUP: requests in flight keep the configuration they began with, new ones have the new one, a wrong one changes nothing', async () => {
  using folder = temporaryFolder()
  using before = heldUpstream()
  using after = startUpstream(() => Response.json(completion('from the new one')))
  const routed = (url: string, more = ''): string => `${providerAt(url)}routes: { chat: { targets: [up/m] } }\n${more}`
  await using weir = await startWeir(routed(before.url), folder.path)
  const question = { ...QUESTION, model: 'chat' }
  const stream = await weir.call({ ...question, stream: true })
  const whole = weir.call(question)
  await until(() => before.received.length === 2)
  weir.configure(routed(after.url, 'server: { body_limit: 2KiB }\n'))
  weir.process.kill('SIGHUP')
  await until(() => weir.process.stdout().includes('config_reloaded'))
  expect(await (await weir.call(question)).json()).toEqual(completion('from the new one'))
  expect(await refusalOf(await weir.call({ ...question, user: 'x'.repeat(3_000) }))).toBe('request_too_large')
  weir.configure('providers: { up: { surprise: 1 } }\n')
  weir.process.kill('SIGHUP')
  await until(() => weir.process.stdout().includes('config_refused'))
  expect((await weir.call(question)).status).toBe(200)
  before.release()
  expect(await stream.text()).toEndWith('data: [DONE]\n\n')
  expect(await (await whole).json()).toEqual(completion('done'))
  expect([before.received.length, after.received.length]).toEqual([2, 2])
  weir.process.kill('SIGTERM')
  expect(await weir.process.ended).toBe(0)
})
