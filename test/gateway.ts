// A whole gateway for scenarios: real store in memory, real listeners on free loopback ports where asked, fake upstreams.
import { loadConfig } from '../src/config/load.ts'
import { formatProblem } from '../src/config/problem.ts'
import { createGateway } from '../src/app.ts'
import type { Gateway } from '../src/app.ts'
import { systemClock } from '../src/core/clock.ts'
import type { Clock } from '../src/core/clock.ts'
import { listen } from '../src/http/server.ts'
import type { Listener } from '../src/http/server.ts'
import { issueKey } from '../src/keys/issue-key.ts'
import type { NewKey } from '../src/keys/issue-key.ts'
import { createHasher } from '../src/keys/secret.ts'
import type { Hasher } from '../src/keys/secret.ts'
import { createLogger } from '../src/metrics/log.ts'
import { createRedactor } from '../src/metrics/redact.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { createPasswords } from '../src/users/passwords.ts'

export type TestGateway = AsyncDisposable & {
  readonly gateway: Gateway
  readonly store: Store
  readonly hash: Hasher
  /** Secret of a key that may do everything. */
  readonly key: string
  readonly log: () => string
  /** Makes another key and returns its secret. */
  issue(key: Partial<NewKey>): Promise<string>
  /** Calls the gateway as a function. */
  call(path: string, body?: unknown, options?: CallOptions): Promise<Response>
  /** Listens on a free loopback port. */
  listen(): Listener
}

export type CallOptions = {
  readonly key?: string | null
  readonly headers?: Record<string, string>
  readonly method?: string
  readonly signal?: AbortSignal
}

/** @param yaml the configuration file; empty: the simulator, with fast answers. */
export async function startGateway(
  yaml = FAST_SIMULATOR,
  options: { readonly clock?: Clock; readonly store?: Store } = {},
): Promise<TestGateway> {
  const loaded = await loadConfig({
    path: 'weir.yaml',
    readFile: async () => new TextEncoder().encode(yaml),
    environment: {},
  })
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  const store = options.store ?? openSqliteStore({ path: ':memory:', sync: 'process' })
  const hash = createHasher(new Uint8Array(32).fill(7))
  let log = ''
  const redact = createRedactor(() => loaded.secrets)
  const logger = createLogger({
    level: 'debug',
    format: 'json',
    write: (lines) => (log += lines),
    redact,
    now: () => Date.now(),
  })
  const clock = options.clock ?? systemClock
  const gateway = createGateway({
    config: loaded.config,
    store,
    hash,
    log: logger,
    redact,
    clock,
    passwords: createPasswords({ memoryCost: 8, timeCost: 1 }),
    resolve: async (host) => {
      if (host === 'localhost') return ['127.0.0.1']
      throw new Error(`no such host: ${host}`)
    },
  })
  await gateway.budgetDefinitions.load(clock.now())
  await gateway.balances.refresh()
  await gateway.quality.load()
  const listeners: Listener[] = []
  const issue = async (key: Partial<NewKey>): Promise<string> => {
    const issued = issueKey({ name: 'test', ...key }, { hash, clock })
    await store.insertKey(issued.key)
    return issued.secret
  }
  const key = await issue({})
  return {
    gateway,
    store,
    hash,
    key,
    log: () => {
      logger.flush()
      return log
    },
    issue,
    call(path, body, { key: secret = key, headers = {}, method, signal } = {}) {
      const isReady = typeof body === 'string' || body instanceof FormData
      return gateway.fetch(
        new Request(`http://gateway${path}`, {
          method: method ?? (body === undefined ? 'GET' : 'POST'),
          headers: { ...(secret === null ? {} : { authorization: `Bearer ${secret}` }), ...headers },
          ...(body === undefined ? {} : { body: isReady ? body : JSON.stringify(body) }),
          ...(signal === undefined ? {} : { signal }),
        }),
      )
    },
    listen() {
      const listener = listen({
        listen: '127.0.0.1:0',
        fetch: (request, addressOf) => gateway.fetch(request, addressOf),
        receive: (request, addressOf) => gateway.receive(request, addressOf),
        onError: (error) => (log += `listener: ${String(error)}\n`),
      })
      listeners.push(listener)
      return listener
    },
    async [Symbol.asyncDispose]() {
      for (const listener of listeners) await listener.kill()
      await gateway.alerts.stop()
      await gateway.batches.cut()
      await gateway.journal.flush()
      gateway.sampler.stop()
      await gateway.quality.close()
      await store.close()
    },
  }
}

/** Simulated models that answer at once. */
export const FAST_SIMULATOR = `
providers:
  sim:
    preset: simulator
    models:
      small: { simulate: { ttftMs: { median: 1, p99: 2 }, tokensPerSecond: 100000 } }
      large: { simulate: { ttftMs: { median: 1, p99: 2 }, tokensPerSecond: 100000 } }
      reasoner: { simulate: { ttftMs: { median: 1, p99: 2 }, tokensPerSecond: 100000 } }
      embed: { simulate: { ttftMs: { median: 1, p99: 2 } } }
      draw: { simulate: { ttftMs: { median: 1, p99: 2 }, tokensPerSecond: 100000 } }
      speak: { simulate: { ttftMs: { median: 1, p99: 2 }, tokensPerSecond: 100000 } }
      hear: { simulate: { ttftMs: { median: 1, p99: 2 }, tokensPerSecond: 100000 } }
      moderate: { simulate: { ttftMs: { median: 1, p99: 2 } } }
      rank: { simulate: { ttftMs: { median: 1, p99: 2 } } }
`

export type Upstream = Disposable & {
  readonly url: string
  /** What was received, newest last. */
  readonly received: {
    readonly path: string
    readonly headers: Headers
    readonly body: string
    readonly bytes: Uint8Array
  }[]
}

/** A fake provider over loopback; `answer` sees each request and its number, from 1. */
export function startUpstream(
  answer: (request: Request, number: number, body: string) => Response | Promise<Response>,
): Upstream {
  const received: Upstream['received'] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const bytes = new Uint8Array(await request.arrayBuffer())
      const body = new TextDecoder().decode(bytes)
      received.push({ path: new URL(request.url).pathname, headers: request.headers, body, bytes })
      return answer(request, received.length, body)
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    received,
    [Symbol.dispose]: () => void server.stop(true),
  }
}

/** One OpenAI-compatible provider `up` at a URL, with one priced model `m`. */
export function providerAt(url: string, more = ''): string {
  return `
providers:
  up:
    preset: openai-compatible
    base_url: ${url}/v1
    keys: [upstream-secret-value]
    models: { m: { price: { input: 1, output: 2 } } }
${more}`
}

/** A whole chat completion. */
export function completion(
  text = 'Hello',
  usage: object | null = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    ...(usage === null ? {} : { usage }),
  }
}

/** Server-sent events of a chat completion, one text each; ends with usage and `[DONE]`. */
export function chunks(texts: readonly string[]): string[] {
  const chunk = (choice: object): string =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, finish_reason: null, ...choice }] })}\n\n`
  return [
    chunk({ delta: { role: 'assistant', content: '' } }),
    ...texts.map((text) => chunk({ delta: { content: text } })),
    chunk({ delta: {}, finish_reason: 'stop' }),
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: { prompt_tokens: 10, completion_tokens: texts.length, total_tokens: 10 + texts.length } })}\n\n`,
    'data: [DONE]\n\n',
  ]
}

export function eventStream(body: ReadableStream<Uint8Array> | string): Response {
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

export const QUESTION = { model: 'up/m', messages: [{ role: 'user', content: 'Say hello' }] }
