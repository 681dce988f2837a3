// What commands touch besides the data folder: ports, providers, the limits of the process, the gateway itself.
import { createConnection, createServer } from 'node:net'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createSend } from '../alerts/send.ts'
import { type Tried, tryDestinations } from '../alerts/try.ts'
import { createGateway } from '../app.ts'
import type { Config } from '../config/schema.ts'
import { systemClock } from '../core/clock.ts'
import type { Credential, Provider } from '../core/model.ts'
import type { Price, PriceSource } from '../ledger/price-source.ts'
import { fetchFeed as fetchFeedBy, type FeedRequest, type FetchedFeed } from '../providers/feed-fetch.ts'
import { UpstreamFailure } from '../providers/failure.ts'
import { createPoster } from '../providers/post.ts'
import { createGuard } from '../providers/guard.ts'
import { createUpstream, resolveHost } from '../providers/upstream.ts'
import type { OpenedData } from '../data.ts'
import type { ExplainInput } from '../explain.ts'
import { readScores } from '../lab/evidence-book.ts'
import { createScoreboard } from '../lab/scoreboard.ts'
import { listedModels } from '../listed-models.ts'
import type { ListedModel } from '../models/listed-model.ts'
import { createLogger } from '../metrics/log.ts'
import { createRedactor } from '../metrics/redact.ts'
import type { Explanation } from '../routing/explain.ts'
import { type Survival, survivalOf } from '../routing/survive.ts'
import { readLog } from '../replay/logged.ts'
import { replay, type ReplayReport } from '../replay/replay.ts'
import { createSnapshot } from '../snapshot.ts'
import type { Store } from '../store/store.ts'
import type { AdminReply, AdminRequest } from './admin-call.ts'
import { CliError } from './command.ts'

/** `weir`: a gateway answers there; `taken`: something else does; `closed`: it cannot be listened on, with the reason. */
export type PortState =
  | { readonly type: 'free' }
  | { readonly type: 'weir' }
  | { readonly type: 'taken' }
  | { readonly type: 'closed'; readonly reason: string }

export type ProbeResult =
  | { readonly type: 'answered'; readonly status: number; readonly durationMs: number; readonly dateMs: number | null }
  | { readonly type: 'failed'; readonly reason: string }

/** What a config comes to. */
export type Installed = {
  readonly providers: readonly Provider[]
  /** Names that clients may send, with whose they are: `weir` for routes. */
  readonly models: readonly ListedModel[]
  readonly from: 'config' | 'environment' | 'simulator'
  /** What becomes of each route when one of its providers is lost. */
  readonly survival: readonly Survival[]
  /** What each layer of the price book says of a model, the one that counts first. */
  readonly priceLayers: (deploymentId: string, at?: number) => readonly Price[]
}

type Environment = Readonly<Record<string, string | undefined>>

export type Outside = {
  /** Runs the gateway until it is told to stop. */
  serve(environment: Environment): Promise<void>
  /** Throws an error with a `path` for what cannot be set up. `feeds`: price files over the bundled catalogue. */
  install(config: Config, environment: Environment, feeds?: readonly PriceSource[]): Installed
  portState(host: string, port: number): Promise<PortState>
  /** Asks the provider for its models, as the gateway would. */
  probe(provider: Provider, credential: Credential | null): Promise<ProbeResult>
  /** How a request would be routed by a gateway with this config that has just begun. */
  explain(config: Config, environment: Environment, data: ExplainData, input: ExplainInput): Explanation
  /** What a policy would have made of the requests of a time. */
  replay(config: Config, environment: Environment, store: Store, range: ReplayRange): Promise<ReplayReport>
  /** Calls the admin API of a running gateway; rejects where nobody answers. */
  askAdmin(request: AdminRequest): Promise<AdminReply>
  /** What is piped in, as text; refuses what is larger than a request may be. */
  readInput(): Promise<string>
  /** One line that somebody types in the terminal; null: there is nobody any more. */
  askPerson(question: string): Promise<string | null>
  fetchFeed(this: void, request: FeedRequest): Promise<FetchedFeed>
  /** Sends a test message to the destinations of the config, or to one of them. */
  tryAlerts(config: Config['alerts'], only: string | null): Promise<readonly Tried[]>
  /** How many files this process may have open; null where the system does not tell. */
  maxOpenFiles(): number | null
}

const PROBE_TIMEOUTS = { connectMs: 5000, firstTokenMs: 10_000, idleMs: 10_000, totalMs: 15_000 }

/** The real one. `serve` is the caller's: it needs the process. */
export function realOutside(serve: Outside['serve']): Outside {
  return {
    serve,
    install,
    portState,
    probe,
    explain,
    replay: replayStored,
    askAdmin,
    readInput,
    askPerson,
    fetchFeed,
    tryAlerts,
    maxOpenFiles,
  }
}

function install(config: Config, environment: Environment, feeds: readonly PriceSource[] = []): Installed {
  const snapshot = createSnapshot(config, environment, { clock: systemClock, seed: 1, feeds })
  return {
    providers: snapshot.providers,
    models: listedModels(snapshot, systemClock.now()),
    from: snapshot.providersFrom,
    survival: snapshot.catalogue.routes.map(survivalOf),
    priceLayers: (deploymentId, at = systemClock.now()) => snapshot.priceLayers(deploymentId, at),
  }
}

type ReplayRange = { readonly from: number; readonly to: number; readonly limit: number }

