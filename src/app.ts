// Wiring: from a configuration and a store to a gateway that is a function of a request.
import { type Alerts, createAlerts } from './alerts/alerts.ts'
import { createForwardHolds } from './batches/forward-holds.ts'
import { createForwarder } from './batches/forward.ts'
import { createCredentialAlerts } from './alerts/credential-alerts.ts'
import { qualityRollback, qualityDrift } from './alerts/signals.ts'
import { sendLine } from './batches/line.ts'
import { ownBatch } from './batches/own-batches.ts'
import type { OwnBatchTools } from './batches/own-batches.ts'
import { ownFile } from './batches/own-files.ts'
import { createBatchRunner } from './batches/runner.ts'
import type { BatchRunner } from './batches/runner.ts'
import { createVectorIndex } from './cache/vectors.ts'
import type { Config } from './config/schema.ts'
import type { DialectId } from './core/call.ts'
import { systemClock } from './core/clock.ts'
import type { Clock } from './core/clock.ts'
import { GatewayError } from './core/error.ts'
import { idMaker } from './core/id.ts'
import type { Provider } from './core/model.ts'
import { explain } from './explain.ts'
import type { ExplainInput } from './explain.ts'
import { handle } from './handle.ts'
import { trainInThread } from './head-thread.ts'
import type { AddressOf, Stages } from './handle.ts'
import { createByteBudget } from './http/body.ts'
import { callerAddress, clientRequestIdOf } from './http/caller.ts'
import { entranceOf, matchEndpoint } from './http/endpoints.ts'
import type { Endpoint, Match } from './http/endpoints.ts'
import { errorResponse } from './http/error-response.ts'
import { anthropicMessages } from './dialects/anthropic-messages.ts'
import type { Dialect } from './dialects/dialect.ts'
import { gemini } from './dialects/gemini.ts'
import { openaiChat } from './dialects/openai-chat.ts'
import { geminiLive } from './dialects/gemini-live.ts'
import { openaiRealtime } from './dialects/openai-realtime.ts'
import { acceptRealtime } from './realtime/accept.ts'
import type { Session } from './realtime/session.ts'
import { createPassTools, pass } from './pass/pass.ts'
import type { PassTools } from './pass/pass.ts'
import { createKeyRing } from './keys/key-ring.ts'
import type { KeyRing } from './keys/key-ring.ts'
import { addressAllowed } from './keys/permit.ts'
import type { Hasher } from './keys/secret.ts'
import { createSchemaChecks } from './lab/schema-checks.ts'
import { createHeadTraining } from './lab/head-training.ts'
import { createScoreboard } from './lab/scoreboard.ts'
import { createTaskLearning } from './lab/task-learning.ts'
import { createJournal } from './ledger/journal.ts'
import type { Journal } from './ledger/journal.ts'
import { createObservedAnswers } from './ledger/observed.ts'
import type { PriceSource } from './ledger/price-source.ts'
import { createBalances } from './limits/balances.ts'
import type { Balances } from './limits/balances.ts'
import { createBudgetDefinitions } from './limits/budget-definitions.ts'
import type { BudgetDefinitions } from './limits/budget-definitions.ts'
import { createBudgets } from './limits/budgets.ts'
import type { Budgets } from './limits/budgets.ts'
import { createLimiter } from './limits/limiter.ts'
import type { Limiter } from './limits/limiter.ts'
import { createProviderRoom } from './limits/provider-room.ts'
import type { Logger } from './metrics/log.ts'
import { createMetrics } from './metrics/metrics.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { RuntimeSource } from './metrics/runtime.ts'
import type { Redactor } from './metrics/redact.ts'
import {
  isAnthropicClient,
  isGeminiClient,
  listGeminiModels,
  listModels,
  showGeminiModel,
  showModel,
  showRequest,
} from './own-answers.ts'
import { showBilling } from './own-billing.ts'
import { showBudget } from './own-budget.ts'
import { takeFeedback, takeWebhook } from './own-feedback.ts'
import type { FeedbackTools } from './own-feedback.ts'
import { ownResponse } from './own-responses.ts'
import type { UserSite } from './own-users.ts'
import { createDrills } from './drills/drills.ts'
import type { Drills } from './drills/drills.ts'
import { createSchedule } from './drills/schedule.ts'
import type { Schedule } from './drills/schedule.ts'
import { createExperiments } from './experiments/experiments.ts'
import type { Experiments } from './experiments/experiments.ts'
import { createLabCalls } from './experiments/lab-calls.ts'
import { experimentFaults } from './experiments/faults.ts'
import type { Environment } from './providers/configure.ts'
import type { CredentialPool } from './providers/credential-pool.ts'
import { createGuard } from './providers/guard.ts'
import { vertexAnthropicWire } from './providers/anthropic/vertex.ts'
import { anthropicWire } from './providers/anthropic/wire.ts'
import { bedrockInvokeWire, bedrockWire } from './providers/bedrock/wire.ts'
import { cohereWire } from './providers/cohere/wire.ts'
import { assemblyaiWire } from './providers/assemblyai/wire.ts'
import { deepgramWire } from './providers/deepgram/wire.ts'
import { elevenlabsWire } from './providers/elevenlabs/wire.ts'
import { falWire } from './providers/fal/wire.ts'
import { customLinesWire, customWholeWire, customWire } from './providers/custom/wire.ts'
import { geminiWire, interactionsWire, vertexWire } from './providers/gemini/wire.ts'
import { jinaWire } from './providers/jina/wire.ts'
import { createMediaFetch } from './providers/media-fetch.ts'
import { ollamaWire } from './providers/ollama/wire.ts'
import type { Preset } from './providers/preset.ts'
import { replicateWire } from './providers/replicate/wire.ts'
import { stabilityWire } from './providers/stability/wire.ts'
import { openaiResponsesWire } from './providers/openai/responses-wire.ts'
import { openaiWire } from './providers/openai/wire.ts'
import { voyageWire } from './providers/voyage/wire.ts'
import { createUpstream } from './providers/upstream.ts'
import type { ChatWire, Wire } from './providers/wire.ts'
import type { Explanation } from './routing/explain.ts'
import { createExpectedOutput } from './routing/expected-output.ts'
import type { Health } from './routing/health.ts'
import { createPlanMemory } from './routing/plan-memory.ts'
import { createQuality } from './quality.ts'
import type { Quality } from './quality.ts'
import { createSnapshot } from './snapshot.ts'
import type { Snapshot } from './snapshot.ts'
import { createAttemptTools } from './stages/attempt-tools.ts'
import { createSampler } from './stages/sample.ts'
import type { Sampler } from './stages/sample.ts'
import { createExploration } from './stages/exploration.ts'
import { createPressure } from './stages/pressure.ts'
import { createStages } from './stages/stages.ts'
import { createTrials } from './stages/trials.ts'
import type { Engine, Load } from './stages/engine.ts'
import type { Store } from './store/store.ts'
import { createPasswords } from './users/passwords.ts'
import type { Passwords } from './users/passwords.ts'
import { VERSION } from './version.ts'

