// Experiments of this gateway: made, led by hand, fed by requests, written down.
//
// The store has the truth; every second this process looks whether another one has written, tells what its routes spent, and lets
// time pass for the ramps. Requests only look up what stands in the place of their route (`stand-ins.ts`), which is worked out
// whenever an experiment moves.
import type { AuditRecord, Experiment, ExperimentSpec, Stage } from '../core/experiment.ts'
import { GatewayError } from '../core/error.ts'
import type { Experimenting, ExperimentView } from '../lab/experiment-view.ts'
import { DEFAULT_PLAN, needsOf, newRamp } from '../lab/ramp.ts'
import type { Observation } from '../lab/ramp.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from '../stages/engine.ts'
import type { ExperimentStore, ReportStore } from '../store/store.ts'
import { checkSpec, judgeWarning } from './check-spec.ts'
import { isUnderWay, observationOf, refusalOf } from './commands.ts'
import { createClaim } from './claims.ts'
import { createComparing } from './comparing.ts'
import type { ComparingTools, FaultsOf } from './comparing.ts'
import { createCopies } from './copies.ts'
import { createJudges } from './judges.ts'
import { ideasOf } from './ideas.ts'
import { createLabCalls } from './lab-calls.ts'
import { createObserving } from './observing.ts'
import type { Observing } from './observing.ts'
import { askOffline, isOffline } from './offline.ts'
import type { OfflineTools } from './offline.ts'
import { createProgress } from './progress.ts'
import type { Progress } from './progress.ts'
import { isLive, standInsOf } from './stand-ins.ts'

export type ExperimentTools = {
  readonly engine: Engine
  readonly snapshot: () => Snapshot
  readonly store: ExperimentStore & Pick<ReportStore, 'spend'> & OfflineTools['store']
  readonly newId: () => string
  readonly faultsOf: FaultsOf
  readonly learn: ComparingTools['learn']
  /** Something went wrong enough for somebody to be told. */
  readonly onRollback: (experiment: Experiment, record: AuditRecord) => void
}

export interface Experiments extends Experimenting {
  /** Reads what is stored; from now on requests meet it. */
  load(): Promise<void>
  /** Another configuration counts. */
  configure(): void
  start(): void
  stop(): void
  /** For the metrics. */
  counts(): {
    readonly copies: Readonly<Record<string, number>>
    readonly standing: readonly { readonly stage: string; readonly status: string }[]
  }
  /** What happens each second. */
  tick(): Promise<void>
  /** Resolves when nothing is under way and all that happened is written. */
  settled(): Promise<void>
}

const TICK_MS = 1_000

