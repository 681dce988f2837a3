// What the gateway knows of quality, put together: evidence from answers and from feedback, the beliefs that come of it, where they are kept.
import type { Config } from './config/schema.ts'
import type { Clock } from './core/clock.ts'
import type { AnsweredRequest } from './core/evidence.ts'
import type { AlertFacts } from './core/alert.ts'
import type { LabCalls } from './experiments/lab-calls.ts'
import { createGoldenRuns } from './golden-runs.ts'
import type { GoldenDrop, GoldenRuns } from './golden-runs.ts'
import { createDriftWatch } from './lab/drift-watch.ts'
import type { Changed, DriftWatch } from './lab/drift-watch.ts'
import { createEvidenceReader } from './lab/evidence.ts'
import { createEvidenceBook } from './lab/evidence-book.ts'
import type { EvidenceBook } from './lab/evidence-book.ts'
import type { HeadTraining } from './lab/head-training.ts'
import { createPromptKeeper } from './lab/prompt-keeper.ts'
import type { PromptKeeper } from './lab/prompt-keeper.ts'
import { createRetryWatch } from './lab/retries.ts'
import { createSchemaChecks } from './lab/schema-checks.ts'
import { type ShownScore, shownScores } from './lab/score-view.ts'
import type { Scoreboard, ScopeChain } from './lab/scoreboard.ts'
import type { Evidence } from './lab/score.ts'
import { mostBelieved } from './lab/task.ts'
import type { TaskLearning } from './lab/task-learning.ts'
import type { Logger } from './metrics/log.ts'
import { AUTO } from './routing/catalogue.ts'
import type { Snapshot } from './snapshot.ts'
import type { Sampler } from './stages/sample.ts'
import type { EvidenceStore, PromptStore } from './store/store.ts'

export type QualityTools = {
  readonly store: EvidenceStore & PromptStore
  readonly snapshot: () => Snapshot
  /** Asks a model in the lab's own name. */
  readonly ask: LabCalls['ask']
  /** What heads know, once there are any. */
  readonly training: HeadTraining
  /** Told what has changed in the answers of a deployment. */
  readonly onDrift: (deployment: string, facts: AlertFacts['quality_drift']) => void
  /** Keyed. */
  readonly hash: (text: string) => string
  readonly redact: (text: string) => string
  readonly clock: Clock
  readonly log: Logger
  readonly scoreboard: Scoreboard
  readonly taskLearning: TaskLearning
  readonly sampler: Sampler
}

export interface Quality {
  readonly book: EvidenceBook
  readonly scoreboard: Scoreboard
  readonly taskLearning: TaskLearning
  readonly prompts: PromptKeeper
  readonly drift: DriftWatch
  readonly golden: GoldenRuns
  readonly training: HeadTraining
  /** Counts what a part of the lab found out of an answer. */
  learn(about: AnsweredRequest, evidence: Evidence, source: string): void
  /** Scores as they are shown, of what has evidence and of the named deployments. */
  shown(chain: ScopeChain, named: readonly string[]): readonly ShownScore[]
  /** Those of all callers together that rest on the most evidence: what metrics tell, whose labels are bounded. */
  measured(): readonly ShownScore[]
  /** Routes whose answers are looked at may be others now. */
  configure(config: Config): void
  /** Takes back what was known; to be called before the first request. */
  load(): Promise<void>
  /** Resolves when every answer that has left is looked at, and what came of it is written. */
  settled(): Promise<void>
  /** Writes what waits, and ends. */
  close(): Promise<void>
}

/** Each is three series. */
const MOST_MEASURED = 300

export function createQuality(tools: QualityTools): Quality {
  const { store, clock, log, scoreboard, taskLearning, sampler } = tools
  const onError = (error: unknown): void => log.error('evidence_failed', { error: String(error) })
  const drift = createDriftWatch(changed)
  const golden = createGoldenRuns({
    clock,
    log,
    snapshot: tools.snapshot,
    ask: tools.ask,
    onDropped: dropped,
    flush: () => book.flush(),
  })
  const book = createEvidenceBook({ store, clock, scoreboard, learners: [taskLearning, drift, golden], onError })

  function changed({ deployment, signal, task, numbers }: Changed): void {
    // Another model under the same name: what was learned of the old one says less. Another mixture of requests moves the other signals, too.
    if (signal === 'model' || signal === 'fingerprint') scoreboard.widen(deployment)
    golden.retest(deployment)
    tools.onDrift(deployment, { signal, task, numbers })
  }

  function dropped({ deployment, task, run, usual }: GoldenDrop): void {
    scoreboard.widen(deployment)
    const numbers = { passed: run.passed, asked: run.asked, usual_share: usual.passed / usual.asked }
    tools.onDrift(deployment, { signal: 'golden prompts', task, numbers })
  }

  let byRoute: ReadonlyMap<string, boolean> = new Map()
  let isUsual = false
  const reader = createEvidenceReader({
    book,
    checks: createSchemaChecks(),
    retries: createRetryWatch(),
    isOn: (route) => byRoute.get(route) ?? isUsual,
    witnesses: [(answered, _about, faults) => drift.answered(answered, faults)],
  })
  sampler.join(reader)
  const prompts = createPromptKeeper({
    store,
    clock,
    config: () => tools.snapshot().config.prompts,
    hash: tools.hash,
    redact: tools.redact,
    onError: (error) => log.error('prompts_not_kept', { error: String(error) }),
  })
  sampler.join(prompts)
  return {
    book,
    scoreboard,
    taskLearning,
    prompts,
    drift,
    golden,
    training: tools.training,
    learn(about, evidence, source) {
      // A copy of a request was never looked at by itself.
      if (about.input !== undefined) book.note(about)
      book.count(about, { source, evidence, comment: null })
      if (evidence.kind === 'judge' && evidence.quality !== null)
        drift.judged(about.deployment, mostBelieved(about.shares), evidence.quality)
    },
    shown: (chain, named) => shownScores(scoreboard, chain, named, clock.now()),
    measured: () =>
      shownScores(scoreboard, ['gateway'], [], clock.now())
        .toSorted((one, other) => other.effective - one.effective)
        .slice(0, MOST_MEASURED),
    configure({ lab, routes }) {
      isUsual = lab.evidence === 'all'
      const choosesByQuality = lab.evidence === 'quality'
      byRoute = new Map([
        [AUTO, isUsual || choosesByQuality],
        ...Object.entries(routes).map(([name, { evidence, strategy, quality: floor }]) => {
          const isByQuality = strategy === 'quality' || floor !== undefined
          return [name, evidence ?? (isUsual || (choosesByQuality && isByQuality))] as const
        }),
      ])
    },
    load: () => book.load(),
    async settled() {
      await sampler.settled()
      await book.flush()
      await prompts.flush()
    },
    async close() {
      golden.stop()
      tools.training.stop()
      book.stop()
      await book.flush().catch(onError)
      prompts.stop()
      await prompts.flush().catch(onError)
    },
  }
}
