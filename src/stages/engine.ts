// What the stages stand on and what outlives a configuration: counters, pools, the ledger.
import type { VectorIndex } from '../cache/vectors.ts'
import type { DialectId } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { ByteBudget } from '../http/body.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { Journal } from '../ledger/journal.ts'
import type { Budgets } from '../limits/budgets.ts'
import type { ObservedAnswers } from '../ledger/observed.ts'
import type { HeadTraining } from '../lab/head-training.ts'
import type { Scoreboard } from '../lab/scoreboard.ts'
import type { TaskLearning } from '../lab/task-learning.ts'
import type { Limiter } from '../limits/limiter.ts'
import type { ProviderRoom } from '../limits/provider-room.ts'
import type { Logger } from '../metrics/log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { MediaFetch } from '../providers/media-fetch.ts'
import type { ChatWire } from '../providers/wire.ts'
import type { AttemptTools } from '../routing/attempt-run.ts'
import type { ExpectedOutput } from '../routing/expected-output.ts'
import type { HealthOf } from '../routing/health-facts.ts'
import type { Exploration } from './exploration.ts'
import type { Pressure } from './pressure.ts'
import type { Sampler } from './sample.ts'
import type { NamedRun, Run } from './shared-run.ts'
import type { Trials } from './trials.ts'
import type { PlanMemory } from '../routing/plan-memory.ts'
import type { CacheStore, FileStore, LedgerStore, ResponseStore } from '../store/store.ts'

export type Engine = {
  readonly clock: Clock
  readonly random: () => number
  readonly newId: () => string
  readonly keyRing: KeyRing
  readonly limiter: Limiter
  readonly budgets: Budgets
  readonly observed: ObservedAnswers
  readonly providerRoom: ProviderRoom
  readonly bytes: ByteBudget
  readonly journal: Journal
  readonly metrics: Metrics
  readonly log: Logger
  readonly attemptTools: AttemptTools
  readonly healthOf: HealthOf
  readonly planMemory: PlanMemory
  readonly expectedOutput: ExpectedOutput
  /** How good the answers of deployments are, by task and scope. */
  readonly scoreboard: Scoreboard
  readonly fetchMedia: MediaFetch
  readonly responses: ResponseStore
  /** Files that clients keep here. */
  readonly files: Pick<FileStore, 'getFile' | 'readFile'>
  readonly answers: CacheStore & Pick<LedgerStore, 'getEntry'>
  /** Kept questions by their meaning. */
  readonly vectors: VectorIndex
  /** Requests that others may join, by what makes them the same. */
  readonly runs: Map<string, Run>
  /** Requests with an `Idempotency-Key` that run, by the key's hash. */
  readonly named: Map<string, NamedRun>
  /** What reads the answers of a dialect; null: nobody does. */
  readonly readerOf: (dialect: DialectId) => ChatWire | null
  /** What budgets that are spent ahead of their pace weigh on quality. */
  readonly pressure: Pressure
  /** What is spent on trying deployments out. */
  readonly exploration: Exploration
  /** What is learned from answers. */
  readonly sampler: Sampler
  readonly taskLearning: TaskLearning
  readonly training: Pick<HeadTraining, 'heads'>
  /** Routes that are on trial. */
  readonly trials: Trials
  readonly load: Load
}

/** Requests in flight, and whether new ones are still taken. */
export type Load = { inFlight: number; draining: boolean }
