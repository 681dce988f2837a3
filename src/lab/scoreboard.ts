// All scores of one scope chain: evidence by (scope, task, deployment), each scope's belief being the prior of the next narrower one.
import { LRUCache } from 'lru-cache'
import {
  type Evidence,
  IGNORANCE,
  NO_EVIDENCE,
  observe,
  type Prior,
  priorOf,
  type Score,
  scoreOf,
  type ScoreState,
  widened,
} from './score.ts'
import { type Task, TASKS, type TaskShares } from './task.ts'

/** Scopes from wide to narrow: `['gateway', 'team:team_7', 'key:key_42']`. */
export type ScopeChain = readonly string[]

/** The scopes that a key's requests tell of, and are judged by. */
export function scopeChainOf(keyId: string, teamId: string | null): ScopeChain {
  return teamId === null ? ['gateway', `key:${keyId}`] : ['gateway', `team:${teamId}`, `key:${keyId}`]
}

export type ScoreRow = {
  readonly scope: string
  readonly task: Task
  readonly deployment: string
  readonly state: ScoreState
}

export type Scoreboard = {
  /** Counts one piece of evidence in every scope of the chain, split over tasks by their shares. */
  readonly observe: (
    chain: ScopeChain,
    deployment: string,
    shares: TaskShares,
    evidence: Evidence,
    nowMs: number,
  ) => void
  /** In the order of `TASKS`. */
  readonly scores: (chain: ScopeChain, deployment: string, nowMs: number) => readonly Score[]
  /** The deployment changed under its name: every scope believes less of what it knew. */
  readonly widen: (deployment: string) => void
  /** To be stored; `load` takes them back. */
  readonly rows: () => readonly ScoreRow[]
}

/** Scores that were asked for are good for so long, unless evidence comes in: they fade by a millionth in a minute. */
const FRESH_MS = 10_000
/** Callers may invent names of models. */
const MOST_DEPLOYMENTS = 10_000
/** Chains end in keys, of which there may be any number. */
const MOST_FRESH = 1_000

/** Shares of a task below this are noise, and would cost a row each. */
const MIN_SHARE = 0.05

export function createScoreboard(
  priorFor: (deployment: string, task: Task) => Prior | null,
  stored: readonly ScoreRow[] = [],
): Scoreboard {
  /** By deployment, then by scope: a state for each task. */
  const states = new Map<string, Map<string, (ScoreState | undefined)[]>>()
  /** By deployment, then by chain. */
  const fresh = new LRUCache<string, Map<string, { readonly atMs: number; readonly scores: readonly Score[] }>>({
    max: MOST_DEPLOYMENTS,
  })
  /** Looked up once: finding a card is text work, and scores are asked for in line. */
  const priors = new LRUCache<string, readonly Prior[]>({ max: MOST_DEPLOYMENTS })
  const priorsOf = (deployment: string): readonly Prior[] => {
    let known = priors.get(deployment)
    if (known === undefined)
      priors.set(deployment, (known = TASKS.map((task) => priorFor(deployment, task) ?? IGNORANCE)))
    return known
  }
  const statesOf = (deployment: string, scope: string): (ScoreState | undefined)[] => {
    let scopes = states.get(deployment)
    if (scopes === undefined) states.set(deployment, (scopes = new Map()))
    let tasks = scopes.get(scope)
    if (tasks === undefined) scopes.set(scope, (tasks = []))
    return tasks
  }
  for (const { scope, task, deployment, state } of stored) statesOf(deployment, scope)[TASKS.indexOf(task)] = state
  return {
    observe(chain, deployment, shares, evidence, nowMs) {
      fresh.delete(deployment)
      for (const scope of chain) {
        const tasks = statesOf(deployment, scope)
        shares.forEach((share, task) => {
          if (share >= MIN_SHARE) tasks[task] = observe(tasks[task] ?? NO_EVIDENCE, evidence, nowMs, share)
        })
      }
    },
    scores(chain, deployment, nowMs) {
      let chains = fresh.get(deployment)
      if (chains === undefined) fresh.set(deployment, (chains = new Map()))
      const name = chain.join(' ')
      const known = chains.get(name)
      if (known !== undefined && nowMs >= known.atMs && nowMs - known.atMs < FRESH_MS) return known.scores
      const scopes = states.get(deployment)
      const scores = priorsOf(deployment).map((widest, position) => {
        let prior = widest
        let score: Score | null = null
        for (const scope of chain) {
          score = scoreOf(prior, scopes?.get(scope)?.[position] ?? NO_EVIDENCE, nowMs)
          prior = priorOf(score)
        }
        return score ?? scoreOf(prior, NO_EVIDENCE, nowMs)
      })
      if (chains.size >= MOST_FRESH) chains.clear()
      chains.set(name, { atMs: nowMs, scores })
      return scores
    },
    widen(deployment) {
      fresh.delete(deployment)
      for (const tasks of states.get(deployment)?.values() ?? [])
        tasks.forEach((state, task) => {
          if (state !== undefined) tasks[task] = widened(state)
        })
    },
    rows() {
      const rows: ScoreRow[] = []
      for (const [deployment, scopes] of states)
        for (const [scope, tasks] of scopes)
          tasks.forEach((state, task) => {
            if (state !== undefined) rows.push({ scope, task: TASKS[task]!, deployment, state })
          })
      return rows
    },
  }
}
