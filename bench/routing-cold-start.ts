// A cold start, simulated: a stream of requests meets the policy with nothing but priors, and all that is learned is bought from a judge.
//
// Every request goes through the product's scores, policy and judge arithmetic. A small share of them is shadowed, those that have most to tell: another deployment
// answers, too, and an erring judge grades what must be known; shadow and judge are paid. Nobody tells the router which answers were really good.
import { calibrationOf, correctedVerdict, verdictWeight } from '../src/lab/judge.ts'
import { priorFromCards } from '../src/lab/benchmark-cards.ts'
import { type QualityCandidate, type QualityPolicy, Z_NORMAL } from '../src/core/quality.ts'
import { decide } from '../src/lab/policy.ts'
import { expectedQuality } from '../src/lab/quality.ts'
import type { Prior } from '../src/lab/score.ts'
import { createScoreboard, type Scoreboard } from '../src/lab/scoreboard.ts'
import { declaredTask, type Task, TASKS } from '../src/lab/task.ts'

type ColdStart = {
  readonly models: readonly ModelOfStream[]
  readonly baseline: string
  /** Share of requests by task; adds up to 1. */
  readonly mix: { readonly [task in Task]?: number }
  readonly policy: QualityPolicy
  /** What is believed before the first request. */
  readonly priorFor: (model: string, task: Task) => Prior | null
  readonly shadowShare: number
  /** Of the answers that others than the baseline gave, so many are graded: it shows who was let in by luck. */
  readonly gradedShare: number
  /** The judge is right that often, on good answers and on bad ones alike. */
  readonly judgeAccuracy: number
  readonly judgeCostUsd: number
}

type ModelOfStream = {
  readonly name: string
  readonly costUsd: number
  /** The true P(acceptable), which only the simulation knows. */
  readonly quality: { readonly [task in Task]?: number }
}

type Checkpoint = {
  readonly requests: number
  /** Quality so far over what the baseline alone would have had, from the true probabilities. */
  readonly qualityShare: number
  /** 1 − (answers + shadows + judging) / (all by the baseline). */
  readonly savedShare: number
}

const CHAIN = ['gateway']
const REQUESTS_A_DAY = 20_000
const DAY_MS = 86_400_000
/** A request that has something to tell is shadowed at once when so many shadows are due; so none comes in bursts. */
const PATIENCE = 20
/** What saves a smaller share of a request's cost is not worth a shadow. */
const MIN_SAVING = 0.1
/** People labelled that many answers to calibrate the judge. */
const LABELLED = 200

/**
 * Made up: a strong baseline, one at a sixteenth of its price that is nearly as good at simple work and misses the floor at hard work, and a
 * small one. Priors are those of the families' cards; costs are of 600 tokens in and 300 out at list prices of 2024. The judge is as dear
 * as the middle model times four.
 */
export const MADE_UP: ColdStart = {
  baseline: 'gpt-4o',
  priorFor: priorFromCards,
  models: [
    {
      name: 'gpt-4o',
      costUsd: 0.0045,
      quality: {
        chat: 0.95,
        open_qa: 0.93,
        reasoning: 0.88,
        code: 0.9,
        extraction: 0.95,
        classification: 0.94,
        summarisation: 0.95,
        rewriting: 0.95,
        translation: 0.94,
      },
    },
    {
      name: 'gpt-4o-mini',
      costUsd: 0.00027,
      quality: {
        chat: 0.93,
        open_qa: 0.88,
        reasoning: 0.74,
        code: 0.76,
        extraction: 0.93,
        classification: 0.92,
        summarisation: 0.93,
        rewriting: 0.93,
        translation: 0.91,
      },
    },
    {
      name: 'llama-3.1-8b-instruct',
      costUsd: 0.000162,
      quality: {
        chat: 0.78,
        open_qa: 0.62,
        reasoning: 0.48,
        code: 0.5,
        extraction: 0.76,
        classification: 0.88,
        summarisation: 0.77,
        rewriting: 0.78,
        translation: 0.65,
      },
    },
  ],
  mix: {
    chat: 0.25,
    open_qa: 0.15,
    reasoning: 0.08,
    code: 0.15,
    extraction: 0.12,
    classification: 0.08,
    summarisation: 0.08,
    rewriting: 0.05,
    translation: 0.04,
  },
  policy: { floor: 0.8, baselineShare: null, z: Z_NORMAL, minOwnObservations: 0, degrade: false, explorationShare: 0 },
  shadowShare: 0.02,
  gradedShare: 0.08,
  judgeAccuracy: 0.9,
  judgeCostUsd: 0.00108,
}

