// The JSON of experiments in the admin API: what is taken, checked strictly, and what is given.
import { z } from '@hono/zod-openapi'
import { type AuditRecord, type ExperimentPair, type ExperimentSpec, OPTIONAL_STAGES } from '../core/experiment.ts'
import { formatUsd } from '../core/money.ts'
import type { ExperimentView, JudgeState } from '../lab/experiment-view.ts'
import { lengthBias } from '../lab/judge.ts'
import type { RankedTest } from '../lab/next-test.ts'
import { DEFAULT_PLAN, numbersOf } from '../lab/ramp.ts'
import { time } from './render.ts'
import { amount } from './schemas-budget-limits.ts'

const share = z.number().gt(0).max(1)
const DEFAULT_SHADOW_SHARE = 0.02
const DEFAULT_SHARE_OF_SPEND = 0.02

const runningFields = {
  shadow_rate: share.openapi({
    description: `Of the requests that may be copied, the share that is. Default: ${DEFAULT_SHADOW_SHARE}.`,
  }),
  max_usd: amount.openapi({ description: 'Most that copies and judging may cost, all together.' }),
  share_of_spend: share.nullable().openapi({
    description: `… and their share of what the route spends meanwhile; null: any. Default: ${DEFAULT_SHARE_OF_SPEND}.`,
  }),
}

export const ExperimentInput = z
  .strictObject({
    route: z.string().min(1).openapi({ description: 'Name of a route of the configuration.' }),
    baseline: z.string().min(1).openapi({ description: 'The target of the route that is to be replaced.' }),
    candidate: z.string().min(1).openapi({ description: 'What shall take its place, `provider/model`.' }),
    max_usd: runningFields.max_usd,
    stages: z.array(z.enum(OPTIONAL_STAGES)).optional().openapi({ description: 'Default: all of them.' }),
    margin: z
      .number()
      .min(0.005)
      .max(0.5)
      .optional()
      .openapi({ description: `How much worse still counts as equal. Default: ${DEFAULT_PLAN.margin}.` }),
    pairs_per_stage: z
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .openapi({ description: `Fewest pairs of a stage. Default: ${DEFAULT_PLAN.pairsPerStage}.` }),
    tolerance: z
      .number()
      .min(0)
      .max(0.5)
      .optional()
      .openapi({
        description: `Excess share of failures that a guardrail lets pass. Default: ${DEFAULT_PLAN.tolerance}.`,
      }),
    shadow_rate: runningFields.shadow_rate.optional(),
    share_of_spend: runningFields.share_of_spend.optional(),
    judge: z
      .strictObject({ model: z.string().min(1), mode: z.enum(['pointwise', 'pairwise']).default('pointwise') })
      .nullable()
      .optional()
      .openapi({
        description: 'A route or a model that grades. Default: none, and only what is plainly wrong counts.',
      }),
    start: z.boolean().default(false).openapi({ description: 'Start it at once.' }),
  })
  .openapi('ExperimentInput')

export const ExperimentChange = z
  .strictObject({
    shadow_rate: runningFields.shadow_rate.optional(),
    max_usd: runningFields.max_usd.optional(),
    share_of_spend: runningFields.share_of_spend.optional(),
  })
  .openapi('ExperimentChange', { description: 'Only what is named changes.' })

export const CommandInput = z
  .strictObject({ why: z.string().min(1).max(1_000).optional() })
  .openapi('ExperimentCommand', { description: 'Why: for the audit.' })

export const LabelsInput = z
  .strictObject({
    labels: z
      .array(z.strictObject({ prompt: z.string().min(1), answer: z.string(), good: z.boolean() }))
      .min(1)
      .max(1_000),
  })
  .openapi('LabelsInput')

export const Labels = z.object({ good: z.int(), bad: z.int() }).openapi('Labels')

export const OpenLabelsQuery = z.strictObject({
  route: z.string().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(20),
})
export const OpenLabel = z.object({ prompt: z.string(), answer: z.string() }).openapi('OpenLabel')