const KEY_CACHE_MS = 10_000
const KEY_CACHE_SIZE = 10_000
const MAX_LABELLED_MODELS = 500

/** Every wire format there is, by the name that presets give it. The simulator speaks OpenAI's. */
const WIRES: Readonly<Record<string, Wire | undefined>> = {
  openai: openaiWire,
  'openai-responses': openaiResponsesWire,
  anthropic: anthropicWire,
  bedrock: bedrockWire,
  'bedrock-invoke': bedrockInvokeWire,
  cohere: cohereWire,
  custom: customWire,
  'custom-lines': customLinesWire,
  'custom-whole': customWholeWire,
  gemini: geminiWire,
  'gemini-interactions': interactionsWire,
  ollama: ollamaWire,
  vertex: vertexWire,
  'vertex-anthropic': vertexAnthropicWire,
  voyage: voyageWire,
  jina: jinaWire,
  assemblyai: assemblyaiWire,
  elevenlabs: elevenlabsWire,
  deepgram: deepgramWire,
  stability: stabilityWire,
  replicate: replicateWire,
  fal: falWire,
  simulator: openaiWire,
} satisfies Record<Preset['wire'] | 'openai-responses' | 'custom-lines' | 'custom-whole', Wire>

/** What reads the answers that clients get, by the dialect that they are in: the wire whose own format it is. */
const READERS: Readonly<Partial<Record<DialectId, Wire>>> = {
  'openai-chat': openaiWire,
  'openai-responses': openaiResponsesWire,
  'anthropic-messages': anthropicWire,
  gemini: geminiWire,
}

