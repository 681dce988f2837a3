// What is learned of tasks while serving: the usual tasks of an application, and a tenant's corrections of our guesses. Plain data.
import { type Task, type TaskGuess, TASKS, type TaskShares } from './task.ts'

/**
 * Tasks of one application: requests with one key and one system message. Most traffic comes from a few templates, and what they ask for is
 * one kind of work, so the sum of many guesses is better than each.
 */
export type ApplicationTasks = { readonly weights: TaskShares }

/** Log-odds that a tenant's corrections add to each task. */
export type TaskBias = { readonly offsets: TaskShares }

export const NEW_APPLICATION: ApplicationTasks = { weights: TASKS.map(() => 0) }
export const NO_BIAS: TaskBias = { offsets: TASKS.map(() => 0) }

/** Past guesses that weigh as much as the request's own. */
const HALF_TRUST = 20
/** Old guesses give way, so that an application that changed is seen anew. */
const MAX_WEIGHT = 200
const LEARNING_RATE = 0.1
/** Corrections may outweigh a verb, and not all that is seen. */
const MAX_OFFSET = 4

export function rememberGuess({ weights }: ApplicationTasks, guess: TaskGuess): ApplicationTasks {
  const total = sumOf(weights) + 1
  const fit = total > MAX_WEIGHT ? MAX_WEIGHT / total : 1
  return { weights: weights.map((weight, task) => (weight + guess.shares[task]!) * fit) }
}

/** The request's own guess, drawn towards what its application usually asks for. */
export function withApplication(guess: TaskGuess, { weights }: ApplicationTasks): TaskGuess {
  const total = sumOf(weights)
  if (total === 0) return guess
  const trust = total / (total + HALF_TRUST)
  return guessOf(guess.shares.map((share, task) => (1 - trust) * share + (trust * weights[task]!) / total))
}

/** One correction, a step of logistic regression: the named task gains what its share fell short, the others lose what they had. */
export function learnTask({ offsets }: TaskBias, guess: TaskGuess, named: Task): TaskBias {
  return {
    offsets: offsets.map((offset, task) => {
      const target = TASKS[task] === named ? 1 : 0
      return Math.max(-MAX_OFFSET, Math.min(MAX_OFFSET, offset + LEARNING_RATE * (target - guess.shares[task]!)))
    }),
  }
}

export function withBias(guess: TaskGuess, { offsets }: TaskBias): TaskGuess {
  const weighed = guess.shares.map((share, task) => share * Math.exp(offsets[task]!))
  const total = sumOf(weighed)
  return guessOf(weighed.map((share) => share / total))
}

function guessOf(shares: TaskShares): TaskGuess {
  return { task: TASKS[shares.indexOf(Math.max(...shares))]!, shares }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
