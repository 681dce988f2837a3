// One running gateway process: config → data → gateway → two listeners → drain.
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createAdmin } from './admin/admin.ts'
import { createGateway } from './app.ts'
import type { Gateway } from './app.ts'
import { readBoundedFile } from './config/files.ts'
import { DEFAULT_CONFIG_PATH, loadConfig } from './config/load.ts'
import type { LoadResult } from './config/load.ts'
import { formatProblem } from './config/problem.ts'
import { redactConfig } from './config/redact.ts'
import { isLoopback, parseListen } from './config/values.ts'
import { createReloader, watchConfigFile } from './config/watch.ts'
import { systemClock } from './core/clock.ts'
import { GatewayError } from './core/error.ts'
import { dataFolderOf, openData } from './data.ts'
import type { OpenedData } from './data.ts'
import { announcement, firstRun } from './first-run.ts'
import { listen } from './http/server.ts'
import type { Listener, ListenOptions } from './http/server.ts'
import { startPruning } from './ledger/prune.ts'
import { startScheduledReports } from './ledger/scheduled-reports.ts'
import { recover } from './ledger/recover.ts'
import { createLogger } from './metrics/log.ts'
import type { Logger } from './metrics/log.ts'
import { createRedactor } from './metrics/redact.ts'
import { watchRuntime } from './metrics/runtime.ts'
import { createPriceLayers } from './price-layers.ts'
import { discoverProviders } from './providers/configure.ts'
import type { Environment } from './providers/configure.ts'
import { secretsOf } from './providers/secrets.ts'
import { fetchFeed } from './providers/feed-fetch.ts'
import { createGuard } from './providers/guard.ts'
import { createUpstream, resolveHost } from './providers/upstream.ts'
import { routeTargets } from './snapshot.ts'
import { healthOf, modelsOf, pricesOf } from './state.ts'
import { VERSION } from './version.ts'

export type ServeOptions = {
  readonly environment: Environment
  /** Config file that must be there; null: `WEIR_CONFIG`, else `weir.yaml`, which may be absent. */
  readonly configPath: string | null
  readonly write: (text: string) => void
  readonly terminal: boolean
}

export interface Running {
  readonly url: string
  readonly adminUrl: string
  readonly gateway: Gateway
  /** Reads the configuration again, as SIGHUP asks for. */
  reload(): Promise<void>
  /** Takes nothing new, lets what runs finish within the drain timeout, and closes everything. */
  drain(): Promise<void>
}

/** The gateway cannot start; the message says why and what to do. */
export class StartError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StartError'
  }
}

const KEYS_CHECK_MS = 50
const STORE_CHECK_MS = 1_000
const DRAIN_CHECK_MS = 10

