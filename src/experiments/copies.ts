// Copies: a request that was answered is asked of the other model of its experiment, too, and both answers are graded. Nobody waits for it.
//
// Copies are the first to go: there are few at once, and none while the gateway is half full, while a provider has less than
// half of its headroom left, when the experiment's money is spent, or of a request that nobody may see again. What is not made
// is counted by its reason.
import type { Experiment, ExperimentPair, Guardrail, Stage, Trial } from '../core/experiment.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import type { ChatRequest } from '../core/chat.ts'
import type { Answered } from '../lab/answered.ts'
import type { CopyCounts, CopyDrop, JudgeState } from '../lab/experiment-view.ts'
import { CONTENT_GUARDRAILS } from '../lab/guardrails.ts'
import { answerText, promptText } from '../lab/transcript.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from '../stages/engine.ts'
import type { ExperimentStore } from '../store/store.ts'
import type { Grade, Judges } from './judges.ts'
import type { LabAnswer, LabCalls } from './lab-calls.ts'
import type { Progress } from './progress.ts'

/** What content guardrails an answer breaks, and whether it is worth nothing at all. */
type Faults = { readonly broken: readonly Guardrail[]; readonly isWorthless: boolean }
export type FaultsOf = (request: ChatRequest, answer: ChatAnswer) => Promise<Faults>

export interface Copies {
  offer(progress: Progress, answered: Answered, trial: Trial): void
  counts(experiment: string): CopyCounts
  /** Resolves when none is under way. */
  settled(): Promise<void>
}

export type CopyTools = {
  readonly engine: Engine
  readonly snapshot: () => Snapshot
  readonly store: ExperimentStore
  readonly calls: LabCalls
  readonly judges: Judges
  readonly faultsOf: FaultsOf
  readonly signal: AbortSignal
}

const MOST_AT_ONCE = 8
/** Of requests in flight: from here on callers need the room. */
const BUSY_SHARE = 0.5
const LEAST_HEADROOM = 0.5
/** Tag of requests that hold what is personal. */
const PERSONAL = 'pii'