async function replayStored(
  config: Config,
  environment: Environment,
  store: Store,
  range: ReplayRange,
): Promise<ReplayReport> {
  const snapshot = createSnapshot(config, environment, { clock: systemClock, seed: 1 })
  const scoreboard = createScoreboard(snapshot.priorFor)
  scoreboard.restore(readScores(await store.qualityScores()))
  return replay(await readLog(store, range), range, { snapshot, scoreboard, now: range.to })
}

/** What a gateway needs of its data folder. */
type ExplainData = Pick<OpenedData, 'store' | 'hash'>

function explain(
  config: Config,
  environment: Environment,
  { store, hash }: ExplainData,
  input: ExplainInput,
): Explanation {
  const redact = createRedactor(() => [])
  const log = createLogger({ level: 'error', format: 'json', write: () => {}, redact, now: () => Date.now() })
  return createGateway({ config, store, hash, log, redact, environment, resolve: resolveHost }).explain(input)
}

const MAX_INPUT_BYTES = 32 * 1024 ** 2

async function readInput(): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_INPUT_BYTES) throw new CliError(`The input is larger than ${MAX_INPUT_BYTES} bytes.`)
    parts.push(part)
  }
  return Buffer.concat(parts, size).toString('utf8')
}

function askPerson(question: string): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  lines.once('close', () => resolve(null))
  lines.question(question, (line) => {
    resolve(line.trim().toLowerCase())
    lines.close()
  })
  return promise
}

function fetchFeed(request: FeedRequest): Promise<FetchedFeed> {
  return fetchFeedBy(realUpstream(), request)
}

function tryAlerts(config: Config['alerts'], only: string | null): Promise<readonly Tried[]> {
  const now = (): number => systemClock.now()
  const send = createSend({ post: createPoster(realUpstream(), { now }), clock: systemClock })
  return tryDestinations(config, { only, by: '`weir alerts test`' }, { send, now })
}

function realUpstream() {
  return createUpstream({
    clock: systemClock,
    simulator: null,
    guard: createGuard({ resolve: resolveHost, clock: systemClock }),
  })
}

async function probe(provider: Provider, credential: Credential | null): Promise<ProbeResult> {
  const upstream = realUpstream()
  const started = performance.now()
  try {
    const answer = await upstream.call({
      provider,
      credential,
      method: 'GET',
      url: modelsUrl(provider),
      headers: { accept: 'application/json' },
      body: null,
      timeouts: PROBE_TIMEOUTS,
      stream: false,
      signal: new AbortController().signal,
    })
    const date = Date.parse(answer.headers.get('date') ?? '')
    answer.cancel()
    const durationMs = performance.now() - started
    return { type: 'answered', status: answer.status, durationMs, dateMs: Number.isNaN(date) ? null : date }
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error
    const { outcome } = error
    return { type: 'failed', reason: outcome.type === 'timed_out' ? `timed out (${outcome.stage})` : error.message }
  }
}

// A key that goes into the query is put there by the upstream itself.
function modelsUrl(provider: Provider): string {
  const { query = '', modelsPath = '/models' } = provider.quirks
  return `${provider.baseUrl}${modelsPath}${query === '' ? '' : `?${query}`}`
}

const PORT_TIMEOUT_MS = 2000

async function portState(host: string, port: number): Promise<PortState> {
  if (port === 0) return { type: 'free' }
  const reached = host === '' || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const answer = await ask(reached, port)
  if (answer !== null) return { type: isHealth(answer) ? 'weir' : 'taken' }
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'EADDRINUSE' ? { type: 'taken' } : { type: 'closed', reason: error.code ?? error.message },
      ),
    )
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => server.close(() => resolve({ type: 'free' })))
  })
}

function isHealth(answer: string): boolean {
  return answer.startsWith('HTTP/1.1 200 ') && /"status": ?"(?:ok|up)"/.test(answer)
}

const MAX_HEALTH_CHARACTERS = 4096

// The answer to `GET /healthz`; null when nobody listens.
function ask(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    let text = ''
    let connected = false
    const socket = createConnection({ host, port })
    const finish = () => {
      socket.destroy()
      resolve(connected ? text : null)
    }
    socket.setEncoding('utf8')
    socket.setTimeout(PORT_TIMEOUT_MS, finish)
    socket.once('connect', () => {
      connected = true
      socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
    })
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.length > MAX_HEALTH_CHARACTERS || isHealth(text)) finish()
    })
    socket.once('end', finish)
    socket.once('error', finish)
  })
}

function maxOpenFiles(): number | null {
  const file = '/proc/self/limits'
  if (!existsSync(file)) return null
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync(file, 'utf8'))?.[1]
  if (soft === undefined) return null
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

const ADMIN_TIMEOUT_MS = 15_000
const MAX_ADMIN_BYTES = 32 * 1024 ** 2

function askAdmin({ method, url, token, body }: AdminRequest): Promise<AdminReply> {
  const { promise, resolve, reject } = Promise.withResolvers<AdminReply>()
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const outgoing = send(url, { method, headers, timeout: ADMIN_TIMEOUT_MS }, (incoming) => {
    let text = ''
    incoming.setEncoding('utf8')
    incoming.on('data', (piece: string) => {
      text += piece
      if (text.length > MAX_ADMIN_BYTES) outgoing.destroy(new Error('its answer is too large'))
    })
    incoming.on('error', reject)
    incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: parsed(text) }))
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error('it does not answer in time')))
  outgoing.on('error', reject)
  outgoing.end(body === null ? undefined : JSON.stringify(body))
  return promise
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