/** Starts everything; throws StartError where the configuration, the data or an address does not allow it. */
export async function serve(options: ServeOptions): Promise<Running> {
  const { environment, write } = options
  const configPath = options.configPath ?? setIn(environment, 'WEIR_CONFIG')
  const load = (): Promise<LoadResult> =>
    loadConfig({
      path: configPath,
      readFile: readBoundedFile,
      environment,
      terminal: options.terminal,
      otherProviders: discoverProviders(environment).map(({ name }) => name),
    })
  const loaded = await load()
  if (!loaded.ok) throw new StartError(loaded.problems.map(formatProblem).join('\n'))
  let { config } = loaded
  const operatorToken = setIn(environment, 'WEIR_ADMIN_TOKEN')
  // Those of earlier configurations stay: requests in flight still use them.
  let secrets = [...loaded.secrets, operatorToken ?? '', setIn(environment, 'WEIR_SECRET') ?? '']
  const redact = createRedactor(() => secrets)
  const log = createLogger({
    level: config.log.level,
    format: config.log.format,
    write,
    redact,
    now: () => Date.now(),
  })
  for (const warning of loaded.warnings) log.warn('config_warning', { warning })
  const data = await openStore(environment, config.store.sync)
  const { store, hash } = data
  const recovered = await recover({ store, now: Date.now(), which: 'all' })
  if (recovered > 0) log.warn('ledger_recovered', { intents: recovered })

  const runtime = watchRuntime(() => Date.now())
  const feedUpstream = createUpstream({
    clock: systemClock,
    simulator: null,
    guard: createGuard({ resolve: resolveHost, clock: systemClock }),
  })
  const priceLayers = createPriceLayers({
    store,
    clock: systemClock,
    fetch: (request) => fetchFeed(feedUpstream, request),
    readFile: async (file, maxBytes) => new TextDecoder().decode(await readBoundedFile(file, maxBytes)),
    config: () => config.prices,
    onChanged: () => gateway.configure(config),
    onResult: ({ form, outcome, version, reason }) => {
      if (outcome === 'refused' || outcome === 'unreachable') log.warn('prices_kept', { form, outcome, reason })
      else log.info('prices_refreshed', { form, outcome, version })
    },
    onError: (error) => log.error('prices_refresh_failed', { error: String(error) }),
  })
  await priceLayers.load()
  const gateway = startGateway()
  secrets = [...secrets, ...secretsOf(gateway.snapshot.providers)]
  function startGateway(): Gateway {
    try {
      return createGateway({
        config,
        store,
        hash,
        log,
        redact,
        environment,
        runtime,
        resolve: resolveHost,
        priceFeeds: () => priceLayers.layers(),
      })
    } catch (error) {
      throw explain(error, loaded as Extract<LoadResult, { ok: true }>)
    }
  }
  await gateway.budgetDefinitions.load(Date.now())
  await gateway.balances.refresh()
  await gateway.quality.load()
  const reloader = createReloader({
    load,
    apply(next) {
      gateway.configure(next.config)
      config = next.config
      void priceLayers.reconsider()
      secrets = [...new Set([...secrets, ...next.secrets, ...secretsOf(gateway.snapshot.providers)])]
    },
    watchFile: watchConfigFile(path.resolve(configPath ?? DEFAULT_CONFIG_PATH), (error) =>
      log.warn('config_not_watched', { error: error.message }),
    ),
    clock: systemClock,
    onResult: (reason, result) => {
      if (result.ok) log.info('config_reloaded', { reason })
      else log.error('config_refused', { reason, problems: result.problems.map(formatProblem) })
    },
  })

  let storeAnswers = true
  const adminAddress = parseListen(config.server.adminListen)
  const admin = createAdmin({
    store,
    hash,
    keys: gateway.keyRing,
    clock: systemClock,
    operatorTokenHash: operatorToken === null ? null : hash(operatorToken),
    config: () => redactConfig(config),
    currency: () => config.reports.currency ?? null,
    reload: async () => {
      const result = await reloader.reload('call')
      return result.ok
        ? { ok: true }
        : { ok: false, errors: result.problems.map((problem) => ({ ...problem, message: formatProblem(problem) })) }
    },
    budgets: {
      list: () => gateway.budgetDefinitions.list(),
      state: () => gateway.budgets.state(),
      refresh: () => gateway.budgetDefinitions.refresh(),
    },
    users: {
      passwords: gateway.passwords,
      settings: () => config.users,
      credited: () => gateway.balances.refresh(),
      balanceOf: (userId) => gateway.budgets.balance(userId),
    },
    health: () => healthOf(gateway, storeAnswers),
    quality: {
      scores: (chain, all) => gateway.quality.shown(chain, all ? routeTargets(gateway.snapshot) : []),
      counts: () => gateway.sampler.counts(),
      drift: () => ({ signals: gateway.quality.drift.shown(), golden: gateway.quality.golden.shown() }),
      prompts: () => ({ mode: config.prompts.keep, ...gateway.quality.prompts.counts() }),
    },
    startDrill: (spec) => gateway.drills.start(spec, null),
    stopDrill: () => gateway.drills.stop(),
    experiments: gateway.experiments,
    prices: () => pricesOf(gateway.snapshot),
    refreshPrices: () => priceLayers.refresh(),
    alerts: gateway.alerts,
    models: (filter) => modelsOf(gateway.snapshot, filter),
    explain: (question) => gateway.explain(question),
    async metricsText() {
      if (config.metrics.enabled) return gateway.metrics.text()
      throw new GatewayError('not_found', { message: 'Metrics are switched off by `metrics.enabled`.' })
    },
    metricsOpen: adminAddress !== null && isLoopback(adminAddress.host),
    ready: () => storeAnswers && !gateway.load.draining,
    version: VERSION,
    onInternalError: (cause) => log.error('internal', { listener: 'admin', error: String(cause) }),
  })

  const listeners: Listener[] = []
  try {
    listeners.push(
      listenAt(config.server.listen, gateway, log),
      listenAt(
        config.server.adminListen,
        { fetch: (request, addressOf) => admin.fetch(request, { address: addressOf() }) },
        log,
      ),
    )
  } catch (error) {
    for (const listener of listeners) await listener.kill()
    reloader.close()
    await data.close()
    throw error
  }
  const [front, back] = listeners as [Listener, Listener]
  const timers = [
    setInterval(() => void gateway.keyRing.checkElsewhere().catch(() => undefined), KEYS_CHECK_MS),
    setInterval(() => {
      void gateway.budgetDefinitions.checkElsewhere().catch(() => undefined)
      void gateway.balances.refresh().catch(() => undefined)
      void priceLayers.checkElsewhere().catch(() => undefined)
      void store.ping().then(
        () => (storeAnswers = true),
        () => (storeAnswers = false),
      )
    }, STORE_CHECK_MS),
  ]
  priceLayers.start()
  const stopPruning = startPruning({
    store,
    clock: systemClock,
    retentionMs: () => config.requestLog.retentionMs,
    evidenceMs: () => config.lab.retentionMs,
    promptsMs: () => config.prompts.retentionMs,
    onError: (error) => log.error('prune_failed', { error: String(error) }),
  })
  const stopReports = startScheduledReports({
    store,
    clock: systemClock,
    config: () => config.reports,
    raise: (report) => gateway.alerts.raise(report),
    onError: (error) => log.error('report_failed', { error: String(error) }),
  })
  await gateway.batches.start()
  await gateway.drills.recover()
  await gateway.experiments.load()
  gateway.experiments.start()
  await gateway.schedule.start()
  gateway.quality.golden.start()
  gateway.quality.training.start()
  gateway.alerts.start()
  const credentials = await firstRun({ store, hash, clock: systemClock, hasOperatorToken: operatorToken !== null })
  write(
    announcement({
      url: front.url,
      adminUrl: back.url,
      snapshot: gateway.snapshot,
      credentials,
      config: loaded.file,
      dataFolder: dataFolderOf(environment),
    }),
  )

  let draining: Promise<void> | null = null
  return {
    url: front.url,
    adminUrl: back.url,
    gateway,
    async reload() {
      await reloader.reload('signal')
    },
    drain() {
      draining ??= drain()
      return draining
    },
  }

  async function drain(): Promise<void> {
    gateway.drain()
    front.retire()
    reloader.close()
    log.info('draining', { in_flight: gateway.load.inFlight })
    const until = performance.now() + config.server.drainTimeoutMs
    // Until nothing runs any more the door stays open: `/readyz` says 503, and so does every answer to a new request.
    await quiet(() => gateway.load.inFlight, until)
    if (gateway.load.inFlight > 0) log.warn('drain_cut', { in_flight: gateway.load.inFlight })
    front.stop()
    // A request that is closed in the books may still have its answer on the way.
    await quiet(() => front.pending(), until)
    // What is still running is cut here; its way out books what was produced.
    await front.kill()
    await Promise.race([gateway.batches.cut(), delay(SETTLE_MS)])
    await Promise.race([gateway.alerts.stop(), delay(SETTLE_MS)])
    await quiet(() => gateway.load.inFlight, performance.now() + SETTLE_MS)
    // While the store is away this would last for ever; what is not written then is an intent that the next start settles.
    await Promise.race([gateway.journal.flush(), delay(SETTLE_MS)])
    for (const timer of timers) clearInterval(timer)
    gateway.sampler.stop()
    await Promise.race([gateway.quality.close(), delay(SETTLE_MS)])
    runtime.stop()
    stopPruning()
    stopReports()
    priceLayers.stop()
    await back.kill()
    await data.close()
    log.info('stopped')
    log.flush()
  }
}

