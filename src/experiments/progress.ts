// One experiment as this process knows it, and how it is written down.
//
// What happens (observations, pairs, money) is applied in memory at once and waits to be written: a transition at once, all else
// within `FLUSH_MS`. A write says which version it stands on. Where another process has written since, the stored state is taken
// and what waits is applied to it anew: so a transition is never made twice, and evidence of both processes counts. A crash loses
// what waited, which is evidence and never a transition that somebody was told of. The requests of this process follow the state
// in memory, so a rollback works before it is written.
import type { AuditRecord, Experiment, ExperimentPair, ExperimentSpec, Stage } from '../core/experiment.ts'
import type { Clock } from '../core/clock.ts'
import type { NanoUsd } from '../core/money.ts'
import { type Observation, type RampPlan, step } from '../lab/ramp.ts'
import type { ExperimentStore } from '../store/store.ts'

type Happening = { readonly at: number } &
  /** `stage`: that it is about; in any other one it says nothing. Null: it is about none. */
  (
    | { readonly type: 'observed'; readonly observation: Observation; readonly stage: Stage | null }
    /** `margin`: Δ, times the J of the judge that graded. */
    | { readonly type: 'paired'; readonly pair: ExperimentPair; readonly difference: number; readonly margin: number }
    | { readonly type: 'spent'; readonly labNanoUsd: NanoUsd; readonly routeNanoUsd: NanoUsd }
    | { readonly type: 'changed'; readonly change: Partial<ExperimentSpec> }
  )

export interface Progress {
  /** As it stands with all that has happened, written or not. */
  readonly now: Experiment
  add(happening: Happening): void
  /** Takes over what another process wrote. */
  adopt(stored: Experiment): void
  /** Resolves when all that happened until now is written; rejects where the store is away. */
  flush(): Promise<void>
  stop(): void
}

export type ProgressTools = {
  readonly store: ExperimentStore
  readonly clock: Clock
  /** The state in memory has changed in a way that requests shall follow. */
  readonly onMoved: () => void
  /** A transition is written. */
  readonly onWritten: (experiment: Experiment, record: AuditRecord) => void
  readonly onError: (error: unknown) => void
}

const FLUSH_MS = 1_000
/** While the store is away, what waits is bounded: the oldest evidence goes first. */
const MOST_WAITING = 20_000

export function createProgress(stored: Experiment, tools: ProgressTools): Progress {
  const { store, clock, onMoved, onWritten, onError } = tools
  let written = stored
  let now = stored
  let waiting: Happening[] = []
  let cancel: (() => void) | null = null
  let writing: Promise<void> = Promise.resolve()

  function schedule(): void {
    cancel ??= clock.after(FLUSH_MS, () => {
      cancel = null
      flush().catch(onError)
    })
  }

  function flush(): Promise<void> {
    writing = writing.catch(() => undefined).then(write)
    return writing
  }

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      try {
        if (!(await moved(batch))) return
      } catch (error) {
        waiting = [...batch, ...waiting].slice(-MOST_WAITING)
        schedule()
        throw error
      }
    }
  }

  /** False: the experiment is gone. */
  async function moved(batch: readonly Happening[]): Promise<boolean> {
    for (;;) {
      const { experiment, audit } = applied(written, batch)
      const pairs = batch.flatMap((happening) => (happening.type === 'paired' ? [happening.pair] : []))
      if (await store.moveExperiment(experiment, { audit, pairs })) {
        written = { ...experiment, version: experiment.version + 1 }
        now = applied(written, waiting).experiment
        for (const record of audit) onWritten(written, record)
        return true
      }
      const stored = await store.getExperiment(written.id)
      if (stored === null) return false
      adopt(stored)
    }
  }

  function adopt(stored: Experiment): void {
    if (stored.version <= written.version) return
    written = stored
    now = applied(written, waiting).experiment
    onMoved()
  }

  return {
    get now() {
      return now
    },
    add(happening) {
      waiting.push(happening)
      const { experiment, audit } = applied(now, [happening])
      now = experiment
      if (audit.length === 0 && happening.type !== 'changed') return schedule()
      onMoved()
      flush().catch(onError)
    },
    adopt,
    flush,
    stop() {
      cancel?.()
      cancel = null
    },
  }
}

function planOf({ spec }: Experiment, margin: number): RampPlan {
  const { pairsPerStage, tolerance, stages } = spec
  return { margin, pairsPerStage, tolerance, stages }
}

/** The experiment after some happenings, and the transitions on the way. */
function applied(
  from: Experiment,
  happenings: readonly Happening[],
): { readonly experiment: Experiment; readonly audit: readonly AuditRecord[] } {
  let experiment = from
  const audit: AuditRecord[] = []
  function observe(observation: Observation, margin: number, at: number): void {
    const { ramp, transition } = step(experiment.ramp, observation, planOf(experiment, margin), at)
    experiment = { ...experiment, ramp }
    if (transition === null) return
    experiment = { ...experiment, transitions: experiment.transitions + 1 }
    audit.push({ ...transition, experiment: experiment.id, no: experiment.transitions, at })
  }
  for (const happening of happenings) {
    switch (happening.type) {
      case 'observed':
        // Another process may have moved it since.
        if (happening.stage !== null && happening.stage !== experiment.ramp.stage) break
        observe(happening.observation, experiment.spec.margin, happening.at)
        break
      case 'paired':
        observe({ type: 'pair', difference: happening.difference }, happening.margin, happening.at)
        break
      case 'spent':
        experiment = {
          ...experiment,
          labNanoUsd: experiment.labNanoUsd + happening.labNanoUsd,
          routeNanoUsd: experiment.routeNanoUsd + happening.routeNanoUsd,
        }
        break
      case 'changed':
        experiment = { ...experiment, spec: { ...experiment.spec, ...happening.change } }
        break
    }
  }
  return { experiment, audit }
}
