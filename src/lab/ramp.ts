// The ramp of an experiment, as a state machine without a clock or a store: what it knows, and what an observation makes of it.
//
// draft → offline → shadow → canary 1 % → 5 % → 25 % → full (2 % held out for 7 days) → done. From every running stage it may go to
// rolled back (by evidence, a guardrail, the fuse, a broken assignment, or by hand) or paused (by hand). A stage is left upwards only when
// its own minimum is met, nothing speaks against the candidate, and enough speaks for it (`EVIDENCE_TO_ENTER`). Evidence is kept over stages.
// Who is in the candidate's share stays in it when the share grows (`isAssigned`). Every transition carries the numbers that caused it.
import { GUARDRAILS, type OptionalStage, OPTIONAL_STAGES, STAGES } from '../core/experiment.ts'
import type { Guardrail, Ramp, RampNumbers, RateTest, Stage, Transition } from '../core/experiment.ts'
import type { Needs } from './experiment-view.ts'
import {
  addOutcome,
  addPair,
  evidenceOf,
  isFuseBlown,
  NEW_PAIR_TEST,
  NEW_RATE_TEST,
  sampleRatioEvidence,
} from './sequential.ts'

export type RampPlan = {
  /** Δ: how much worse still counts as equal, in quality. With a judge: times its J. */
  readonly margin: number
  /** Pairs that each stage needs before the next one may begin. */
  readonly pairsPerStage: number
  /** Excess share of failures that a guardrail lets pass. */
  readonly tolerance: number
  /** Those of the optional stages that it goes through. */
  readonly stages: readonly OptionalStage[]
}
export const DEFAULT_PLAN: RampPlan = { margin: 0.05, pairsPerStage: 30, tolerance: 0.02, stages: OPTIONAL_STAGES }

export type Observation =
  /** y(candidate) − y(baseline) of one conversation. */
  | { readonly type: 'pair'; readonly difference: number }
  /** One answer of the candidate beside one of the concurrent control: which of the measured guardrails each of them broke. */
  | {
      readonly type: 'outcome'
      readonly measured: readonly Guardrail[]
      readonly candidate: readonly Guardrail[]
      readonly control: readonly Guardrail[]
      /** The candidate could not answer: what the fuse counts. */
      readonly isHard: boolean
    }
  /** A conversation was assigned. */
  | { readonly type: 'assigned'; readonly toCandidate: boolean }
  /** Nothing but time passed. */
  | { readonly type: 'tick' }
  | { readonly type: 'start' }
  | { readonly type: 'pause' }
  /** By hand, or past a stage that has nothing to work on. */
  | { readonly type: 'promote'; readonly why: string }
  | { readonly type: 'roll_back'; readonly why: string }

export type Step = { readonly ramp: Ramp; readonly transition: Transition | null }

/** What the evidence to promote must have reached for a stage to begin; 0: the pairs of the stage before are enough. */
const EVIDENCE_TO_ENTER: { readonly [stage in Stage]: number } = {
  draft: 0,
  offline: 0,
  shadow: 0,
  canary_1: 0,
  canary_5: 1,
  canary_25: 5,
  full: 20,
  done: 20,
}
const SHADOW_ROLLBACK_EVIDENCE = 20
const PRODUCTION_ROLLBACK_EVIDENCE = 100
const GUARDRAIL_EVIDENCE = 100
const SAMPLE_RATIO_EVIDENCE = 1_000
const HOLD_OUT_MS = 7 * 86_400_000
const PAUSE_AFTER_ROLLBACK_MS = 86_400_000

/** Share of conversations that the candidate answers for real; shadows answer to nobody. */
const CANDIDATE_SHARE: { readonly [stage in Stage]: number } = {
  draft: 0,
  offline: 0,
  shadow: 0,
  canary_1: 0.01,
  canary_5: 0.05,
  canary_25: 0.25,
  full: 0.98,
  done: 1,
}

/** Whether callers get answers of the candidate at all. */
export function isReal(stage: Stage): boolean {
  return CANDIDATE_SHARE[stage] > 0
}

export function newRamp(nowMs: number): Ramp {
  return {
    stage: 'draft',
    status: 'running',
    enteredAtMs: nowMs,
    notBeforeMs: nowMs,
    stagePairs: 0,
    test: NEW_PAIR_TEST,
    guardrails: {},
    assigned: { candidate: 0, control: 0 },
    answers: 0,
    hardErrors: 0,
  }
}