const Numbers = z.object({
  pairs: z.int(),
  mean_difference: z.number().openapi({ description: 'Mean of quality(candidate) − quality(baseline).' }),
  promote: z.number().openapi({ description: 'E-value against: worse by the margin or more.' }),
  rollback: z.number().openapi({ description: 'E-value against: worse by less than the margin.' }),
  assigned: z.object({ candidate: z.int(), control: z.int() }),
  hard_errors: z.int(),
  guardrails: z.record(
    z.string(),
    z.object({ pairs: z.int(), candidate: z.int(), control: z.int(), evidence: z.number() }),
  ),
})

export const AuditLine = z
  .object({ no: z.int(), at: z.string(), from: z.string(), to: z.string(), why: z.string(), numbers: Numbers })
  .openapi('ExperimentTransition')

const Progress = z.object({ have: z.number(), need: z.number() })
const Judge = z.object({
  model: z.string(),
  mode: z.string(),
  state: z.enum(['ready', 'measuring', 'refused']),
  why: z.string().nullable(),
  epoch: z.string().nullable(),
  j: z.number().nullable(),
  sensitivity: z.number().nullable(),
  specificity: z.number().nullable(),
  labels: z.int().nullable(),
  unusable: z.int().nullable(),
  length_bias: z.object({ slope: z.number(), standard_error: z.number() }).nullable().openapi({
    description: 'How much its verdict errs upwards for an answer e times as long; taken off its verdicts.',
  }),
})

export const ExperimentDetail = z
  .object({
    id: z.string(),
    created_at: z.string(),
    route: z.string(),
    baseline: z.string(),
    candidate: z.string(),
    stages: z.array(z.string()),
    margin: z.number(),
    pairs_per_stage: z.int(),
    tolerance: z.number(),
    shadow_rate: z.number(),
    max_usd: z.string(),
    share_of_spend: z.number().nullable(),
    stage: z.string(),
    status: z.string(),
    since: z.string().openapi({ description: 'When it entered its stage.' }),
    not_before: z.string().nullable().openapi({ description: 'Of one that was rolled back: when it may start again.' }),
    numbers: Numbers,
    needs: z
      .object({ next: z.string(), pairs: Progress, evidence: Progress })
      .nullable()
      .openapi({ description: 'What the next stage takes.' }),
    lab_usd: z.string().openapi({ description: 'Spent on copies and judging.' }),
    route_usd: z.string().openapi({ description: 'Spent by the route since the start.' }),
    judge: Judge.nullable(),
    copies: z.object({ made: z.int(), dropped: z.record(z.string(), z.int()) }),
    warning: z.string().nullable(),
    problem: z.string().nullable().openapi({ description: 'Why it changes nothing although it should.' }),
    verdict_length: z
      .object({ slope: z.number(), standard_error: z.number() })
      .nullable()
      .openapi({ description: 'How the quality of its pairs goes with ln(length) of the answers.' })
      .optional(),
  })
  .openapi('Experiment')

export const Idea = z
  .object({
    route: z.string(),
    baseline: z.string(),
    candidate: z.string(),
    requests: z.int().openapi({ description: 'Of the last 30 days.' }),
    saving_usd: z.string().openapi({ description: 'A month, if it is promoted.' }),
    chance: z.number().openapi({ description: 'That it is not worse by more than the margin.' }),
    pairs: z.int(),
    test_usd: z.string().openapi({ description: 'Of the copies; judging comes on top of it.' }),
    value: z.number().openapi({ description: 'saving × chance / cost of the test.' }),
  })
  .openapi('ExperimentIdea')

export function specOf(input: z.output<typeof ExperimentInput>): ExperimentSpec {
  return {
    route: input.route,
    baseline: input.baseline,
    candidate: input.candidate,
    stages: input.stages ?? OPTIONAL_STAGES,
    margin: input.margin ?? DEFAULT_PLAN.margin,
    pairsPerStage: input.pairs_per_stage ?? DEFAULT_PLAN.pairsPerStage,
    tolerance: input.tolerance ?? DEFAULT_PLAN.tolerance,
    shadowShare: input.shadow_rate ?? DEFAULT_SHADOW_SHARE,
    maxNanoUsd: input.max_usd,
    shareOfSpend: input.share_of_spend === undefined ? DEFAULT_SHARE_OF_SPEND : input.share_of_spend,
    judge: input.judge ?? null,
  }
}

