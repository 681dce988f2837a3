// An experiment: may a candidate take the place of a route's baseline? What is asked, where it stands, and what is kept of the way there.
import type { NanoUsd } from './money.ts'

/** From the idea to all of the traffic. `done`: the candidate answers until the configuration says so itself. */
export const STAGES = ['draft', 'offline', 'shadow', 'canary_1', 'canary_5', 'canary_25', 'full', 'done'] as const
export type Stage = (typeof STAGES)[number]

/** Stages that an experiment may leave out. */
export const OPTIONAL_STAGES = ['offline', 'shadow', 'canary_1', 'canary_5', 'canary_25'] as const satisfies Stage[]
export type OptionalStage = (typeof OPTIONAL_STAGES)[number]

export const GUARDRAILS = ['error', 'timeout', 'invalid_format', 'refusal', 'cut_answer', 'slow', 'dear'] as const
export type Guardrail = (typeof GUARDRAILS)[number]

/** Logarithms of the products of an e-process, one for each bet (lab/sequential.ts). */
export type Wealth = readonly number[]

export type PairTest = {
  readonly pairs: number
  /** Sum of the differences: over `pairs`, their mean. */
  readonly sum: number
  /** Against "the candidate is worse by the margin or more": large values promote. */
  readonly promote: Wealth
  /** Against "the candidate is worse by less than the margin": large values roll back. */
  readonly rollback: Wealth
}

export type RateTest = {
  readonly pairs: number
  /** Failures of each among as many answers. */
  readonly candidate: number
  readonly control: number
  readonly wealth: Wealth
}

/** Where an experiment stands (lab/ramp.ts). */
export type Ramp = {
  readonly stage: Stage
  readonly status: 'running' | 'paused' | 'rolled_back'
  readonly enteredAtMs: number
  /** A rolled back ramp may be started again only from then on. */
  readonly notBeforeMs: number
  /** Pairs of this stage. */
  readonly stagePairs: number
  readonly test: PairTest
  readonly guardrails: { readonly [guardrail in Guardrail]?: RateTest }
  /** Conversations of this stage that went to the candidate and to the control. */
  readonly assigned: { readonly candidate: number; readonly control: number }
  /** Answers of the candidate in this stage that were measured, and those among them that it could not give at all. */
  readonly answers: number
  readonly hardErrors: number
}

/** A step of a ramp from one stage to the next, back, or to a halt, with the numbers that caused it. */
export type Transition = {
  readonly from: Stage
  readonly to: Stage | 'rolled_back' | 'paused' | 'resumed'
  readonly why: string
  readonly numbers: RampNumbers
}

/** What the evidence was. E-values end at 1e15: beyond it they say no more. */
export type RampNumbers = {
  readonly pairs: number
  /** Mean of y(candidate) − y(baseline); 0 without pairs. */
  readonly meanDifference: number
  readonly promote: number
  readonly rollback: number
  readonly assigned: { readonly candidate: number; readonly control: number }
  readonly hardErrors: number
  readonly guardrails: {
    readonly [guardrail in Guardrail]?: {
      readonly pairs: number
      readonly candidate: number
      readonly control: number
      readonly evidence: number
    }
  }
}

/** `pointwise`: each answer is graded for itself. `pairwise`: both are compared, in both orders. */
export type JudgeSpec = { readonly model: string; readonly mode: 'pointwise' | 'pairwise' }

export type ExperimentSpec = {
  /** Name of a route of the configuration. */
  readonly route: string
  /** Deployment ids. The baseline is a target of the route; the candidate takes its place. */
  readonly baseline: string
  readonly candidate: string
  /** Those of the optional stages that it goes through. */
  readonly stages: readonly OptionalStage[]
  /** Δ: how much worse still counts as equal, in quality. */
  readonly margin: number
  readonly pairsPerStage: number
  /** Excess share of failures that a guardrail lets pass. */
  readonly tolerance: number
  /** Of the requests that may be copied, the share that is. */
  readonly shadowShare: number
  /** Most that copies and judging may cost, all together. */
  readonly maxNanoUsd: NanoUsd
  /** … and their share of what the route spent meanwhile; null: any. */
  readonly shareOfSpend: number | null
  /** Null: only what is wrong in itself (empty, cut, refused, invalid) counts. */
  readonly judge: JudgeSpec | null
}

export type Experiment = {
  readonly id: string
  readonly createdAt: number
  /** Grows with each write: whoever writes says which version it saw. */
  readonly version: number
  readonly spec: ExperimentSpec
  readonly ramp: Ramp
  /** Records in the audit. */
  readonly transitions: number
  /** Spent on copies and judging, and by the route since the start. */
  readonly labNanoUsd: NanoUsd
  readonly routeNanoUsd: NanoUsd
}

/** Who answers a conversation of a route on trial: the candidate, or the baseline as before. */
export type Arm = 'candidate' | 'control'

/** What a request is to the experiment that its route is in. */
export type Trial = {
  readonly experiment: string
  /** Of the experiment when the request came: it may have moved since. */
  readonly stage: Stage
  readonly arm: Arm
  /** Names the conversation; null: it is no part of one. */
  readonly conversation: string | null
  /** Its content is to be looked at; a copy of it is to be asked of the other model. */
  readonly isRead: boolean
  readonly isCopied: boolean
}

/** One transition, as it is kept. `no` counts from 1 within the experiment. */
export type AuditRecord = Transition & { readonly experiment: string; readonly no: number; readonly at: number }

/** The answers of both to one conversation. */
export type ExperimentPair = {
  readonly experiment: string
  /** Names the conversation, or the request where it is no part of one; each is asked once. */
  readonly unit: string
  readonly at: number
  readonly requestId: string
  readonly stage: Stage
  /** y of each, 0–1, as it was graded. */
  readonly baseline: number
  readonly candidate: number
  readonly baselineCharacters: number
  readonly candidateCharacters: number
  /** Which judge, with which words; null: nobody was asked. */
  readonly epoch: string | null
}

/** An answer that a person found good or not: what judges are measured with. */
export type Label = {
  /** Of prompt and answer. */
  readonly id: string
  readonly at: number
  readonly prompt: string
  readonly answer: string
  readonly isGood: boolean
}

/** What a judge was found to be worth on the labels, by its epoch. */
export type JudgeRecord = {
  readonly epoch: string
  readonly at: number
  readonly model: string
  readonly mode: JudgeSpec['mode']
  /** Verdicts on answers that people labelled. */
  readonly counts: {
    readonly goodCalledGood: number
    readonly goodCalledBad: number
    readonly badCalledGood: number
    readonly badCalledBad: number
  }
  /** Labels that it had no verdict on. */
  readonly unusable: number
  /** How much its verdict errs upwards for an answer e times as long; null: not to be told. */
  readonly lengthBias: { readonly slope: number; readonly standardError: number } | null
}