/**
 * Share of the conversations of a stage that the candidate answers: those whose place, a hash of tenant and conversation on 0–1, is below it.
 * As shares only grow, whoever is in stays in.
 */
export function candidateShareOf(stage: Stage): number {
  return CANDIDATE_SHARE[stage]
}

/** What one observation makes of a ramp. A ramp that does not run takes none but what a person says. */
export function step(ramp: Ramp, observation: Observation, plan: RampPlan, nowMs: number): Step {
  switch (observation.type) {
    case 'start':
      return start(ramp, plan, nowMs)
    case 'pause':
      if (ramp.status !== 'running') return unchanged(ramp)
      return { ramp: { ...ramp, status: 'paused' }, transition: transition(ramp, 'paused', 'paused by hand') }
    case 'promote':
      return ramp.status === 'running'
        ? enter(ramp, nextStage(ramp.stage, plan), observation.why, nowMs)
        : unchanged(ramp)
    case 'roll_back':
      return ramp.status === 'rolled_back' ? unchanged(ramp) : rollBack(ramp, observation.why, nowMs)
    case 'pair':
      if (!isLearning(ramp)) return unchanged(ramp)
      return judge(
        {
          ...ramp,
          stagePairs: ramp.stagePairs + 1,
          test: addPair(ramp.test, observation.difference, plan.margin),
        },
        plan,
        nowMs,
      )
    case 'outcome':
      return isLearning(ramp) ? judge(withOutcome(ramp, observation, plan), plan, nowMs) : unchanged(ramp)
    case 'assigned':
      return isLearning(ramp) ? judge(withAssignment(ramp, observation.toCandidate), plan, nowMs) : unchanged(ramp)
    case 'tick':
      return isLearning(ramp) ? judge(ramp, plan, nowMs) : unchanged(ramp)
  }
}

function isLearning(ramp: Ramp): boolean {
  return ramp.status === 'running' && ramp.stage !== 'draft' && ramp.stage !== 'done'
}

function start(ramp: Ramp, plan: RampPlan, nowMs: number): Step {
  if (ramp.status === 'paused')
    return { ramp: { ...ramp, status: 'running' }, transition: transition(ramp, 'resumed', 'resumed by hand') }
  if (ramp.status === 'rolled_back') {
    if (nowMs < ramp.notBeforeMs) return unchanged(ramp)
    return enter(newRamp(nowMs), nextStage('draft', plan), 'started again', nowMs)
  }
  return ramp.stage === 'draft' ? enter(ramp, nextStage('draft', plan), 'started', nowMs) : unchanged(ramp)
}

/** Looks at all evidence: what speaks against the candidate first. */
function judge(ramp: Ramp, plan: RampPlan, nowMs: number): Step {
  const against = objection(ramp)
  if (against !== null) return rollBack(ramp, against, nowMs)
  const next = nextStage(ramp.stage, plan)
  if (ramp.stage === 'full')
    return nowMs - ramp.enteredAtMs >= HOLD_OUT_MS
      ? enter(ramp, next, 'the held-out week passed', nowMs)
      : unchanged(ramp)
  if (ramp.stagePairs < plan.pairsPerStage) return unchanged(ramp)
  const needed = EVIDENCE_TO_ENTER[next]
  if (evidenceOf(ramp.test.promote) < needed) return unchanged(ramp)
  const why =
    needed === 0 ? `${ramp.stagePairs} pairs without an objection` : `not worse by the margin: evidence ${needed}`
  return enter(ramp, next, why, nowMs)
}

function objection(ramp: Ramp): string | null {
  const isLive = isReal(ramp.stage)
  const { answers } = ramp
  if (isLive && isFuseBlown(ramp.hardErrors, answers))
    return `fuse: ${ramp.hardErrors} hard errors in ${answers} answers`
  if (evidenceOf(ramp.test.rollback) >= (isLive ? PRODUCTION_ROLLBACK_EVIDENCE : SHADOW_ROLLBACK_EVIDENCE))
    return 'worse by the margin'
  for (const guardrail of GUARDRAILS) {
    const test = ramp.guardrails[guardrail]
    if (test !== undefined && evidenceOf(test.wealth) >= GUARDRAIL_EVIDENCE)
      return `guardrail ${guardrail}: ${test.candidate} against ${test.control} of the control`
  }
  const { candidate, control } = ramp.assigned
  const share = CANDIDATE_SHARE[ramp.stage]
  if (share > 0 && share < 1 && sampleRatioEvidence(candidate, control, share) >= SAMPLE_RATIO_EVIDENCE)
    return `assignment is broken: ${candidate} of ${candidate + control} instead of ${100 * share} %`
  return null
}

