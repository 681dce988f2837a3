// Rehearsed outages, one at a time: started by a call or by a schedule, kept with what came of them.
//
// States: none → running → done (its rounds are over), stopped (somebody asked for it), failed (it could not go on). A report is
// written down when a drill begins and after each round; a crash leaves it `running`, and the next start calls it failed.
//
// - `synthetic`: the drill's own small requests, down the path of every request, under a key that only exists here; what they
//   cost is booked on that key. Each route is asked without faults first, then with them.
// - `shadow`: copies of a share of the real requests, whose answers are thrown away.
// - `canary` and `all`: the real requests themselves meet the faults.
// The faults of `synthetic`, `shadow` and `canary` teach the real health nothing (engine.ts); those of `all` neither: the drill
// has a health of its own, with which it reacts as the gateway would.
import type { ClientRequest } from '../core/client-request.ts'
import type { Break, DrillReport, DrillRound, DrillSpec } from '../core/drill.ts'
import { scopeText } from '../core/drill.ts'
import { GatewayError } from '../core/error.ts'
import type { Stages } from '../handle.ts'
import { survivalOf } from '../routing/survive.ts'
import type { Route } from '../routing/route.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from '../stages/engine.ts'
import { createStages } from '../stages/stages.ts'
import type { DrillStore } from '../store/store.ts'
import { drillEngine } from './engine.ts'
import { ownCaller, sendOwn, smallChat } from './own-request.ts'
import { count, newTally, roundOf } from './round.ts'
import type { Tally } from './round.ts'

export type DrillTools = {
  readonly engine: Engine
  readonly snapshot: () => Snapshot
  readonly store: DrillStore
  readonly newId: () => string
}

export interface Drills {
  /** The path for a real request, while a drill is about real requests; null: everybody's. */
  stagesFor(request: ClientRequest): Stages | null
  /** Begins a drill. Throws `conflict` while one runs, `request_malformed` for what is not there. */
  start(spec: DrillSpec, name: string | null): Promise<DrillReport>
  /** Ends the drill that runs; false: none does. */
  stop(): boolean
  /** Resolves when no drill runs. */
  settled(): Promise<void>
  /** After a start: drills that a crash has cut are over. */
  recover(): Promise<void>
}

const BASELINE_REQUESTS = 4
const ROUND_REQUESTS = 6
const MOST_REQUESTS = 2_000
/** Between two synthetic requests of a drill that lasts. */
const GAP_MS = 200

