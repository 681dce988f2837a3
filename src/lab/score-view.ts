// Scores as they are shown: never a bare number, but with its interval, what it rests on and where that came from.
import { intervalOf } from '../core/quality.ts'
import type { Scoreboard, ScopeChain } from './scoreboard.ts'
import { type Task, TASKS } from './task.ts'

export type ShownScore = {
  readonly deployment: string
  readonly task: Task
  readonly mean: number
  /** The 90 % interval. */
  readonly low: number
  readonly high: number
  /** Pieces of evidence ever counted in the narrowest scope. */
  readonly observations: number
  /** What they weigh now. */
  readonly effective: number
  /** Share of the belief that rests on the wider scope, or on a benchmark card. */
  readonly priorShare: number
  /** Share of each kind of evidence in what was counted. */
  readonly sources: Readonly<Record<string, number>>
}

/** Of the narrowest scope of the chain: what has evidence of its own, and all tasks of the named deployments. Best first in each task. */
export function shownScores(
  scoreboard: Scoreboard,
  chain: ScopeChain,
  named: readonly string[],
  nowMs: number,
): readonly ShownScore[] {
  const scope = chain.at(-1)
  const rows = scoreboard.rows().filter((row) => row.scope === scope)
  const wanted = new Map<string, Set<Task>>(named.map((deployment) => [deployment, new Set(TASKS)]))
  for (const { deployment, task } of rows) wanted.set(deployment, (wanted.get(deployment) ?? new Set()).add(task))
  const sources = new Map(rows.map(({ deployment, task, state }) => [`${deployment} ${task}`, state.sources]))
  const shown = [...wanted].flatMap(([deployment, tasks]) => {
    const scores = scoreboard.scores(chain, deployment, nowMs)
    return [...tasks].map((task): ShownScore => {
      const score = scores[TASKS.indexOf(task)]!
      return {
        deployment,
        task,
        mean: score.mean,
        ...intervalOf(score),
        observations: score.observations,
        effective: score.own,
        priorShare: score.priorShare,
        sources: sharesOf(sources.get(`${deployment} ${task}`) ?? {}),
      }
    })
  })
  return shown.toSorted(
    (one, other) =>
      TASKS.indexOf(one.task) - TASKS.indexOf(other.task) ||
      other.mean - one.mean ||
      (one.deployment < other.deployment ? -1 : 1),
  )
}

function sharesOf(weights: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  return Object.fromEntries(
    Object.entries(weights)
      .toSorted(([, one], [, other]) => other - one)
      .map(([kind, weight]) => [kind, weight / total]),
  )
}