/** Runs the stream to the last checkpoint. `random` draws from 0–1. */
export function coldStart(setting: ColdStart, checkpoints: readonly number[], random: () => number): Checkpoint[] {
  const { models, policy } = setting
  const scores = createScoreboard(setting.priorFor)
  const tasks = TASKS.filter((task) => (setting.mix[task] ?? 0) > 0)
  const guesses = new Map(tasks.map((task) => [task, declaredTask(task)]))
  const baseline = models.find(({ name }) => name === setting.baseline)!
  const judge = createJudge(setting, scores, random)
  const sums = { quality: 0, baselineQuality: 0, usd: 0, baselineUsd: 0 }
  let allowance = 0
  const reached: Checkpoint[] = []
  for (let request = 1; request <= checkpoints.at(-1)!; request++) {
    const nowMs = (request / REQUESTS_A_DAY) * DAY_MS
    const task = drawTask(tasks, setting.mix, random())
    const { shares } = guesses.get(task)!
    const candidates = models.map(({ name, costUsd }): QualityCandidate => ({
      deployment: name,
      quality: expectedQuality(shares, scores.scores(CHAIN, name, nowMs), null),
      expectedCostNanoUsd: costUsd * 1e9,
      latencyMs: 0,
      headroomShare: 1,
    }))
    const situation = { baseline: setting.baseline, pressurePerUsd: 0, explorationLeftNanoUsd: 0, draw: random() }
    const { order } = decide(candidates, policy, situation)
    const chosen = models.find(({ name }) => name === order[0])!
    sums.quality += chosen.quality[task]!
    sums.baselineQuality += baseline.quality[task]!
    sums.usd += chosen.costUsd
    sums.baselineUsd += baseline.costUsd
    allowance += setting.shadowShare
    const shadowed = models.find(({ name }) => name === worthKnowing(candidates, policy, chosen.name))
    if (shadowed !== undefined && random() < allowance / PATIENCE) {
      allowance -= 1
      sums.usd += shadowed.costUsd + judge(shadowed, task, nowMs)
    }
    // How good the baseline is matters only to a policy that compares with it.
    if ((chosen !== baseline || policy.baselineShare !== null) && random() < setting.gradedShare)
      sums.usd += judge(chosen, task, nowMs)
    if (checkpoints.includes(request))
      reached.push({
        requests: request,
        qualityShare: sums.quality / sums.baselineQuality,
        savedShare: 1 - sums.usd / sums.baselineUsd,
      })
  }
  return reached
}

/** Grades one answer, tells the scores, and gives what grading cost. */
function createJudge(
  { judgeAccuracy, judgeCostUsd }: ColdStart,
  scores: Scoreboard,
  random: () => number,
): (model: ModelOfStream, task: Task, nowMs: number) => number {
  const right = Math.round((LABELLED / 2) * judgeAccuracy)
  const wrong = LABELLED / 2 - right
  const calibration = calibrationOf({
    goodCalledGood: right,
    goodCalledBad: wrong,
    badCalledGood: wrong,
    badCalledBad: right,
  })
  const weight = verdictWeight(calibration)
  return (model, task, nowMs) => {
    const isGood = random() < model.quality[task]!
    const isCalledGood = random() < judgeAccuracy ? isGood : !isGood
    const quality = correctedVerdict(Number(isCalledGood), calibration)
    if (quality !== null)
      scores.observe(CHAIN, model.name, declaredTask(task).shares, { kind: 'judge', quality, weight }, nowMs)
    return judgeCostUsd
  }
}

/** Whom to shadow: the larger the saving and the likelier it is to pass, the sooner. Null where all is known that would save anything. */
function worthKnowing(candidates: readonly QualityCandidate[], policy: QualityPolicy, chosen: string): string | null {
  const { expectedCostNanoUsd: cost } = candidates.find(({ deployment }) => deployment === chosen)!
  let best: { readonly deployment: string; readonly value: number } | null = null
  for (const { deployment, quality, expectedCostNanoUsd } of candidates) {
    const chance = quality.mean + policy.z * quality.sd - policy.floor
    const isOpen = chance > 0 && quality.mean - policy.z * quality.sd < policy.floor
    const saving = cost - expectedCostNanoUsd
    if (!isOpen || saving < MIN_SAVING * cost) continue
    if (best === null || saving * chance > best.value) best = { deployment, value: saving * chance }
  }
  return best?.deployment ?? null
}

function drawTask(tasks: readonly Task[], mix: ColdStart['mix'], draw: number): Task {
  let left = draw
  for (const task of tasks) {
    left -= mix[task]!
    if (left < 0) return task
  }
  return tasks.at(-1)!
}