export function createDrills({ engine, snapshot, store, newId }: DrillTools): Drills {
  const { clock, random, log } = engine
  let running: { readonly report: DrillReport; readonly abort: AbortController; readonly over: Promise<void> } | null =
    null
  /** Where real requests go meanwhile. */
  let diverted: { readonly stages: Stages; readonly share: number; readonly isShadow: boolean } | null = null

  async function keep(report: DrillReport): Promise<void> {
    await store.putDrill(report)
  }

  function stagesWith(breaks: readonly Break[], tally: Tally, isReal: boolean): Stages {
    const witness = (facts: Parameters<typeof count>[1]): void => count(tally, facts)
    return createStages(drillEngine(engine, breaks, { witness, isReal }), snapshot())
  }

  async function several(
    breaks: readonly Break[],
    route: string,
    requests: number,
    signal: AbortSignal,
  ): Promise<Tally> {
    const tally = newTally()
    const stages = stagesWith(breaks, tally, false)
    for (let index = 0; index < requests && !signal.aborted; index++)
      await sendOwn(stages, smallChat(route, index % 2 === 1, signal), CALLER)
    return tally
  }

  async function lasting(breaks: readonly Break[], route: string, forMs: number, signal: AbortSignal): Promise<Tally> {
    const tally = newTally()
    const stages = stagesWith(breaks, tally, false)
    const untilMs = clock.monotonicMs() + forMs
    const asked: Promise<void>[] = []
    for (let index = 0; index < MOST_REQUESTS && clock.monotonicMs() < untilMs && !signal.aborted; index++) {
      asked.push(sendOwn(stages, smallChat(route, index % 2 === 1, signal), CALLER))
      await wait(GAP_MS, signal)
    }
    await Promise.all(asked)
    return tally
  }

  async function synthetic(spec: DrillSpec, routes: readonly Route[], signal: AbortSignal, tell: Tell): Promise<void> {
    for (const route of routes) {
      const baseline = await several([], route.name, BASELINE_REQUESTS, signal)
      for (const breaks of roundsOf(spec, route)) {
        if (signal.aborted) return
        const tally =
          spec.breaks.length === 0
            ? await several(breaks, route.name, ROUND_REQUESTS, signal)
            : await lasting(breaks, route.name, spec.forMs, signal)
        await tell(roundOf(route.name, breaks, tally, baseline))
      }
    }
  }

  /** Real requests, or copies of them, of any route. */
  async function real(spec: DrillSpec, signal: AbortSignal, tell: Tell): Promise<void> {
    const { on, breaks } = spec
    const isShadow = on.type === 'shadow'
    const tally = newTally()
    diverted = { stages: stagesWith(breaks, tally, !isShadow), share: 'share' in on ? on.share : 1, isShadow }
    try {
      await wait(spec.forMs, signal)
    } finally {
      diverted = null
    }
    await tell(roundOf('*', breaks, tally, null))
  }

  function wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = clock.after(ms, resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    return promise.then(cancel)
  }

  async function run(
    first: DrillReport,
    spec: DrillSpec,
    routes: readonly Route[],
    signal: AbortSignal,
  ): Promise<void> {
    let report = first
    const tell: Tell = async (round) => {
      report = { ...report, rounds: [...report.rounds, round] }
      await keep(report)
    }
    try {
      if (spec.on.type === 'synthetic') await synthetic(spec, routes, signal, tell)
      else await real(spec, signal, tell)
      report = { ...report, state: signal.aborted ? 'stopped' : 'done' }
    } catch (error) {
      log.error('drill_failed', { drill: report.id, error: String(error) })
      report = { ...report, state: 'failed' }
    }
    running = null
    report = { ...report, endedAt: clock.now() }
    const errors = report.rounds.reduce((sum, round) => sum + round.errors, 0)
    log.info('drill_ended', { drill: report.id, state: report.state, rounds: report.rounds.length, errors })
    await keep(report).catch((error: unknown) => log.error('drill_failed', { drill: report.id, error: String(error) }))
  }

  return {
    stagesFor(request) {
      if (diverted === null || random() >= diverted.share) return null
      if (!diverted.isShadow) return diverted.stages
      // The copy goes its own way; the request itself is not held up, and not touched.
      void sendOwn(diverted.stages, request.clone(), CALLER).catch(() => undefined)
      return null
    },
    async start(spec, name) {
      if (running !== null)
        throw new GatewayError('conflict', { message: `The drill ${running.report.id} is still running.` })
      const routes = routesOf(spec, snapshot())
      const report: DrillReport = {
        id: newId(),
        startedAt: clock.now(),
        endedAt: null,
        state: 'running',
        name,
        on: scopeText(spec.on),
        rounds: [],
      }
      const abort = new AbortController()
      const begun = Promise.withResolvers<void>()
      // Before anything is awaited: two that start at once must see each other.
      running = { report, abort, over: begun.promise.then(() => run(report, spec, routes, abort.signal)) }
      try {
        await keep(report)
      } catch (error) {
        running = null
        throw error
      }
      begun.resolve()
      return report
    },
    stop() {
      running?.abort.abort()
      return running !== null
    },
    async settled() {
      await running?.over
    },
    async recover() {
      for (const report of await store.listDrills({ limit: 100 }))
        if (report.state === 'running' && report.id !== running?.report.id)
          await keep({ ...report, state: 'failed', endedAt: report.endedAt ?? clock.now() })
    },
  }
}

type Tell = (round: DrillRound) => Promise<void>

/** What is broken at once, round by round. */
function roundsOf(spec: DrillSpec, route: Route): readonly (readonly Break[])[] {
  if (spec.breaks.length > 0) return [spec.breaks]
  return survivalOf(route).losses.map(({ provider }) => [{ provider, fault: { type: 'down' }, share: 1 }])
}

/** Throws `request_malformed` for names that are not there. */
function routesOf({ routes, breaks, on }: DrillSpec, { catalogue, providers }: Snapshot): readonly Route[] {
  for (const { provider } of breaks)
    if (!providers.some(({ name }) => name === provider))
      throw new GatewayError('request_malformed', { message: `There is no provider ${provider} here.`, param: 'break' })
  if (on.type !== 'synthetic' && breaks.length === 0)
    throw new GatewayError('request_malformed', {
      message: 'What is to be broken has to be named, because real requests would meet it.',
      param: 'break',
    })
  return routes.length === 0
    ? catalogue.routes
    : routes.map((name) => {
        const route = catalogue.routes.find((one) => one.name === name)
        if (route !== undefined) return route
        throw new GatewayError('request_malformed', { message: `There is no route ${name} here.`, param: 'routes' })
      })
}

/** Whose the synthetic requests are. */
const CALLER = ownCaller('key_drill', 'drill')
