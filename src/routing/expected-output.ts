// How long answers are and how much of their prompt was cached, by what was seen: for the expected cost of a request.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { Usage } from '../core/usage.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'

type Expected = {
  /** Tokens of an answer. */
  readonly tokens: number
  /** Share of a prompt that the deployment takes from its cache, 0–1. */
  readonly cachedShare: number
}

export interface ExpectedOutput {
  /** Of an answer to a task by a deployment; of at most `bound` tokens. */
  of(deploymentId: string, task: string | null, bound: number | null): Expected
  /** An answer is complete. */
  seen(deploymentId: string, task: string | null, usage: Usage): void
}

type Mean = { tokens: number; cachedShare: number; count: number }

/** Tokens of a usual answer, before any was seen. */
const USUAL_TOKENS = 300
const USUAL_TASK_TOKENS: Readonly<Record<string, number>> = {
  classification: 20,
  extraction: 150,
  closed_qa: 80,
  tool_use: 120,
  summarisation: 250,
  translation: 300,
  reasoning: 800,
  code: 700,
  creative: 800,
}
/** The usual counts as much as so many answers; beyond `MEMORY` answers, old ones fade. */
const PRIOR = 5
const MEMORY = 50
const MAX_DEPLOYMENTS = 10_000
/** Callers may invent words for tasks. */
const MAX_TASKS = 64

/** Means of one deployment: of all its answers, and by task. */
type Means = { readonly all: Mean; readonly byTask: Map<string, Mean> }

export function createExpectedOutput(): ExpectedOutput {
  const deployments = new LRUCache<string, Means>(atMost(MAX_DEPLOYMENTS))

  return {
    of(deploymentId, task, bound) {
      // A look is no use: what is asked for and never answers may be forgotten.
      const means = deployments.peek(deploymentId)
      const mean = (task === null ? undefined : means?.byTask.get(task)) ?? means?.all
      const usual = (task === null ? undefined : USUAL_TASK_TOKENS[task]) ?? USUAL_TOKENS
      const expected = mean === undefined ? usual : (usual * PRIOR + mean.tokens * mean.count) / (PRIOR + mean.count)
      return {
        tokens: Math.ceil(bound === null ? expected : Math.min(expected, bound)),
        cachedShare: means?.all.cachedShare ?? 0,
      }
    },
    seen(deploymentId, task, usage) {
      const input = inputTokens(usage)
      const cachedShare = input === 0 ? 0 : usage.cacheRead / input
      const tokens = outputTokens(usage)
      let means = deployments.get(deploymentId)
      if (means === undefined) deployments.set(deploymentId, (means = { all: newMean(), byTask: new Map() }))
      note(means.all, tokens, cachedShare)
      if (task === null) return
      let own = means.byTask.get(task)
      if (own === undefined) {
        if (means.byTask.size >= MAX_TASKS) return
        means.byTask.set(task, (own = newMean()))
      }
      note(own, tokens, cachedShare)
    },
  }
}

function newMean(): Mean {
  return { tokens: 0, cachedShare: 0, count: 0 }
}

function note(mean: Mean, tokens: number, cachedShare: number): void {
  mean.count = Math.min(mean.count + 1, MEMORY)
  mean.tokens += (tokens - mean.tokens) / mean.count
  mean.cachedShare += (cachedShare - mean.cachedShare) / mean.count
}
