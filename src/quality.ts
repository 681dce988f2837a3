// What the gateway knows of quality, put together: evidence from answers and from feedback, the beliefs that come of it, where they are kept.
import type { Config } from './config/schema.ts'
import type { Clock } from './core/clock.ts'
import { createEvidenceReader } from './lab/evidence.ts'
import { createEvidenceBook } from './lab/evidence-book.ts'
import type { EvidenceBook } from './lab/evidence-book.ts'
import { createPromptKeeper } from './lab/prompt-keeper.ts'
import type { PromptKeeper } from './lab/prompt-keeper.ts'
import { createRetryWatch } from './lab/retries.ts'
import { createSchemaChecks } from './lab/schema-checks.ts'
import { type ShownScore, shownScores } from './lab/score-view.ts'
import type { Scoreboard, ScopeChain } from './lab/scoreboard.ts'
import type { TaskLearning } from './lab/task-learning.ts'
import type { Logger } from './metrics/log.ts'
import { deploymentsOf } from './routing/route.ts'
import type { Snapshot } from './snapshot.ts'
import type { Sampler } from './stages/sample.ts'
import type { EvidenceStore, PromptStore } from './store/store.ts'

export type QualityTools = {
  readonly store: EvidenceStore & PromptStore
  readonly config: () => Config
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
  /** Scores as they are shown, of what has evidence and of the named deployments. */
  shown(chain: ScopeChain, named: readonly string[]): readonly ShownScore[]
  /** Routes whose answers are looked at may be others now. */
  configure(config: Config): void
  /** Takes back what was known; to be called before the first request. */
  load(): Promise<void>
  /** Resolves when every answer that has left is looked at, and what came of it is written. */
  settled(): Promise<void>
  /** Writes what waits, and ends. */
  close(): Promise<void>
}

/** Every deployment that a route may ask. */
export function routeTargets({ config, catalogue }: Snapshot): readonly string[] {
  const routes = Object.keys(config.routes).flatMap((name) => catalogue.resolve(name) ?? [])
  return [...new Set(routes.flatMap((route) => deploymentsOf(route).map(({ id }) => id)))]
}

export function createQuality(tools: QualityTools): Quality {
  const { store, clock, log, scoreboard, taskLearning, sampler } = tools
  const onError = (error: unknown): void => log.error('evidence_failed', { error: String(error) })
  const book = createEvidenceBook({ store, clock, scoreboard, learners: [taskLearning], onError })
  let byRoute: ReadonlyMap<string, boolean> = new Map()
  let isUsual = false
  const reader = createEvidenceReader({
    book,
    checks: createSchemaChecks(),
    retries: createRetryWatch(),
    isOn: (route) => byRoute.get(route) ?? isUsual,
    witnesses: [],
    onError,
  })
  sampler.join(reader)
  const prompts = createPromptKeeper({
    store,
    clock,
    config: () => tools.config().prompts,
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
    shown: (chain, named) => shownScores(scoreboard, chain, named, clock.now()),
    configure({ lab, routes }) {
      isUsual = lab.evidence
      byRoute = new Map(Object.entries(routes).map(([name, { evidence }]) => [name, evidence ?? isUsual]))
    },
    load: () => book.load(),
    async settled() {
      await sampler.settled()
      await reader.settled()
      await book.flush()
      await prompts.flush()
    },
    async close() {
      book.stop()
      await reader.settled()
      await book.flush().catch(onError)
      prompts.stop()
      await prompts.flush().catch(onError)
    },
  }
}