function withOutcome(ramp: Ramp, observation: Observation & { readonly type: 'outcome' }, plan: RampPlan): Ramp {
  const guardrails: { [guardrail in Guardrail]?: RateTest } = { ...ramp.guardrails }
  for (const guardrail of observation.measured)
    guardrails[guardrail] = addOutcome(
      guardrails[guardrail] ?? NEW_RATE_TEST,
      observation.candidate.includes(guardrail),
      observation.control.includes(guardrail),
      plan.tolerance,
    )
  const isAnswer = observation.measured.includes('error')
  return {
    ...ramp,
    guardrails,
    answers: ramp.answers + Number(isAnswer),
    hardErrors: ramp.hardErrors + Number(observation.isHard),
  }
}

function withAssignment(ramp: Ramp, toCandidate: boolean): Ramp {
  const { candidate, control } = ramp.assigned
  return {
    ...ramp,
    assigned: { candidate: candidate + Number(toCandidate), control: control + Number(!toCandidate) },
  }
}

function rollBack(ramp: Ramp, why: string, nowMs: number): Step {
  return {
    ramp: { ...ramp, status: 'rolled_back', notBeforeMs: nowMs + PAUSE_AFTER_ROLLBACK_MS },
    transition: transition(ramp, 'rolled_back', why),
  }
}

/** Evidence goes on; what belongs to a stage (its pairs, its shares, its errors) starts anew. */
function enter(ramp: Ramp, stage: Stage, why: string, nowMs: number): Step {
  if (stage === ramp.stage) return unchanged(ramp)
  return {
    ramp: {
      ...ramp,
      stage,
      enteredAtMs: nowMs,
      stagePairs: 0,
      assigned: { candidate: 0, control: 0 },
      answers: 0,
      hardErrors: 0,
    },
    transition: transition(ramp, stage, why),
  }
}

function nextStage(stage: Stage, { stages }: RampPlan): Stage {
  const left: readonly string[] = OPTIONAL_STAGES.filter((optional) => !stages.includes(optional))
  return STAGES.slice(STAGES.indexOf(stage) + 1).find((next) => !left.includes(next)) ?? 'done'
}

/** What is missing for the next stage; null: time or a person moves it, or nothing does. */
export function needsOf(ramp: Ramp, plan: RampPlan): Needs | null {
  if (!isLearning(ramp) || ramp.stage === 'full') return null
  const next = nextStage(ramp.stage, plan)
  return {
    next,
    pairs: { have: ramp.stagePairs, need: plan.pairsPerStage },
    evidence: { have: Math.min(evidenceOf(ramp.test.promote), MOST_EVIDENCE), need: EVIDENCE_TO_ENTER[next] },
  }
}

function transition(ramp: Ramp, to: Transition['to'], why: string): Transition {
  return { from: ramp.stage, to, why, numbers: numbersOf(ramp) }
}

/** Beyond it an e-value says no more; infinity could not be written as JSON. */
const MOST_EVIDENCE = 1e15

/** What the evidence is now. */
export function numbersOf({ test, guardrails, assigned, hardErrors }: Ramp): RampNumbers {
  const shown = (wealth: RateTest['wealth']): number => Math.min(evidenceOf(wealth), MOST_EVIDENCE)
  return {
    pairs: test.pairs,
    meanDifference: test.pairs === 0 ? 0 : test.sum / test.pairs,
    promote: shown(test.promote),
    rollback: shown(test.rollback),
    assigned,
    hardErrors,
    guardrails: Object.fromEntries(
      Object.entries(guardrails).map(([guardrail, { pairs, candidate, control, wealth }]) => [
        guardrail,
        { pairs, candidate, control, evidence: shown(wealth) },
      ]),
    ),
  }
}

function unchanged(ramp: Ramp): Step {
  return { ramp, transition: null }
}