/** `pairs`: the newest of them, where somebody wants to see what they say of length. */
export function renderExperiment(
  { experiment, needs, judge, copies, warning, problem }: ExperimentView,
  pairs: readonly ExperimentPair[] | null = null,
): z.output<typeof ExperimentDetail> {
  const { spec, ramp } = experiment
  return {
    id: experiment.id,
    created_at: time(experiment.createdAt),
    route: spec.route,
    baseline: spec.baseline,
    candidate: spec.candidate,
    stages: [...spec.stages],
    margin: spec.margin,
    pairs_per_stage: spec.pairsPerStage,
    tolerance: spec.tolerance,
    shadow_rate: spec.shadowShare,
    max_usd: formatUsd(spec.maxNanoUsd),
    share_of_spend: spec.shareOfSpend,
    stage: ramp.stage,
    status: ramp.status,
    since: time(ramp.enteredAtMs),
    not_before: ramp.status === 'rolled_back' ? time(ramp.notBeforeMs) : null,
    numbers: renderNumbers(numbersOf(ramp)),
    needs,
    lab_usd: formatUsd(experiment.labNanoUsd),
    route_usd: formatUsd(experiment.routeNanoUsd),
    judge: spec.judge === null || judge === null ? null : { ...spec.judge, ...renderJudge(judge) },
    copies: { made: copies.made, dropped: { ...copies.dropped } },
    warning,
    problem,
    ...(pairs === null ? {} : { verdict_length: lengthOf(pairs) }),
  }
}

function renderJudge(state: JudgeState): Omit<z.output<typeof Judge>, 'model' | 'mode'> {
  const record = state.type === 'ready' ? state.record : null
  const calibration = state.type === 'measuring' ? null : state.calibration
  return {
    state: state.type,
    why: state.type === 'refused' ? state.why : null,
    epoch: record?.epoch ?? null,
    j: calibration?.youden ?? null,
    sensitivity: calibration?.sensitivity ?? null,
    specificity: calibration?.specificity ?? null,
    labels: calibration === null ? null : calibration.labelledGood + calibration.labelledBad,
    unusable: record?.unusable ?? null,
    length_bias: biasJson(record?.lengthBias ?? null),
  }
}

function lengthOf(pairs: readonly ExperimentPair[]) {
  const graded = pairs
    .filter(({ epoch }) => epoch !== null)
    .flatMap((pair) => [
      { verdict: pair.baseline, characters: pair.baselineCharacters },
      { verdict: pair.candidate, characters: pair.candidateCharacters },
    ])
  return biasJson(lengthBias(graded))
}

function biasJson(bias: { readonly slope: number; readonly standardError: number } | null) {
  return bias === null ? null : { slope: bias.slope, standard_error: bias.standardError }
}

function renderNumbers(numbers: AuditRecord['numbers']): z.output<typeof Numbers> {
  const { pairs, meanDifference, promote, rollback, assigned, hardErrors, guardrails } = numbers
  return {
    pairs,
    mean_difference: meanDifference,
    promote,
    rollback,
    assigned,
    hard_errors: hardErrors,
    guardrails: { ...guardrails },
  }
}

export function renderAudit({ no, at, from, to, why, numbers }: AuditRecord): z.output<typeof AuditLine> {
  return { no, at: time(at), from, to, why, numbers: renderNumbers(numbers) }
}

export function renderIdea(idea: RankedTest): z.output<typeof Idea> {
  const { route, baseline, candidate, requests, chance, pairs, value } = idea
  return {
    route,
    baseline,
    candidate,
    requests,
    saving_usd: formatUsd(BigInt(Math.round(idea.savingNanoUsd))),
    chance,
    pairs,
    test_usd: formatUsd(BigInt(Math.round(idea.testNanoUsd))),
    value,
  }
}
