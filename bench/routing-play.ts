// Cross-validated replay of a table through the product's own code: scores and heads learn from four fifths, the policy routes the last.
import { appraise, type Appraised } from '../src/lab/appraise.ts'
import { headInputOf, type Heads } from '../src/lab/heads.ts'
import { type QualityCandidate, type QualityPolicy, Z_NORMAL } from '../src/core/quality.ts'
import { decide, type Situation } from '../src/lab/policy.ts'
import { promptOfText } from '../src/lab/prompt.ts'
import { createScoreboard, type Scoreboard } from '../src/lab/scoreboard.ts'
import { taskOf } from '../src/lab/task.ts'
import { trainHeads } from '../src/lab/train-heads.ts'
import type { Point } from './routing-curve.ts'
import type { Table, TableRow } from './routing-table.ts'

/** What is expected of each model on one prompt, before anything of its answers is known. */
export type Expectation = { readonly quality: readonly number[]; readonly costNanoUsd: readonly number[] }

export type Replay = {
  /** In the order of the table's rows. */
  readonly expected: readonly Expectation[]
  /** From text to decision, sorted. */
  readonly decisionUs: readonly number[]
}

export const FOLDS = 5
const CHAIN = ['gateway']
const NANO_PER_USD = 1e9
/**
 * The replay has no other tenants, limits or budget: the bare trade between quality and money. With a bar that nobody reaches, and the
 * dearest as the baseline, everybody is weighed by the pressure alone.
 */
const POLICY: QualityPolicy = {
  floor: 2,
  baselineShare: null,
  z: Z_NORMAL,
  minOwnObservations: 0,
  degrade: true,
  explorationShare: 0,
}

export function replay(table: Table): Replay {
  const expected: Expectation[] = []
  const decisionUs: number[] = []
  const folds = table.rows.map(({ text }) => foldOf(text))
  for (let fold = 0; fold < FOLDS; fold++) {
    const training = table.rows.filter((_, row) => folds[row] !== fold)
    const learned = learn(table.models, training)
    // What training leaves behind is no cost of a decision.
    Bun.gc(true)
    table.rows.forEach((row, position) => {
      if (folds[position] !== fold) return
      const started = performance.now()
      const { appraised, candidates } = route(row, table.models, learned)
      decide(candidates, POLICY, situation(1))
      decisionUs.push((performance.now() - started) * 1_000)
      expected[position] = {
        quality: appraised.map(({ quality }) => quality.mean),
        costNanoUsd: candidates.map(({ expectedCostNanoUsd }) => expectedCostNanoUsd),
      }
    })
  }
  return { expected, decisionUs: decisionUs.sort((a, b) => a - b) }
}

/** By the text itself, so that a prompt that stands twice is never learned from and tested on. */
function foldOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return ((hash ^ (hash >>> 15)) >>> 0) % FOLDS
}

type Learned = {
  readonly scores: Scoreboard
  readonly heads: Heads | null
  readonly usualCostNanoUsd: readonly number[]
}

function learn(models: readonly string[], training: readonly TableRow[]): Learned {
  const scores = createScoreboard(() => null)
  const labelled = training.map((row) => {
    const prompt = promptOfText(row.text, row.system)
    const { shares } = taskOf(prompt)
    models.forEach((model, each) => {
      const quality = row.quality[each]!
      if (!Number.isNaN(quality)) scores.observe(CHAIN, model, shares, { kind: 'human', quality, weight: null }, 0)
    })
    return {
      input: headInputOf(prompt, shares),
      quality: row.quality,
      costNanoUsd: Float32Array.from(row.costUsd, (usd) => usd * NANO_PER_USD),
    }
  })
  const usualCostNanoUsd = models.map(
    (_, each) => meanKnown(training.map(({ costUsd }) => costUsd[each]!)) * NANO_PER_USD,
  )
  return { scores, heads: trainHeads(labelled, models), usualCostNanoUsd }
}

function route(
  row: TableRow,
  models: readonly string[],
  { scores, heads, usualCostNanoUsd }: Learned,
): { appraised: readonly Appraised[]; candidates: readonly QualityCandidate[] } {
  const knowledge = { scoresOf: (model: string) => scores.scores(CHAIN, model, 0), heads }
  const appraised = models.map(appraise(promptOfText(row.text, row.system), knowledge, null).of)
  const candidates = appraised.map(({ quality, costNanoUsd }, each) =>
    candidateOf(models[each]!, quality.mean, quality.sd, costNanoUsd ?? usualCostNanoUsd[each]!),
  )
  return { appraised, candidates }
}

