// Copies: a request that was answered is asked of the other model of its experiment, too, and both answers are graded. Nobody waits for it.
//
// Copies are the first to go: there are few at once, and none while the gateway is half full, while a provider has less than
// half of its headroom left, when the experiment's money is spent, or of a request that nobody may see again. What is not made
// is counted by its reason.
import type { Experiment, Trial } from '../core/experiment.ts'
import type { Answered } from '../lab/answered.ts'
import { answeredRequest } from '../lab/evidence.ts'
import type { CopyCounts, CopyDrop } from '../lab/experiment-view.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from '../stages/engine.ts'
import { type Compare, type Question, whyNotAsk } from './comparing.ts'
import type { Judges } from './judges.ts'
import type { Progress } from './progress.ts'
import { isLive } from './stand-ins.ts'

export interface Copies {
  offer(progress: Progress, answered: Answered, trial: Trial): void
  /** A comparison that was not made by a copy of a request is counted with them. */
  count(experiment: string, outcome: CopyDrop | null): void
  counts(experiment: string): CopyCounts
  /** Of all experiments since the process began. */
  totals(): Readonly<Record<string, number>>
  /** Resolves when none is under way. */
  settled(): Promise<void>
}

export type CopyTools = {
  readonly engine: Engine
  readonly snapshot: () => Snapshot
  readonly judges: Judges
  readonly compare: Compare
}

const MOST_AT_ONCE = 8
/** Answers that wait for their copy to be made; each holds its request. */
const MOST_WAITING = 64
/** Of requests in flight: from here on callers need the room. */
const BUSY_SHARE = 0.5
const LEAST_HEADROOM = 0.5
/** Tag of requests that hold what is personal. */
const PERSONAL = 'pii'

export function createCopies({ engine, snapshot, judges, compare }: CopyTools): Copies {
  const { clock, log } = engine
  const running = new Set<Promise<void>>()
  const waiting: Job[] = []
  const made = new Map<string, number>()
  const dropped = new Map<string, { [reason in CopyDrop]?: number }>()
  /** Of all experiments, also those that are deleted: a counter never falls. */
  const totals: { [outcome in CopyDrop | 'made']?: number } = {}

  function count(experiment: string, outcome: CopyDrop | null): void {
    totals[outcome ?? 'made'] = (totals[outcome ?? 'made'] ?? 0) + 1
    if (outcome === null || outcome === 'unreadable' || outcome === 'not_graded')
      made.set(experiment, (made.get(experiment) ?? 0) + 1)
    if (outcome === null) return
    const counts = dropped.get(experiment) ?? {}
    counts[outcome] = (counts[outcome] ?? 0) + 1
    dropped.set(experiment, counts)
  }

  /** Why no copy is made now; null: it may be. */
  function whyNot({ now }: Progress, { isNoStore, tags }: Answered, other: string): CopyDrop | null {
    if (isNoStore) return 'no_store'
    if (isPersonal(tags)) return 'personal'
    if (engine.load.draining || waiting.length >= MOST_WAITING) return 'busy'
    if (engine.load.inFlight > BUSY_SHARE * snapshot().config.server.maxInFlight) return 'busy'
    const deployment = snapshot().catalogue.resolve(other)?.only?.deployment
    const { headroom, coolingUntilMs, probing } = engine.healthOf(other)
    const isCooling = probing || (coolingUntilMs !== null && coolingUntilMs > clock.monotonicMs())
    if (deployment === undefined || isCooling || headroom < LEAST_HEADROOM) return 'no_headroom'
    if (engine.providerRoom.waitMs(deployment.provider) > 0) return 'no_headroom'
    return isWithinShare(now) ? whyNotAsk(now, judges) : 'money'
  }

  function next(): void {
    while (running.size < MOST_AT_ONCE) {
      const job = waiting.shift()
      if (job === undefined) return
      const { progress, answered, other } = job
      // It may have been rolled back, or its money spent, while this one waited.
      const why = isLive(progress.now) ? whyNot(progress, answered, other) : 'over'
      if (why === null) begin(job)
      else count(progress.now.id, why)
    }
  }

  function begin({ progress, answered, trial }: Job): void {
    const { id } = progress.now
    const job: Promise<void> = compare(progress, questionOf(answered, trial))
      .then((outcome) => count(id, outcome))
      .catch((error: unknown) => log.error('copy_failed', { experiment: id, error: String(error) }))
      .finally(() => {
        running.delete(job)
        next()
      })
    running.add(job)
  }

  return {
    offer(progress, answered, trial) {
      const { id, spec } = progress.now
      const [own, other] = trial.arm === 'candidate' ? [spec.candidate, spec.baseline] : [spec.baseline, spec.candidate]
      // Another target took over: its answer says nothing of either.
      if (answered.deployment !== own) return
      const why = whyNot(progress, answered, other)
      if (why !== null) return count(id, why)
      waiting.push({ progress, answered, trial, other })
      next()
    },
    count,
    counts: (experiment) => ({ made: made.get(experiment) ?? 0, dropped: { ...dropped.get(experiment) } }),
    totals: () => ({ ...totals }),
    async settled() {
      while (running.size > 0) await Promise.all(running)
    },
  }
}

type Job = { readonly progress: Progress; readonly answered: Answered; readonly trial: Trial; readonly other: string }

export function isPersonal(tags: readonly string[]): boolean {
  return tags.some((tag) => tag.toLowerCase() === PERSONAL)
}

function questionOf(answered: Answered, { conversation, stage, arm }: Trial): Question {
  const { answer, request, requestId } = answered
  return {
    unit: conversation ?? requestId,
    stage,
    arm,
    request,
    answer: answer.type === 'read' && answer.isComplete ? answer.answer : null,
    requestId,
    about: () => answeredRequest(answered),
  }
}

/** Whether what was spent is within its share of what the route spends. */
function isWithinShare({ spec, labNanoUsd, routeNanoUsd }: Experiment): boolean {
  return spec.shareOfSpend === null || Number(labNanoUsd) <= spec.shareOfSpend * Number(routeNanoUsd)
}