export type GatewayOptions = {
  readonly config: Config
  readonly store: Store
  readonly hash: Hasher
  readonly log: Logger
  /** Knows the secrets that nobody may be shown. */
  readonly redact: Redactor
  readonly environment?: Environment
  readonly clock?: Clock
  readonly random?: () => number
  /** Price files over the bundled catalogue; asked at each configuration. */
  readonly priceFeeds?: () => readonly PriceSource[]
  /** Seed of the simulator's answers. */
  readonly seed?: number
  /** What the process tells of itself; absent where the gateway is a part of another program. */
  readonly runtime?: RuntimeSource
  /** How passwords of users are hashed; absent: as they should be. */
  readonly passwords?: Passwords
  /** All addresses of a host name. */
  readonly resolve: (hostname: string) => Promise<readonly string[]>
}

export interface Gateway {
  /** Answers one request; never rejects. `socketAddressOf` gives the address at the other end of the socket. */
  fetch(request: Request, socketAddressOf?: AddressOf): Promise<Response>
  /** Uses another configuration from the next request on; throws, and changes nothing, where it cannot work. */
  configure(config: Config): void
  readonly snapshot: Snapshot
  readonly load: Readonly<Load>
  readonly keyRing: KeyRing
  readonly metrics: Metrics
  readonly journal: Journal
  readonly limiter: Limiter
  readonly budgets: Budgets
  /** `load` it before the first request: what was spent is in the store. */
  readonly budgetDefinitions: BudgetDefinitions
  /** `refresh` them before the first request: what users were credited is in the store. */
  readonly balances: Balances
  readonly passwords: Passwords
  readonly credentials: CredentialPool
  readonly batches: BatchRunner
  readonly health: Health
  /** What is learned from answers after they have left. */
  readonly sampler: Sampler
  /** `load` it before the first request. */
  readonly quality: Quality
  /** `load` them before the first request. */
  readonly experiments: Experiments
  readonly drills: Drills
  /** What operators are told of. It is kept at once, and delivered once `start` was called. */
  readonly alerts: Alerts
  /** Health checks and drills from time to time, once it is started. */
  readonly schedule: Schedule
  readonly clock: Clock
  /** How a request would be routed now. Throws what the request itself would be refused with. */
  explain(input: ExplainInput): Explanation
  /** From now on `/readyz` is 503; requests are still answered. */
  drain(): void
}