/** A variable's value; null where it is not set, or empty, which is what an unset one of a compose file looks like. */
function setIn(environment: Environment, name: string): string | null {
  const value = environment[name] ?? ''
  return value === '' ? null : value
}

/** How long cut requests may take to book themselves. */
const SETTLE_MS = 5_000

/** Resolves when nothing is left, or at the time (monotonic ms). */
async function quiet(left: () => number, untilMs: number): Promise<void> {
  while (left() > 0 && performance.now() < untilMs) await delay(DRAIN_CHECK_MS)
}

async function openStore(environment: Environment, sync: 'process' | 'power'): Promise<OpenedData> {
  try {
    return await openData(dataFolderOf(environment), environment, { sync, alone: true })
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error))
  }
}

function explain(error: unknown, loaded: Extract<LoadResult, { ok: true }>): Error {
  if (error instanceof Error && 'path' in error && typeof error.path === 'string')
    return new StartError(formatProblem(loaded.problemAt(error.path, error.message)))
  return error instanceof Error ? error : new Error(String(error))
}

function listenAt(address: string, answers: Pick<ListenOptions, 'fetch' | 'receive'>, log: Logger): Listener {
  try {
    return listen({
      listen: address,
      ...answers,
      onError: (error) => log.error('internal', { listener: address, error: String(error) }),
    })
  } catch (error) {
    const code = (error as { code?: unknown }).code
    const why = code === 'EADDRINUSE' ? 'it is in use by another process' : (error as Error).message
    throw new StartError(
      `cannot listen on ${address}: ${why}. Set WEIR_LISTEN or WEIR_ADMIN_LISTEN to another address, e.g. 127.0.0.1:0 for any free port.`,
    )
  }
}
