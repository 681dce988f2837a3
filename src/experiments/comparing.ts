// One comparison: a request that one model of an experiment has answered is asked of the other, and both answers are graded.
import type { Arm, Experiment, ExperimentPair, Guardrail, Stage } from '../core/experiment.ts'
import type { AnsweredRequest } from '../core/evidence.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import type { ChatRequest } from '../core/chat.ts'
import type { Clock } from '../core/clock.ts'
import type { CopyDrop, JudgeState } from '../lab/experiment-view.ts'
import { CONTENT_GUARDRAILS } from '../lab/guardrails.ts'
import { correctedVerdict, verdictWeight } from '../lab/judge.ts'
import type { Evidence } from '../lab/score.ts'
import { answerText, promptText } from '../lab/transcript.ts'
import type { Claim } from './claims.ts'
import type { Grade, Judges } from './judges.ts'
import type { LabAnswer, LabCalls } from './lab-calls.ts'
import type { Progress } from './progress.ts'

/** What content guardrails an answer breaks, whether it is worth nothing at all, and what that says of its model. */
type Faults = {
  readonly broken: readonly Guardrail[]
  readonly isWorthless: boolean
  readonly evidence: readonly Evidence[]
}
export type FaultsOf = (request: ChatRequest, answer: ChatAnswer) => Promise<Faults>

/** An answered request, as far as it takes to compare its answer. */
export type Question = {
  /** Each is asked once. */
  readonly unit: string
  readonly stage: Stage
  readonly requestId: string
  readonly request: ChatRequest
  /** Whose model has answered it, and what it said; null: nothing that could be read. */
  readonly arm: Arm
  readonly answer: ChatAnswer | null
  /** Asked for where something is learned: it takes the task. */
  readonly about: () => AnsweredRequest
}

export type ComparingTools = {
  readonly clock: Clock
  readonly claim: Claim
  readonly calls: LabCalls
  readonly judges: Judges
  readonly faultsOf: FaultsOf
  /** Told what was found out about an answer. */
  readonly learn: (about: AnsweredRequest, evidence: Evidence, source: string) => void
  readonly signal: AbortSignal
}

/** Why the comparison came to nothing; null: its pair is counted. */
export type Compare = (progress: Progress, question: Question) => Promise<CopyDrop | null>

export function createComparing(tools: ComparingTools): Compare {
  const { clock, claim, calls, judges, faultsOf, learn, signal } = tools

  /** A copy is the candidate's answer beside the real one; its pace is no caller's, and is not compared. */
  function observe(
    progress: Progress,
    stage: Stage,
    copied: LabAnswer,
    theirs: Faults | null,
    ours: Faults | null,
  ): void {
    const isError = copied.answer === null && !copied.isTimeout
    const candidate: Guardrail[] = [...(theirs?.broken ?? [])]
    if (isError) candidate.push('error')
    if (copied.isTimeout) candidate.push('timeout')
    const isLooked = theirs !== null && ours !== null
    progress.add({
      type: 'observed',
      at: clock.now(),
      stage,
      observation: {
        type: 'outcome',
        measured: isLooked ? ['error', 'timeout', ...CONTENT_GUARDRAILS] : ['error', 'timeout'],
        candidate,
        control: ours?.broken ?? [],
        isHard: isError || copied.isTimeout,
      },
    })
  }

  async function pair(progress: Progress, graded: Graded): Promise<CopyDrop | null> {
    const { id, spec } = progress.now
    const { baseline, candidate } = graded
    const texts = { baseline: answerText(baseline.answer), candidate: answerText(candidate.answer) }
    const state: JudgeState | null = spec.judge === null ? null : judges.stateOf(spec.judge)
    const youden = state?.type === 'ready' ? state.calibration.youden : 1
    const isAsked = spec.judge !== null && !baseline.isWorthless && !candidate.isWorthless
    const grade = isAsked
      ? await judges.grade(spec.judge, { prompt: graded.prompt, ...texts }, (cost) => spend(progress, cost))
      : gradeByFaults(baseline, candidate, youden)
    if (grade === null) return 'not_graded'
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
    if (isAsked && state?.type === 'ready' && spec.judge.mode === 'pointwise') {
      believe(baseline.about, grade.baseline, state)
      believe(candidate.about, grade.candidate, state)
    }
    const margin = spec.margin * youden
    progress.add({ type: 'paired', at: written.at, pair: written, difference: grade.difference, margin })
    return null
  }

  /** A verdict is evidence of its model, too: corrected for the errors of the judge, and worth as much as the judge is. */
  function believe(about: () => AnsweredRequest, verdict: number, { calibration, epoch }: ReadyJudge): void {
    const quality = correctedVerdict(verdict, calibration)
    if (quality !== null) learn(about(), { kind: 'judge', quality, weight: verdictWeight(calibration) }, epoch)
  }

  function spend(progress: Progress, labNanoUsd: bigint): void {
    if (labNanoUsd > 0n) progress.add({ type: 'spent', at: clock.now(), labNanoUsd, routeNanoUsd: 0n })
  }

  return async (progress, { unit, stage, requestId, request, arm, answer, about }) => {
    const { id, spec } = progress.now
    if (!(await claim({ experiment: id, unit, at: clock.now() }))) return 'asked_before'
    const other = arm === 'candidate' ? spec.baseline : spec.candidate
    const copied = await calls.ask(request, other, signal)
    spend(progress, copied.costNanoUsd)
    const faults = answer === null ? null : await faultsOf(request, answer)
    const copiedFaults = copied.answer === null ? null : await faultsOf(request, copied.answer)
    if (stage === 'shadow' || stage === 'offline') observe(progress, stage, copied, copiedFaults, faults)
    if (answer === null || copied.answer === null || faults === null || copiedFaults === null) return 'unreadable'
    const real: Side = { about, answer, ...faults }
    const copy: Side = {
      about: () => ({ ...about(), id: copied.requestId, deployment: other }),
      answer: copied.answer,
      ...copiedFaults,
    }
    for (const evidence of copy.evidence) learn(copy.about(), evidence, id)
    const [baseline, candidate] = arm === 'candidate' ? [copy, real] : [real, copy]
    return pair(progress, { unit, stage, requestId, prompt: promptText(request), baseline, candidate })
  }
}

type ReadyJudge = Extract<JudgeState, { readonly type: 'ready' }>

/** One of the two answers to a request. */
type Side = { readonly about: () => AnsweredRequest; readonly answer: ChatAnswer } & Faults

type Graded = {
  readonly unit: string
  readonly stage: Stage
  readonly requestId: string
  readonly prompt: string
  readonly baseline: Side
  readonly candidate: Side
}

/**
 * What is worth nothing needs no judge; without a judge, all else is taken to be good. `youden`: of the judge that grades the other
 * pairs, whose verdicts show so much of a difference: shown alike, both kinds add up.
 */
function gradeByFaults(baseline: Faults, candidate: Faults, youden: number): Grade {
  const [one, other] = [Number(!baseline.isWorthless), Number(!candidate.isWorthless)]
  return { baseline: one, candidate: other, difference: (other - one) * youden }
}

/** Why an experiment may not ask anything now; null: it may. Its money first, then whether there is somebody to judge. */
export function whyNotAsk(experiment: Experiment, judges: Judges): 'money' | 'judge' | null {
  const { spec, labNanoUsd } = experiment
  if (labNanoUsd >= spec.maxNanoUsd) return 'money'
  return spec.judge === null || judges.stateOf(spec.judge).type === 'ready' ? null : 'judge'
}
