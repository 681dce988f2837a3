// The task of a request: the kind of work that it asks for, as shares of belief over a fixed list. Pure, in line, no network.
import { type Features, featuresOf } from './features.ts'
import type { Prompt } from './prompt.ts'
import { modelScores } from './task-model.ts'
import { TASK_RULES } from './task-rules.ts'

export const TASKS = [
  'chat',
  'open_qa',
  'closed_qa',
  'reasoning',
  'code',
  'extraction',
  'classification',
  'summarisation',
  'rewriting',
  'translation',
  'creative',
  'tool_use',
  'other',
] as const
export type Task = (typeof TASKS)[number]

/** p(task | request), in the order of `TASKS`; sums to 1. */
export type TaskShares = readonly number[]

export type TaskGuess = {
  readonly task: Task
  readonly shares: TaskShares
}

/** What belief rests on when nothing is seen: most requests of no known kind are conversation. */
const START: { readonly [task in Task]?: number } = { chat: 0.9, open_qa: 0.6, other: 0.3 }

export function isTask(value: unknown): value is Task {
  return (TASKS as readonly unknown[]).includes(value)
}

/** The task that is believed most. */
export function mostBelieved(shares: TaskShares): Task {
  return TASKS[shares.indexOf(Math.max(...shares))] ?? 'other'
}

/** The task as the caller names it: no guess at all. */
export function declaredTask(task: Task): TaskGuess {
  return { task, shares: TASKS.map((each) => (each === task ? 1 : 0)) }
}

/** Scores of the wording, in the order of `TASKS`: see `modelScores`. */
type Wording = (prompt: Prompt) => readonly number[] | null

/** A score of 1 is worth that much evidence, in log-odds. Scores of new wordings are mostly near 0.3: about what a verb is worth. */
const WORDING_WEIGHT = 8

/** The task of a request by its form and its wording: evidence for each task is added up, and belief is its softmax. */
export function taskOf(prompt: Prompt, wording: Wording = modelScores): TaskGuess {
  return taskOfFeatures(featuresOf(prompt), wording)
}

/** As `taskOf`, for a caller that has the features at hand. */
export function taskOfFeatures(features: Features, wording: Wording = modelScores): TaskGuess {
  const evidence = ruleEvidence(features)
  const scores = wording(features.prompt)
  return guessOf(scores === null ? evidence : evidence.map((sum, task) => sum + WORDING_WEIGHT * scores[task]!))
}

/** Sum of the evidence, in log-odds, that the rules see for each task. */
function ruleEvidence(features: Features): number[] {
  const evidence = TASKS.map((task) => START[task] ?? 0)
  for (const rule of TASK_RULES) {
    if (!rule.holds(features)) continue
    for (const [task, weight] of rule.weights) evidence[TASKS.indexOf(task)]! += weight
  }
  return evidence
}

/** The most believed task, and the softmax of the evidence. */
function guessOf(evidence: readonly number[]): TaskGuess {
  const most = Math.max(...evidence)
  const shares = evidence.map((value) => Math.exp(value - most))
  const sum = shares.reduce((total, share) => total + share, 0)
  return { task: TASKS[evidence.indexOf(most)]!, shares: shares.map((share) => share / sum) }
}