function candidateOf(deployment: string, mean: number, sd: number, expectedCostNanoUsd: number): QualityCandidate {
  const quality = { mean, sd, observations: 0 }
  return { deployment, quality, expectedCostNanoUsd, latencyMs: 0, headroomShare: 1 }
}

function situation(pressurePerUsd: number, baseline = ''): Situation {
  return { baseline, pressurePerUsd, explorationLeftNanoUsd: 0, draw: 1 }
}

/** From "quality at any price" to "price at any quality", in λ times the best model's mean cost. */
const PRESSURES = Array.from({ length: 101 }, (_, step) => 10 ** (-7 + step / 10))

/** Cost and quality of the policy under each pressure, over the rows that `isCounted` names. */
export function sweep(
  table: Table,
  expected: readonly Expectation[],
  bestUsd: number,
  isCounted: (row: TableRow) => boolean,
): Point[] {
  // A model that did not answer a prompt cannot be scored on it, so it is no candidate there.
  const prompts = table.rows.flatMap((row, position) => {
    if (!isCounted(row)) return []
    const { quality, costNanoUsd } = expected[position]!
    const candidates = table.models.flatMap((model, each) =>
      Number.isNaN(row.quality[each]) || Number.isNaN(row.costUsd[each])
        ? []
        : [candidateOf(model, quality[each]!, 0, costNanoUsd[each]!)],
    )
    return candidates.length === 0 ? [] : [{ row, candidates }]
  })
  const places = new Map(table.models.map((model, each) => [model, each]))
  const pointOf = (pressurePerUsd: number, baseline = ''): Point => {
    let usd = 0
    let quality = 0
    for (const { row, candidates } of prompts) {
      const { order } = decide(candidates, POLICY, situation(pressurePerUsd, baseline))
      const each = places.get(order[0]!)!
      usd += row.costUsd[each]!
      quality += row.quality[each]!
    }
    return { usd: usd / prompts.length, quality: quality / prompts.length }
  }
  // Nobody reaches the floor, so without pressure the baseline answers everything: an operator can always have that, of any model.
  return [
    ...PRESSURES.map((pressure) => pointOf(pressure / bestUsd)),
    ...table.models.map((model) => pointOf(0, model)),
  ]
}

/** What one would expect who knows nothing but the length: the means of prompts of like length, from the other folds. */
export function lengthOnly(table: Table): Expectation[] {
  const bucketOf = ({ text }: TableRow): number => Math.round(2 * Math.log2(1 + text.length))
  return byFold(table, (training) => {
    const groups = Map.groupBy(training, bucketOf)
    const means = new Map(Array.from(groups, ([bucket, rows]) => [bucket, meansOf(table, rows)]))
    const all = meansOf(table, training)
    return (row) => means.get(bucketOf(row)) ?? all
  })
}

function byFold(table: Table, make: (training: readonly TableRow[]) => (row: TableRow) => Expectation): Expectation[] {
  const folds = table.rows.map(({ text }) => foldOf(text))
  const makers = Array.from({ length: FOLDS }, (_, fold) => make(table.rows.filter((__, row) => folds[row] !== fold)))
  return table.rows.map((row, position) => makers[folds[position]!]!(row))
}

/** The answers themselves: nobody can route better. */
export function oracle(table: Table): Expectation[] {
  return table.rows.map(({ quality, costUsd }) => ({
    quality: Array.from(quality),
    costNanoUsd: Array.from(costUsd, (usd) => usd * NANO_PER_USD),
  }))
}

function meansOf(table: Table, rows: readonly TableRow[]): Expectation {
  return {
    quality: table.models.map((_, each) => meanKnown(rows.map(({ quality }) => quality[each]!))),
    costNanoUsd: table.models.map((_, each) => meanKnown(rows.map(({ costUsd }) => costUsd[each]!)) * NANO_PER_USD),
  }
}

/** Mean of what is known; 0 where nothing is. */
export function meanKnown(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value))
  return known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length
}