export function createCopies(tools: CopyTools): Copies {
  const { engine, snapshot, store, calls, judges, faultsOf, signal } = tools
  const { clock, log } = engine
  const running = new Set<Promise<void>>()
  const made = new Map<string, number>()
  const dropped = new Map<string, { [reason in CopyDrop]?: number }>()

  function drop({ id }: Experiment, reason: CopyDrop): void {
    const counts = dropped.get(id) ?? {}
    counts[reason] = (counts[reason] ?? 0) + 1
    dropped.set(id, counts)
  }

  /** Why no copy is made now; null: it may be. */
  function whyNot({ now }: Progress, { isNoStore, tags }: Answered, other: string): CopyDrop | null {
    if (isNoStore) return 'no_store'
    if (tags.some((tag) => tag.toLowerCase() === PERSONAL)) return 'personal'
    if (engine.load.draining || running.size >= MOST_AT_ONCE) return 'busy'
    if (engine.load.inFlight > BUSY_SHARE * snapshot().config.server.maxInFlight) return 'busy'
    const deployment = snapshot().catalogue.resolve(other)?.only?.deployment
    const { headroom, coolingUntilMs, probing } = engine.healthOf(other)
    const isCooling = probing || (coolingUntilMs !== null && coolingUntilMs > clock.monotonicMs())
    if (deployment === undefined || isCooling || headroom < LEAST_HEADROOM) return 'no_headroom'
    if (engine.providerRoom.waitMs(deployment.provider) > 0) return 'no_headroom'
    return isPaid(now) ? judgeDrop(now) : 'money'
  }

  function judgeDrop({ spec }: Experiment): 'judge' | null {
    return spec.judge === null || judges.stateOf(spec.judge).type === 'ready' ? null : 'judge'
  }

  async function copy(progress: Progress, answered: Answered, trial: Trial, other: string): Promise<void> {
    const { id } = progress.now
    const unit = trial.conversation ?? answered.requestId
    if (!(await store.claimUnit({ experiment: id, unit, at: clock.now() }))) return drop(progress.now, 'asked_before')
    const { request } = answered
    const copied = await calls.ask(request, other, signal)
    spend(progress, copied.costNanoUsd)
    made.set(id, (made.get(id) ?? 0) + 1)
    const own = answered.answer.type === 'read' && answered.answer.isComplete ? answered.answer.answer : null
    const ownFaults = own === null ? null : await faultsOf(request, own)
    const copiedFaults = copied.answer === null ? null : await faultsOf(request, copied.answer)
    if (trial.stage === 'shadow') compare(progress, copied, copiedFaults, ownFaults)
    if (own === null || copied.answer === null || ownFaults === null || copiedFaults === null)
      return drop(progress.now, 'unreadable')
    const isCandidates = trial.arm === 'candidate'
    const [baseline, candidate] = isCandidates
      ? [
          { answer: copied.answer, ...copiedFaults },
          { answer: own, ...ownFaults },
        ]
      : [
          { answer: own, ...ownFaults },
          { answer: copied.answer, ...copiedFaults },
        ]
    await pair(progress, {
      unit,
      stage: trial.stage,
      requestId: answered.requestId,
      prompt: promptText(request),
      baseline,
      candidate,
    })
  }

  /** In shadow the copy is the candidate's answer beside the real one; its pace is no caller's, and is not compared. */
  function compare(progress: Progress, copied: LabAnswer, theirs: Faults | null, ours: Faults | null): void {
    const isError = copied.answer === null && !copied.isTimeout
    const candidate: Guardrail[] = [...(theirs?.broken ?? [])]
    if (isError) candidate.push('error')
    if (copied.isTimeout) candidate.push('timeout')
    const isLooked = theirs !== null && ours !== null
    progress.add({
      type: 'observed',
      at: clock.now(),
      observation: {
        type: 'outcome',
        measured: isLooked ? ['error', 'timeout', ...CONTENT_GUARDRAILS] : ['error', 'timeout'],
        candidate,
        control: ours?.broken ?? [],
        isHard: isError || copied.isTimeout,
      },
    })
  }

  async function pair(progress: Progress, graded: Graded): Promise<void> {
    const { id, spec } = progress.now
    const { baseline, candidate } = graded
    const texts = { baseline: answerText(baseline.answer), candidate: answerText(candidate.answer) }
    const state: JudgeState | null = spec.judge === null ? null : judges.stateOf(spec.judge)
    const youden = state?.type === 'ready' ? state.calibration.youden : 1
    const isAsked = spec.judge !== null && !baseline.isWorthless && !candidate.isWorthless
    const grade = isAsked
      ? await judges.grade(spec.judge, { prompt: graded.prompt, ...texts }, (cost) => spend(progress, cost))
      : gradeByFaults(baseline, candidate, youden)
    if (grade === null) return drop(progress.now, 'not_graded')
    const written: ExperimentPair = {
      experiment: id,
      unit: graded.unit,
      at: clock.now(),
      requestId: graded.requestId,
      stage: graded.stage,
      baseline: grade.baseline,
      candidate: grade.candidate,
      baselineCharacters: texts.baseline.length,
      candidateCharacters: texts.candidate.length,
      epoch: isAsked && state?.type === 'ready' ? state.epoch : null,
    }
    const margin = spec.margin * youden
    progress.add({ type: 'paired', at: written.at, pair: written, difference: grade.difference, margin })
  }

  function spend(progress: Progress, labNanoUsd: bigint): void {
    if (labNanoUsd > 0n) progress.add({ type: 'spent', at: clock.now(), labNanoUsd, routeNanoUsd: 0n })
  }

  return {
    offer(progress, answered, trial) {
      const { spec } = progress.now
      const [own, other] = trial.arm === 'candidate' ? [spec.candidate, spec.baseline] : [spec.baseline, spec.candidate]
      // Another target took over: its answer says nothing of either.
      if (answered.deployment !== own) return
      const why = whyNot(progress, answered, other)
      if (why !== null) return drop(progress.now, why)
      const job = copy(progress, answered, trial, other)
        .catch((error: unknown) => log.error('copy_failed', { experiment: progress.now.id, error: String(error) }))
        .finally(() => running.delete(job))
      running.add(job)
    },
    counts: (experiment) => ({ made: made.get(experiment) ?? 0, dropped: { ...dropped.get(experiment) } }),
    async settled() {
      while (running.size > 0) await Promise.all(running)
    },
  }
}

type Graded = {
  readonly unit: string
  readonly stage: Stage
  readonly requestId: string
  readonly prompt: string
  readonly baseline: { readonly answer: ChatAnswer } & Faults
  readonly candidate: { readonly answer: ChatAnswer } & Faults
}

/**
 * What is worth nothing needs no judge; without a judge, all else is taken to be good. `youden`: of the judge that grades the other
 * pairs, whose verdicts show so much of a difference: shown alike, both kinds add up.
 */
function gradeByFaults(baseline: Faults, candidate: Faults, youden: number): Grade {
  const [one, other] = [Number(!baseline.isWorthless), Number(!candidate.isWorthless)]
  return { baseline: one, candidate: other, difference: (other - one) * youden }
}

/** Whether there is money left: of the experiment's own, and of its share in what the route spends. */
function isPaid({ spec, labNanoUsd, routeNanoUsd }: Experiment): boolean {
  if (labNanoUsd >= spec.maxNanoUsd) return false
  return spec.shareOfSpend === null || Number(labNanoUsd) <= spec.shareOfSpend * Number(routeNanoUsd)
}
