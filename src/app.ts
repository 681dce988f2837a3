// Wiring: from a configuration and a store to a gateway that is a function of a request.
import { type Alerts, createAlerts } from './alerts/alerts.ts'
import { createForwardHolds } from './batches/forward-holds.ts'
import { createForwarder } from './batches/forward.ts'
import { createCredentialAlerts } from './alerts/credential-alerts.ts'
import { qualityRollback, qualityDrift } from './alerts/signals.ts'
import { sendLine } from './batches/line.ts'
import { createBatchRunner } from './batches/runner.ts'
import type { BatchRunner } from './batches/runner.ts'
import { createVectorIndex } from './cache/vectors.ts'
import type { Config } from './config/schema.ts'
import { systemClock } from './core/clock.ts'
import type { Clock } from './core/clock.ts'
import { idMaker } from './core/id.ts'
import { explain } from './explain.ts'
import type { ExplainInput } from './explain.ts'
import { handle } from './handle.ts'
import type { Entrance } from './handle.ts'
import type { ClientRequest } from './core/client-request.ts'
import type { Reply } from './core/reply.ts'
import type { ReceivedRequest } from './http/http1/received-request.ts'
import { replyOf, responseOf } from './http/response.ts'
import { trainInThread } from './head-thread.ts'
import type { AddressOf } from './handle.ts'
import { createByteBudget } from './http/body.ts'
import { callerAddress } from './http/caller.ts'
import { entranceOf, isBrief, matchEndpoint } from './http/endpoints.ts'
import type { Session } from './realtime/session.ts'
import { createOwnEndpoints, pathOf } from './own-endpoints.ts'
import type { Current, OwnTools } from './own-endpoints.ts'
import { createPassTools } from './pass/pass.ts'
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
import { createMediaFetch } from './providers/media-fetch.ts'
import { createUpstream } from './providers/upstream.ts'
import { readerOf, wireOfProvider } from './providers/wires.ts'
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
  /** The same for a request on a connection of our own; null, and nothing has happened: it is for `fetch`. */
  receive(request: ReceivedRequest, socketAddressOf: AddressOf): Promise<Reply> | null
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
    limiter: createLimiter({
      clock,
      onChecked: (scope, kind, share) => metrics.limitChecked(scope, kind, share),
    }),
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

  const newFileId = idMaker('file', () => clock.now(), random)
  const sessions = new Set<Session>()
  const forwarder = createForwarder({
    engine,
    snapshot: () => snapshot,
    stages: () => current.stages,
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
    execute: (run) => sendLine(run, current.stages),
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
    stages: () => current.stages,
    health: attemptTools.health,
    drills,
    store: options.store,
    log: options.log,
  })
  const newBatchId = idMaker('batch', () => clock.now(), random)
  function toolsOfOwn(): OwnTools {
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

  function ofSnapshot(): Current {
    return {
      snapshot,
      stages: createStages(engine, snapshot),
      own: toolsOfOwn(),
      pass: createPassTools(engine, snapshot),
    }
  }

  let current = ofSnapshot()
  const ownEndpoints = createOwnEndpoints({
    engine,
    current: () => current,
    ping: () => options.store.ping(),
    redact: options.redact,
    sessions,
    users: {
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
    },
  })

  /** The caller's address, behind proxies that are trusted. */
  function addressBehind({ headers }: ClientRequest, socketAddressOf: AddressOf): AddressOf {
    const { trustedProxies } = snapshot.config.server
    if (trustedProxies.length === 0) return socketAddressOf
    return () => callerAddress(headers, socketAddressOf(), (address) => addressAllowed(trustedProxies, address))
  }

  function relayed(request: ClientRequest, entrance: Entrance, addressOf: AddressOf): Promise<Reply> {
    return handle(request, entrance, addressOf, drills.stagesFor(request) ?? current.stages)
  }

  function fetch(request: Request, socketAddressOf: AddressOf = noAddress): Promise<Response> {
    const addressOf = addressBehind(request, socketAddressOf)
    const path = pathOf(request.url)
    const match = matchEndpoint(request.method, path)
    const entrance = entranceOf(match, path, request.url)
    return entrance === null
      ? ownEndpoints(request, match, path, addressOf)
      : relayed(request, entrance, addressOf).then(responseOf)
  }

  function receive(request: ReceivedRequest, socketAddressOf: AddressOf): Promise<Reply> | null {
    const path = pathOf(request.target)
    const match = matchEndpoint(request.method, path)
    const entrance = entranceOf(match, path, request.target)
    const addressOf = addressBehind(request, socketAddressOf)
    if (isBrief(match)) return ownEndpoints(asRequest(request), match, path, addressOf).then(replyOf)
    // Forms are large, and read piece by piece.
    if (entrance === null || entrance.dialect.takesForms === true) return null
    return relayed(request, entrance, addressOf)
  }

  return {
    fetch,
    receive,
    configure(config) {
      snapshot = build(config)
      budgetDefinitions.configure(config.budgets, config.users.enabled)
      engine.scoreboard.forgetPriors()
      quality.configure(config)
      current = ofSnapshot()
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

/** A question without a body. */
function asRequest({ method, url, headers }: ReceivedRequest): Request {
  return new Request(url, { method, headers: [...headers] })
}

function noAddress(): null {
  return null
}
