// Copies: a request that was answered is asked of the other model of its experiment, too, and both answers are graded. Nobody waits for it.
//
// Copies are the first to go: there are few at once, and none while the gateway is half full, while a provider has less than
// half of its headroom left, when the experiment's money is spent, or of a request that nobody may see again. What is not made
// is counted by its reason.
import type { Experiment, ExperimentPair, Guardrail, Stage, Trial } from '../core/experiment.ts'
import type { AnsweredRequest } from '../core/evidence.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import type { ChatRequest } from '../core/chat.ts'
import type { Answered } from '../lab/answered.ts'
import type { CopyCounts, CopyDrop, JudgeState } from '../lab/experiment-view.ts'
import { CONTENT_GUARDRAILS } from '../lab/guardrails.ts'
import { correctedVerdict, verdictWeight } from '../lab/judge.ts'
import type { Evidence } from '../lab/score.ts'
import { answerText, promptText } from '../lab/transcript.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from '../stages/engine.ts'
import type { ExperimentStore } from '../store/store.ts'
import type { Grade, Judges } from './judges.ts'
import type { LabAnswer, LabCalls } from './lab-calls.ts'
import type { Progress } from './progress.ts'
import { isLive } from './stand-ins.ts'

/** What content guardrails an answer breaks, whether it is worth nothing at all, and what that says of its model. */
type Faults = {
  readonly broken: readonly Guardrail[]
  readonly isWorthless: boolean
  readonly evidence: readonly Evidence[]
}
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
  /** Told what was found out about an answer. */
  readonly learn: (about: AnsweredRequest, evidence: Evidence, source: string) => void
  readonly signal: AbortSignal
}

const MOST_AT_ONCE = 8
/** Answers that wait for their copy to be made; each holds its request. */
const MOST_WAITING = 64
/** Of requests in flight: from here on callers need the room. */
const BUSY_SHARE = 0.5
const LEAST_HEADROOM = 0.5
/** Tag of requests that hold what is personal. */
const PERSONAL = 'pii'

export function createCopies(tools: CopyTools): Copies {
  const { engine, snapshot, store, calls, judges, faultsOf, learn, signal } = tools
  const { clock, log } = engine
  const running = new Set<Promise<void>>()
  const waiting: Job[] = []
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
    if (engine.load.draining || waiting.length >= MOST_WAITING) return 'busy'
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
    const about = aboutOf(answered)
    const real: Side = { about, answer: own, ...ownFaults }
    const copy: Side = {
      about: { ...about, id: copied.requestId, deployment: other },
      answer: copied.answer,
      ...copiedFaults,
    }
    for (const evidence of copy.evidence) learn(copy.about, evidence, id)
    const [baseline, candidate] = trial.arm === 'candidate' ? [copy, real] : [real, copy]
    await pair(
      progress,
      { unit, stage: trial.stage, prompt: promptText(request), baseline, candidate },
      answered.requestId,
    )
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
      stage: 'shadow',
      observation: {
        type: 'outcome',
        measured: isLooked ? ['error', 'timeout', ...CONTENT_GUARDRAILS] : ['error', 'timeout'],
        candidate,
        control: ours?.broken ?? [],
        isHard: isError || copied.isTimeout,
      },
    })
  }

  async function pair(progress: Progress, graded: Graded, requestId: string): Promise<void> {
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
      requestId,
      stage: graded.stage,
      baseline: grade.baseline,
      candidate: grade.candidate,
      baselineCharacters: texts.baseline.length,
      candidateCharacters: texts.candidate.length,
      epoch: isAsked && state?.type === 'ready' ? state.epoch : null,
    }
    if (isAsked && state?.type === 'ready' && spec.judge.mode === 'pointwise') {
      believe(baseline.about, grade.baseline, state)
      believe(candidate.about, grade.candidate, state)
    }
    const margin = spec.margin * youden
    progress.add({ type: 'paired', at: written.at, pair: written, difference: grade.difference, margin })
  }

  /** A verdict is evidence of its model, too: corrected for the errors of the judge, and worth as much as the judge is. */
  function believe(about: AnsweredRequest, verdict: number, { calibration, epoch }: ReadyJudge): void {
    const quality = correctedVerdict(verdict, calibration)
    if (quality !== null) learn(about, { kind: 'judge', quality, weight: verdictWeight(calibration) }, epoch)
  }

  function next(): void {
    while (running.size < MOST_AT_ONCE) {
      const job = waiting.shift()
      if (job === undefined) return
      // It may have been rolled back, or its money spent, while this one waited.
      const why = isLive(job.progress.now) ? whyNot(job.progress, job.answered, job.other) : 'over'
      if (why === null) begin(job)
      else drop(job.progress.now, why)
    }
  }

  function begin({ progress, answered, trial, other }: Job): void {
    const made: Promise<void> = copy(progress, answered, trial, other)
      .catch((error: unknown) => log.error('copy_failed', { experiment: progress.now.id, error: String(error) }))
      .finally(() => {
        running.delete(made)
        next()
      })
    running.add(made)
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
      waiting.push({ progress, answered, trial, other })
      next()
    },
    counts: (experiment) => ({ made: made.get(experiment) ?? 0, dropped: { ...dropped.get(experiment) } }),
    async settled() {
      while (running.size > 0) await Promise.all(running)
    },
  }
}

type Job = { readonly progress: Progress; readonly answered: Answered; readonly trial: Trial; readonly other: string }

type ReadyJudge = Extract<JudgeState, { readonly type: 'ready' }>

/** One of the two answers to a request. */
type Side = { readonly about: AnsweredRequest; readonly answer: ChatAnswer } & Faults

type Graded = {
  readonly unit: string
  readonly stage: Stage
  readonly prompt: string
  readonly baseline: Side
  readonly candidate: Side
}

function aboutOf({ requestId, at, caller, route, deployment, task }: Answered): AnsweredRequest {
  return {
    id: requestId,
    at,
    keyId: caller.key.id,
    teamId: caller.key.teamId,
    route,
    deployment: deployment ?? '',
    shares: task.shares,
  }
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