export function createExperiments(tools: ExperimentTools): Experiments {
  const { engine, snapshot, store, newId, faultsOf, learn, onRollback } = tools
  const { clock, log, trials } = engine
  const abort = new AbortController()
  const calls = createLabCalls(engine, snapshot)
  const judges = createJudges({ calls, store, snapshot, clock, random: engine.random, signal: abort.signal })
  const { signal } = abort
  const compare = createComparing({ clock, claim: createClaim(store), calls, judges, faultsOf, learn, signal })
  const copies = createCopies({ engine, snapshot, judges, compare })
  const known = new Map<string, { readonly progress: Progress; readonly observing: Observing }>()
  /** Experiments whose kept prompts are being asked. */
  const offline = new Set<string>()
  /** What nobody waits for. */
  const jobs = new Set<Promise<void>>()
  let problems: ReadonlyMap<string, string> = new Map()
  let versions = ''
  let cancel: (() => void) | null = null

  const onError = (error: unknown): void => log.error('experiment_failed', { error: String(error) })

  function take(experiment: Experiment): Progress {
    const progress = createProgress(experiment, { store, clock, onMoved: publish, onWritten, onError })
    known.set(experiment.id, { progress, observing: createObserving({ progress, now: () => clock.now(), faultsOf }) })
    return progress
  }

  function publish(): void {
    const all = [...known.values()].map(({ progress }) => progress.now)
    const standing = standInsOf(all, snapshot(), ({ spec }) => spec.judge === null || isReady(spec))
    problems = standing.problems
    trials.standIns = standing.standIns
  }

  function isReady({ judge }: ExperimentSpec): boolean {
    return judge !== null && judges.stateOf(judge).type === 'ready'
  }

  function onWritten(experiment: Experiment, record: AuditRecord): void {
    const { from, to, why, numbers } = record
    const { pairs, promote, rollback } = numbers
    log.info('experiment_moved', { experiment: experiment.id, from, to, why, pairs, promote, rollback })
    if (to === 'rolled_back') onRollback(experiment, record)
  }

  function progressOf(id: string): Progress {
    const found = known.get(id)
    if (found === undefined) throw new GatewayError('not_found', { message: `There is no experiment \`${id}\`.` })
    return found.progress
  }

  function viewOf({ now }: Progress): ExperimentView {
    return {
      experiment: now,
      needs: needsOf(now.ramp, now.spec),
      judge: now.spec.judge === null ? null : judges.stateOf(now.spec.judge),
      warning: judgeWarning(now.spec, snapshot()),
      problem: problems.get(now.id) ?? null,
      copies: copies.counts(now.id),
    }
  }

  /** Two experiments on one route would be measured by each other. */
  function checkAlone({ id, spec }: Experiment): void {
    for (const { progress } of known.values()) {
      const other = progress.now
      if (other.id === id || other.spec.route !== spec.route || !isUnderWay(other)) continue
      throw new GatewayError('conflict', {
        message: `The experiment ${other.id} runs on the route ${spec.route}; one at a time.`,
      })
    }
  }

  /** What needs no request: the judge is measured, and kept prompts are asked. */
  async function prepare(progress: Progress): Promise<void> {
    const { id, spec } = progress.now
    if (!isUnderWay(progress.now)) return
    const isPaid = progress.now.labNanoUsd < spec.maxNanoUsd
    if (isPaid && spec.judge !== null && judges.stateOf(spec.judge).type !== 'ready') {
      await judges.prepare(spec.judge, (labNanoUsd) =>
        progress.add({ type: 'spent', at: clock.now(), labNanoUsd, routeNanoUsd: 0n }),
      )
      publish()
    }
    if (!isOffline(progress.now) || offline.has(id)) return
    offline.add(id)
    try {
      const why = await askOffline(progress, { store, clock, judges, compare, copies, signal })
      if (why !== null) progress.add(observed({ type: 'promote', why }, 'offline'))
    } finally {
      offline.delete(id)
    }
  }

  function background(work: Promise<void>): void {
    const job: Promise<void> = work.catch(onError).finally(() => jobs.delete(job))
    jobs.add(job)
  }

  function observed(observation: Observation, stage: Stage | null = null) {
    return { type: 'observed', at: clock.now(), observation, stage } as const
  }

  async function tick(): Promise<void> {
    await refresh()
    for (const { progress, observing } of known.values()) {
      observing.settle()
      background(prepare(progress))
      if (isUnderWay(progress.now)) progress.add(observed({ type: 'tick' }))
    }
  }

  /** What another process has written. */
  async function refresh(): Promise<void> {
    const current = await store.experimentVersions()
    if (current === versions) return
    versions = current
    const stored = await store.listExperiments()
    for (const experiment of stored) {
      const mine = known.get(experiment.id)
      if (mine === undefined) take(experiment)
      else mine.progress.adopt(experiment)
    }
    const ids = new Set(stored.map(({ id }) => id))
    for (const [id, { progress }] of known) if (!ids.has(id)) forget(id, progress)
    publish()
  }

  function forget(id: string, progress: Progress): void {
    progress.stop()
    known.delete(id)
  }

  function schedule(): void {
    cancel = clock.after(TICK_MS, () => {
      tick()
        .catch(onError)
        .finally(() => {
          if (cancel !== null) schedule()
        })
    })
  }

  trials.onAssigned = (trial) => known.get(trial.experiment)?.observing.assigned(trial)
  trials.onClosed = (exchange, trial) => known.get(trial.experiment)?.observing.closed(exchange, trial)
  engine.sampler.join({
    name: 'experiments',
    wants: (_route, _caller, trial) => trial !== null && (trial.isRead || trial.isCopied),
    take(answered) {
      const { trial } = answered
      const mine = trial === null ? undefined : known.get(trial.experiment)
      if (trial === null || mine === undefined) return
      if (trial.isRead) {
        background(mine.observing.read(answered, trial))
      }
      if (trial.isCopied && isLive(mine.progress.now)) copies.offer(mine.progress, answered, trial)
    },
  })

  return {
    list: () =>
      [...known.values()]
        .map(({ progress }) => viewOf(progress))
        .toSorted((one, other) => other.experiment.createdAt - one.experiment.createdAt),
    get: (id) => viewOf(progressOf(id)),

    async create(spec) {
      const now = clock.now()
      checkSpec(spec, snapshot(), now)
      const experiment: Experiment = {
        id: newId(),
        createdAt: now,
        version: 1,
        spec,
        ramp: newRamp(now),
        transitions: 0,
        labNanoUsd: 0n,
        routeNanoUsd: 0n,
      }
      await store.insertExperiment(experiment)
      return viewOf(take(experiment))
    },

    async change(id, change) {
      const progress = progressOf(id)
      progress.add({ type: 'changed', at: clock.now(), change })
      await progress.flush()
      return viewOf(progress)
    },

    async remove(id) {
      const progress = progressOf(id)
      if (isUnderWay(progress.now))
        throw new GatewayError('conflict', { message: `The experiment ${id} runs; roll it back or pause it first.` })
      await store.deleteExperiment(id)
      forget(id, progress)
      publish()
    },

    async command(id, command, why) {
      const progress = progressOf(id)
      const before = progress.now
      if (command === 'start') {
        checkSpec(before.spec, snapshot(), clock.now())
        checkAlone(before)
      }
      const refusal = refusalOf(before, command, clock.now())
      if (refusal !== null) throw new GatewayError('conflict', { message: `${refusal}: ${id}.` })
      // Of two who promote at once one is too late; going back always works.
      progress.add(observed(observationOf(command, why), command === 'promote' ? before.ramp.stage : null))
      await progress.flush()
      if (progress.now.transitions === before.transitions)
        throw new GatewayError('conflict', { message: `It has moved meanwhile, to ${progress.now.ramp.stage}: ${id}.` })
      if (command === 'start') background(prepare(progress))
      return viewOf(progress)
    },

    async label(labels) {
      await store.putLabels(labels)
      judges.forget()
      publish()
    },

    ideas: () =>
      ideasOf({
        store,
        snapshot: snapshot(),
        scoreboard: engine.scoreboard,
        now: clock.now(),
        margin: DEFAULT_PLAN.margin,
      }),
    async load() {
      await refresh()
    },
    configure: publish,
    start() {
      schedule()
    },
    stop() {
      cancel?.()
      cancel = null
      abort.abort()
      for (const { progress, observing } of known.values()) {
        observing.settle()
        progress.stop()
        progress.flush().catch(onError)
      }
    },
    counts: () => ({
      copies: copies.totals(),
      standing: [...known.values()].map(({ progress }) => progress.now.ramp),
    }),
    tick,
    async settled() {
      await engine.sampler.settled()
      while (jobs.size > 0) await Promise.all(jobs)
      await copies.settled()
      for (const { progress, observing } of known.values()) {
        observing.settle()
        await progress.flush()
      }
    },
  }
}