export function createGateway(options: GatewayOptions): Gateway {
  const clock = options.clock ?? systemClock
  const random = options.random ?? Math.random
  const environment = options.environment ?? {}
  const build = (config: Config): Snapshot =>
    createSnapshot(config, environment, { clock, seed: options.seed ?? 1, feeds: options.priceFeeds?.() ?? [] })
  const metrics = createMetrics({ now: () => clock.now(), maxModels: MAX_LABELLED_MODELS, version: VERSION })
  const bytes = createByteBudget(() => snapshot.config.server.maxBytesHeld)
  const keyRing = createKeyRing({
    store: options.store,
    hash: options.hash,
    clock,
    cacheMs: KEY_CACHE_MS,
    cacheSize: KEY_CACHE_SIZE,
    hasUsers: () => snapshot.config.users.enabled,
  })
  const journal = createJournal({
    commit: (batch) => options.store.commit(batch),
    onError: (error) => options.log.error('ledger_commit_failed', { error: String(error) }),
  })
  const load: Load = { inFlight: 0, draining: false }
  let snapshot = build(options.config)
  const budgets = createBudgets({ clock, waitMs: () => snapshot.config.limits.budgetWaitMs })
  const observed = createObservedAnswers()
  const budgetDefinitions = createBudgetDefinitions(budgets, options.store)
  budgetDefinitions.configure(options.config.budgets, options.config.users.enabled)
  const balances = createBalances(budgets, options.store)
  const { passwords = createPasswords() } = options
  const providerRoom = createProviderRoom({ clock })
  const upstream = createUpstream({
    clock,
    // The newest one: what a simulated model does may be changed by a reload like everything else.
    simulator: (request) => snapshot.simulator.fetch(request),
    simulatorSocket: (url) => snapshot.simulator.connect(url),
    guard: createGuard({ resolve: options.resolve, clock }),
  })
  const alerts = createAlerts({
    store: options.store,
    clock,
    random,
    config: () => snapshot.config.alerts,
    upstream,
    budgets,
    traffic: metrics.recent,
    log: options.log,
  })
  const credentialAlerts = createCredentialAlerts({ clock, tell: (alert) => alerts.tell(alert) })
  const attemptTools = createAttemptTools({
    clock,
    random,
    upstream,
    wireOf: wireOfProvider,
    providerRoom,
    metrics,
    log: options.log,
    redact: options.redact,
    onCredentialBad: (id) => credentialAlerts.bad(id),
    onCredentialGood: (id) => credentialAlerts.good(id),
  })
  const taskLearning = createTaskLearning()
  const training = createHeadTraining({
    store: options.store,
    clock,
    train: trainInThread,
    onTrained: ({ deployments }, answers) => options.log.info('heads_trained', { answers, deployments }),
    onError: (error) => options.log.error('heads_failed', { error: String(error) }),
  })
  const sampler = createSampler({
    clock,
    log: options.log,
    bounds: () => snapshot.config.lab,
    wireOf: readerOf,
    taskLearning,
  })
  const engine: Engine = {
    clock,
    random,
    newId: idMaker('req', () => clock.now(), random),
    keyRing,
    limiter: createLimiter({ clock, onChecked: (scope, kind, share) => metrics.limitChecked(scope, kind, share) }),
    budgets,
    observed,
    providerRoom,
    bytes,
    journal,
    metrics,
    responses: options.store,
    files: options.store,
    answers: options.store,
    vectors: createVectorIndex((space, limit) => options.store.cachedVectors(space, { now: clock.now(), limit })),
    runs: new Map(),
    named: new Map(),
    log: options.log,
    load,
    sampler,
    taskLearning,
    training,
    trials: createTrials(),
    healthOf: (deploymentId) => attemptTools.health.factsOf(deploymentId),
    planMemory: createPlanMemory({ monotonicMs: () => clock.monotonicMs() }),
    expectedOutput: createExpectedOutput(),
    scoreboard: createScoreboard((deployment, task) => snapshot.priorFor(deployment, task)),
    pressure: createPressure({ clock, budgets }),
    exploration: createExploration(clock),
    readerOf,
    fetchMedia: createMediaFetch({ upstream, clock }),
    attemptTools,
  }
  const quality = createQuality({
    store: options.store,
    snapshot: () => snapshot,
    ask: createLabCalls(engine, () => snapshot).ask,
    training,
    onDrift: (deployment, facts) => alerts.tell(qualityDrift(deployment, facts, clock.now())),
    hash: options.hash,
    redact: options.redact,
    clock,
    log: options.log,
    scoreboard: engine.scoreboard,
    taskLearning,
    sampler,
  })
  quality.configure(options.config)
  metrics.observe({
    bytesHeld: () => bytes.held,
    ledgerPending: () => journal.pending(),
    alertOutbox: () => alerts.state(),
    deployments: () => attemptTools.health.states(),
    lab: () => sampler.counts(),
    quality: () => quality.measured(),
    experiments: () => experiments.counts(),
    ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
  })

  let stages: Stages = createStages(engine, snapshot)
  const newFileId = idMaker('file', () => clock.now(), random)
  const sessions = new Set<Session>()
  const forwarder = createForwarder({
    engine,
    snapshot: () => snapshot,
    stages: () => stages,
    store: options.store,
    ledger: options.store,
    keyRing,
    holds: createForwardHolds(budgets),
  })
  const batches = createBatchRunner({
    store: options.store,
    ledger: options.store,
    forwarder,
    keyRing,
    clock,
    log: options.log,
    newFileId,
    execute: (run) => sendLine(run, stages),
    settings: () => snapshot.config,
    // A live session lies in wait for most of its time.
    inFlight: () => load.inFlight - sessions.size,
  })
  const drills = createDrills({
    engine,
    snapshot: () => snapshot,
    store: options.store,
    newId: idMaker('drill', () => clock.now(), random),
  })
  const experiments = createExperiments({
    engine,
    snapshot: () => snapshot,
    store: options.store,
    newId: idMaker('exp', () => clock.now(), random),
    faultsOf: experimentFaults(createSchemaChecks()),
    learn: (about, evidence, source) => quality.learn(about, evidence, source),
    onRollback: (experiment, record) => alerts.tell(qualityRollback(experiment, record)),
  })
  const schedule = createSchedule({
    clock,
    snapshot: () => snapshot,
    stages: () => stages,
    health: attemptTools.health,
    drills,
    store: options.store,
    log: options.log,
  })
  const newBatchId = idMaker('batch', () => clock.now(), random)
  let ownTools = toolsOfOwn()
  let passTools: PassTools = createPassTools(engine, snapshot)

  function toolsOfOwn(): OwnBatchTools & FeedbackTools & { readonly budgets: Budgets } {
    return {
      files: options.store,
      batches: options.store,
      bytes,
      clock,
      newFileId,
      newBatchId,
      wake: (batchId) => batches.wake(batchId),
      keyRing,
      requests: options.store,
      ledger: options.store,
      responses: options.store,
      now: () => clock.now(),
      snapshot,
      quality,
      budgets,
      createdS: Math.floor(clock.now() / 1_000),
    }
  }

  async function own(endpoint: Endpoint, request: Request, parameter: string, addressOf: AddressOf): Promise<Response> {
    switch (endpoint.kind) {
      case 'relay':
      case 'addressed':
        return handle(request, endpoint, addressOf, stages)
      case 'models_v1beta':
        return listGeminiModels(request, addressOf, ownTools)
      case 'model_v1beta':
        return showGeminiModel(request, addressOf, parameter, ownTools)
      case 'models':
        return listModels(request, addressOf, ownTools)
      case 'model':
        return showModel(request, addressOf, parameter, ownTools)
      case 'request':
        return showRequest(request, addressOf, parameter, ownTools)
      case 'budget':
        return showBudget(request, addressOf, ownTools)
      case 'billing_subscription':
        return showBilling('subscription', request, addressOf, ownTools)
      case 'billing_usage':
        return showBilling('usage', request, addressOf, ownTools)
      case 'feedback':
        return takeFeedback(request, addressOf, ownTools)
      case 'feedback_webhook':
        return takeWebhook(request, addressOf, parameter, ownTools)
      case 'response':
        return ownResponse('retrieve', request, addressOf, parameter, ownTools)
      case 'response_delete':
        return ownResponse('delete', request, addressOf, parameter, ownTools)
      case 'response_cancel':
        return ownResponse('cancel', request, addressOf, parameter, ownTools)
      case 'response_input_items':
        return ownResponse('input_items', request, addressOf, parameter, ownTools)
      case 'realtime':
        return acceptRealtime(request, openaiRealtime, addressOf, { engine, snapshot, stages, sessions })
      case 'live':
        return acceptRealtime(request, geminiLive, addressOf, { engine, snapshot, stages, sessions })
      case 'pass':
        return pass(request, dialectOf(request, ''), addressOf, passTools)
      case 'file_upload':
      case 'files':
      case 'file':
      case 'file_content':
      case 'file_delete':
        return ownFile(endpoint.kind, request, addressOf, parameter, ownTools)
      case 'batch_create':
      case 'batches':
      case 'batch':
      case 'batch_cancel':
        return ownBatch(endpoint.kind, request, addressOf, parameter, ownTools)
      case 'user':
        return ownUser(request, addressOf)
      case 'health':
        return Response.json({ status: 'ok' })
      case 'ready':
        return ready()
    }
  }

  let userSite: Promise<UserSite> | null = null
  async function ownUser(request: Request, addressOf: AddressOf): Promise<Response> {
    const path = pathOf(request.url)
    if (!snapshot.config.users.enabled)
      throw new GatewayError('not_found', { message: `There is nothing at ${path.slice(0, 200)}.` })
    // Most gateways have no users: what serves them is read when the first one comes.
    userSite ??= import('./own-users.ts').then(({ createUserSite }) =>
      createUserSite({
        store: options.store,
        hash: options.hash,
        clock,
        keyRing,
        budgets,
        budgetDefinitions,
        balances,
        passwords,
        bytes,
        config: () => snapshot.config,
      }),
    )
    return (await userSite)(request, path, addressOf)
  }

  async function ready(): Promise<Response> {
    if (load.draining) return Response.json({ status: 'draining' }, { status: 503 })
    try {
      await options.store.ping()
    } catch {
      return Response.json({ status: 'store_unavailable' }, { status: 503 })
    }
    return Response.json({ status: 'ready' })
  }

  function fetch(request: Request, socketAddressOf: AddressOf = noAddress): Promise<Response> {
    const { trustedProxies } = snapshot.config.server
    const addressOf =
      trustedProxies.length === 0
        ? socketAddressOf
        : () => callerAddress(request.headers, socketAddressOf(), (address) => addressAllowed(trustedProxies, address))
    const path = pathOf(request.url)
    const match = matchEndpoint(request.method, path)
    const entrance = entranceOf(match, path, request.url)
    return entrance === null
      ? answerOwn(request, match, path, addressOf)
      : handle(request, entrance, addressOf, drills.stagesFor(request) ?? stages)
  }

  async function answerOwn(request: Request, match: Match, path: string, addressOf: AddressOf): Promise<Response> {
    const response = await answerFull(request, match, path, addressOf)
    if (request.method !== 'HEAD') return response
    const { byteLength } = await response.arrayBuffer()
    response.headers.set('content-length', String(byteLength))
    return new Response(null, response)
  }

  async function answerFull(request: Request, match: Match, path: string, addressOf: AddressOf): Promise<Response> {
    try {
      switch (match.type) {
        case 'found':
          return await own(match.endpoint, request, match.parameter, addressOf)
        case 'options':
          return new Response(null, { status: 204, headers: { allow: match.allow.join(', ') } })
        case 'wrong_method':
          throw new GatewayError('method_not_allowed', {
            message: `${path.slice(0, 200)} takes ${match.allow.join(', ')}.`,
            headers: { allow: match.allow.join(', ') },
          })
        case 'none':
          throw new GatewayError('not_found', { message: `There is nothing at ${path.slice(0, 200)}.` })
      }
    } catch (error) {
      const known = error instanceof GatewayError ? error : new GatewayError('internal', {}, error)
      const id = engine.newId()
      if (!(error instanceof GatewayError)) options.log.error('internal', { request: id, error: String(error) })
      const dialect = dialectOf(request, path)
      return errorResponse(known, dialect, id, clientRequestIdOf(request.headers, options.redact), options.redact)
    }
  }

  return {
    fetch,
    configure(config) {
      const next = build(config)
      snapshot = next
      budgetDefinitions.configure(config.budgets, config.users.enabled)
      engine.scoreboard.forgetPriors()
      quality.configure(config)
      stages = createStages(engine, next)
      ownTools = toolsOfOwn()
      passTools = createPassTools(engine, next)
      experiments.configure()
    },
    get snapshot() {
      return snapshot
    },
    load,
    keyRing,
    metrics,
    journal,
    limiter: engine.limiter,
    budgets,
    budgetDefinitions,
    balances,
    passwords,
    credentials: attemptTools.credentials,
    health: attemptTools.health,
    sampler,
    quality,
    drills,
    experiments,
    alerts,
    schedule,
    clock,
    batches,
    explain: (input) => explain(engine, snapshot, input),
    drain() {
      load.draining = true
      batches.stop()
      for (const session of sessions) session.drain()
      schedule.stop()
      experiments.stop()
      drills.stop()
    },
  }
}

/** In whose shape an error is told that comes before any exchange. */
function dialectOf(request: Request, path: string): Dialect {
  if (path.startsWith('/v1beta/') || isGeminiClient(request)) return gemini
  return isAnthropicClient(request) ? anthropicMessages : openaiChat
}

function noAddress(): null {
  return null
}

function readerOf(dialect: DialectId): ChatWire | null {
  return READERS[dialect]?.chat ?? null
}

function wireOfProvider(provider: Provider): Wire {
  const wire = WIRES[provider.wire]
  if (wire === undefined) throw new Error(`the preset ${provider.preset} names the unknown wire ${provider.wire}`)
  return wire
}

/** `http://host/path?query` → `/path`, without the cost of a URL object. */
function pathOf(url: string): string {
  // Without a `host` that makes sense (HTTP/1.0 needs none) there is only the path.
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
  if (start < 0) return '/'
  const query = url.indexOf('?', start)
  return query < 0 ? url.slice(start) : url.slice(start, query)
}
