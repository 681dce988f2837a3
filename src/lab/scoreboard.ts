// All scores of one scope chain: evidence by (scope, task, deployment), each scope's belief being the prior of the next narrower one.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
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
  withdraw,
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
  /** Takes back what was observed at `atMs`. */
  readonly withdraw: (
    chain: ScopeChain,
    deployment: string,
    shares: TaskShares,
    evidence: Evidence,
    atMs: number,
    nowMs: number,
  ) => void
  /** In the order of `TASKS`; observations are those of the scope that has most, all of which the belief rests on. */
  readonly scores: (chain: ScopeChain, deployment: string, nowMs: number) => readonly Score[]
  /** What is believed before any evidence may be another now. */
  readonly forgetPriors: () => void
  /** The deployment changed under its name: every scope believes less of what it knew. */
  readonly widen: (deployment: string) => void
  /** To be stored; `restore` takes them back. */
  readonly rows: () => readonly ScoreRow[]
  /** Rows that have changed since they were taken last. */
  readonly takeChanged: () => readonly ScoreRow[]
  /** They count as changed again: whoever took them could not store them. */
  readonly noteChanged: (rows: readonly Pick<ScoreRow, 'scope' | 'deployment'>[]) => void
  readonly restore: (stored: readonly ScoreRow[]) => void
}

/** Scores that were asked for are good for so long, unless evidence comes in: they fade by a millionth in a minute. */
const FRESH_MS = 10_000
/** Callers may invent names of models. */
const MOST_DEPLOYMENTS = 10_000
/** Chains end in keys, of which there may be any number. */
const MOST_CHAINS = 1_000

/** What was told of a deployment; `mark` is shared by all that was told of it, and stale once evidence has come in. */
type Told = { readonly atMs: number; readonly scores: readonly Score[]; readonly mark: Mark }
type Mark = { isStale: boolean }

/** Names of deployments and keys come from outside: beyond so many states nobody new gets one in its own scope. */
const MAX_STATES = 50_000
/** Shares of a task below this are noise, and would cost a row each. */
const MIN_SHARE = 0.05

export function createScoreboard(priorFor: (deployment: string, task: Task) => Prior | null): Scoreboard {
  /** By deployment, then by scope: a state for each task. */
  const states = new Map<string, Map<string, (ScoreState | undefined)[]>>()
  /** By chain, then by deployment. */
  const told = new LRUCache<string, Map<string, Told>>(atMost(MOST_CHAINS))
  const marks = new Map<string, Mark>()
  /** A plan asks for all of its targets with the same chain. */
  let last: { readonly chain: ScopeChain; readonly told: Map<string, Told> } | null = null
  let stateCount = 0
  /** Scopes that have changed, by deployment. */
  const changed = new Map<string, Set<string>>()
  /** Looked up once: finding a card is text work, and scores are asked for in line. */
  const priors = new LRUCache<string, readonly Prior[]>(atMost(MOST_DEPLOYMENTS))
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
  function change(
    chain: ScopeChain,
    deployment: string,
    shares: TaskShares,
    next: (state: ScoreState, share: number) => ScoreState,
  ): void {
    for (const scope of chain) {
      const tasks = statesOf(deployment, scope)
      shares.forEach((share, task) => {
        if (share < MIN_SHARE) return
        const state = tasks[task]
        if (state === undefined && ++stateCount > MAX_STATES) {
          stateCount--
          return
        }
        tasks[task] = next(state ?? NO_EVIDENCE, share)
      })
      noteChange(deployment, scope)
    }
  }
  function markOf(deployment: string): Mark {
    let mark = marks.get(deployment)
    if (mark === undefined) {
      if (marks.size >= MOST_DEPLOYMENTS) forgetTold()
      marks.set(deployment, (mark = { isStale: false }))
    }
    return mark
  }
  function spoil(deployment: string): void {
    const mark = marks.get(deployment)
    if (mark !== undefined) mark.isStale = true
    marks.delete(deployment)
  }
  function forgetTold(): void {
    told.clear()
    marks.clear()
    last = null
  }
  function toldIn(chain: ScopeChain): Map<string, Told> {
    if (last?.chain === chain) return last.told
    const name = chain.join(' ')
    let known = told.get(name)
    if (known === undefined) told.set(name, (known = new Map()))
    last = { chain, told: known }
    return known
  }
  function noteChange(deployment: string, scope: string): void {
    spoil(deployment)
    const scopes = changed.get(deployment)
    if (scopes === undefined) changed.set(deployment, new Set([scope]))
    else scopes.add(scope)
  }
  function rowsOf(deployment: string, scope: string): readonly ScoreRow[] {
    const tasks = states.get(deployment)?.get(scope) ?? []
    return tasks.flatMap((state, task) =>
      state === undefined ? [] : [{ scope, task: TASKS[task]!, deployment, state }],
    )
  }
  return {
    observe(chain, deployment, shares, evidence, nowMs) {
      change(chain, deployment, shares, (state, share) => observe(state, evidence, nowMs, share))
    },
    withdraw(chain, deployment, shares, evidence, atMs, nowMs) {
      change(chain, deployment, shares, (state, share) => withdraw(state, evidence, atMs, nowMs, share))
    },
    scores(chain, deployment, nowMs) {
      const ofChain = toldIn(chain)
      const known = ofChain.get(deployment)
      if (known !== undefined && !known.mark.isStale && nowMs >= known.atMs && nowMs - known.atMs < FRESH_MS)
        return known.scores
      const scopes = states.get(deployment)
      const scores = priorsOf(deployment).map((widest, position) => {
        let prior = widest
        let score: Score | null = null
        let observations = 0
        for (const scope of chain) {
          score = scoreOf(prior, scopes?.get(scope)?.[position] ?? NO_EVIDENCE, nowMs)
          observations = Math.max(observations, score.observations)
          prior = priorOf(score, prior)
        }
        return score === null ? scoreOf(prior, NO_EVIDENCE, nowMs) : { ...score, observations }
      })
      if (ofChain.size >= MOST_DEPLOYMENTS) ofChain.clear()
      ofChain.set(deployment, { atMs: nowMs, scores, mark: markOf(deployment) })
      return scores
    },
    forgetPriors() {
      priors.clear()
      forgetTold()
    },
    widen(deployment) {
      for (const [scope, tasks] of states.get(deployment) ?? []) {
        tasks.forEach((state, task) => {
          if (state !== undefined) tasks[task] = widened(state)
        })
        noteChange(deployment, scope)
      }
    },
    rows: () =>
      [...states].flatMap(([deployment, scopes]) => [...scopes.keys()].flatMap((scope) => rowsOf(deployment, scope))),
    takeChanged() {
      const rows = [...changed].flatMap(([deployment, scopes]) =>
        [...scopes].flatMap((scope) => rowsOf(deployment, scope)),
      )
      changed.clear()
      return rows
    },
    noteChanged(rows) {
      for (const { deployment, scope } of rows) noteChange(deployment, scope)
    },
    restore(stored) {
      for (const { scope, task, deployment, state } of stored) {
        spoil(deployment)
        const tasks = statesOf(deployment, scope)
        if (tasks[TASKS.indexOf(task)] === undefined) stateCount++
        tasks[TASKS.indexOf(task)] = state
      }
    },
  }
}
