// What planning must know of the world, from the folders that know it: abilities, prices, room, tasks.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { Call, RoutingOptions } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { Deployment, Rates } from '../core/model.ts'
import { NO_USAGE } from '../core/usage.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { type Prompt, promptOf } from '../lab/prompt.ts'
import { type Appraisal, appraise, type Knowledge } from '../lab/appraise.ts'
import { scopeChainOf } from '../lab/scoreboard.ts'
import { declaredTask, isTask, TASKS } from '../lab/task.ts'
import { costOf } from '../ledger/cost.ts'
import { estimateTokens, worstCase } from '../ledger/estimate.ts'
import { chatOf, laneTo, type MediaFacts, whyUnable } from '../routing/lane.ts'
import type { PlanTools } from '../routing/plan.ts'
import type { RequestFacts, RequestShape } from '../routing/request-facts.ts'
import { isKnownToSuit, type SuitedFacts, whyUnsuited } from '../routing/suited.ts'
import type { WishTools } from '../routing/wishes.ts'
import type { Snapshot } from '../snapshot.ts'
import type { KeyWithTeam } from '../store/store.ts'
import type { Engine } from './engine.ts'
import { qualityIn } from './quality.ts'
import { payerOf } from './spending.ts'

/** A request that wants a plan. */
export type Asked = {
  readonly call: Call
  readonly dialect: Dialect
  readonly caller: KeyWithTeam
  readonly headers: { get(name: string): string | null }
  readonly endUser: string | null
  readonly tags: readonly string[]
}

/** What planning needs of the engine. */
export type PlanEngine = Pick<
  Engine,
  | 'clock'
  | 'random'
  | 'healthOf'
  | 'planMemory'
  | 'expectedOutput'
  | 'scoreboard'
  | 'taskLearning'
  | 'training'
  | 'trials'
  | 'pressure'
  | 'exploration'
> & {
  readonly attemptTools: Pick<Engine['attemptTools'], 'wireOf' | 'estimateTokens'>
}

/** Why a target is left out of the plan under `unpriced: refuse`. */
export const NO_PRICE = 'has no price'
/** Of a prompt that a provider has in its cache, what is likely read from there: the end of it is new. */
const CACHED_SHARE = 0.9

export type Suits = {
  /** Why a deployment cannot do what the call asks for, or null when it may. */
  readonly whyNot: (deployment: Deployment, facts: Pick<RequestFacts, 'call' | 'dialect'>) => string | null
  readonly isKnownTo: (deployment: Deployment, facts: Pick<RequestFacts, 'call' | 'dialect'>) => boolean
}

export function suitsIn({ attemptTools: { wireOf, estimateTokens: count } }: PlanEngine): Suits {
  const suitedBy = (dialect: Dialect, { provider }: Deployment): SuitedFacts => ({
    dialect,
    wire: wireOf(provider),
    estimateTokens: count,
  })
  const whyNot: Suits['whyNot'] = (deployment, { call, dialect }) => {
    const facts = suitedBy(dialect, deployment)
    return whyUnable(deployment, facts.wire, { call, dialect }) ?? whyUnsuited(deployment, call, facts)
  }
  return {
    whyNot,
    isKnownTo: (deployment, facts) =>
      whyNot(deployment, facts) === null && isKnownToSuit(deployment, facts.call, suitedBy(facts.dialect, deployment)),
  }
}

export function planToolsIn(engine: PlanEngine, snapshot: Snapshot, suits: Suits): PlanTools {
  const { clock, planMemory, expectedOutput } = engine
  const { config, priceOf } = snapshot
  const ratesOf = recentRates(priceOf)
  // One for all: a plan works out as many costs as it has targets, and nobody keeps what they were worked out from.
  const usage = { ...NO_USAGE, requests: 1 }
  return {
    monotonicMs: () => clock.monotonicMs(),
    random: engine.random,
    healthOf: engine.healthOf,
    unable: (deployment, facts) =>
      suits.whyNot(deployment, facts) ??
      (config.unpriced === 'refuse' && priceOf(deployment.id, clock.now()) === null ? NO_PRICE : null),
    costOf(deployment, facts, isCached) {
      const rates = ratesOf(deployment.id, facts.now)
      if (rates === null) return null
      const tokens = facts.inputTokens()
      const expected = expectedOutput.of(deployment.id, facts.knownTask(), facts.call.facts.maxOutputTokens)
      usage.cacheRead = Math.floor(tokens * Math.max(isCached ? CACHED_SHARE : 0, expected.cachedShare))
      usage.input = tokens - usage.cacheRead
      usage.output = expected.tokens
      return costOf(usage, rates)
    },
    outputTokensOf: (deployment, { call, knownTask }) =>
      expectedOutput.of(deployment.id, knownTask(), call.facts.maxOutputTokens).tokens,
    ...qualityIn(engine, snapshot, { isDry: false }),
    drawOf: (name) => planMemory.nextDraw(name),
    idleMsOf: (id) => planMemory.idleMs(id),
    plannedOf: (id) => planMemory.planned(id),
  }
}

const RATES_MS = 1_000
const MAX_RATES = 10_000

/** Rates of a deployment, looked up once a second: a route of a hundred targets asks for a hundred at once. */
function recentRates(priceOf: Snapshot['priceOf']): (deploymentId: string, now: number) => Rates | null {
  const known = new LRUCache<string, { readonly at: number; readonly rates: Rates | null }>(atMost(MAX_RATES))
  return (deploymentId, now) => {
    const recent = known.peek(deploymentId)
    if (recent !== undefined && now - recent.at < RATES_MS && now >= recent.at) return recent.rates
    const rates = priceOf(deploymentId, now)?.rates ?? null
    known.set(deploymentId, { at: now, rates })
    return rates
  }
}

export function wishToolsIn({ attemptTools: { wireOf } }: PlanEngine, { config, priceOf }: Snapshot): WishTools {
  // Planning fetches nothing: what is named by address counts as it was sent.
  const media: MediaFacts = { maxBytes: config.media.maxSizeBytes, fetch: null }
  return {
    ratesOf: (deployment, { now }) => priceOf(deployment.id, now)?.rates ?? null,
    worstCostOf(deployment, { call, now, inputTokens }) {
      const rates = priceOf(deployment.id, now)?.rates
      if (rates === undefined) return null
      return worstCase({ inputTokens: inputTokens(), maxOutputTokens: call.facts.maxOutputTokens, rates }).costNanoUsd
    },
    lacks(deployment, { call, dialect }) {
      const refused = deployment.provider.quirks.refusedFields?.filter((field) => call.members.has(field)) ?? []
      if (refused.length > 0) return `does not take ${refused.join(', ')}`
      const lane = laneTo(deployment, wireOf(deployment.provider), { call, dialect, lossy: 'allow', media })
      if (lane.type !== 'translated' || lane.warnings.length === 0) return null
      return `would not be told all: ${lane.warnings.join(' ')}`
    },
  }
}

/** What was found out on the way. */
export type Memo = { task: string | null }

const NO_SHAPE: RequestShape = { tools: false, images: false, json: false }

/** What routing may ask of the request; what costs something to know is found out once, when it is asked for. */
export function requestFacts(
  { call, dialect, caller, headers, endUser, tags }: Asked,
  routing: RoutingOptions | null,
  now: number,
  memo: Memo,
  route: string,
  {
    scoreboard,
    taskLearning,
    training,
    pressure,
  }: Pick<PlanEngine, 'scoreboard' | 'taskLearning' | 'training' | 'pressure'>,
): RequestFacts {
  let tokens: number | null = null
  let prompt: Prompt | null | undefined
  let appraisal: Appraisal | null | undefined
  const promptNow = (): Prompt | null => (prompt === undefined ? (prompt = readPrompt(call, dialect)) : prompt)
  const appraisalNow = (): Appraisal | null => {
    if (appraisal === undefined) {
      const read = promptNow()
      appraisal = read === null ? null : appraised(read, caller, { scoreboard, taskLearning, training }, now, memo.task)
      memo.task ??= appraisal?.guess.task ?? NO_TASK
    }
    return appraisal
  }
  return {
    call,
    dialect,
    key: caller.key,
    team: caller.team,
    endUser,
    tags,
    headers,
    region: routing?.region ?? caller.key.metadata['region'] ?? null,
    now,
    inputTokens: () => (tokens ??= estimateTokens(call.text)),
    task: () => memo.task ?? appraisalNow()?.guess.task ?? NO_TASK,
    knownTask: () => memo.task,
    shape() {
      const read = promptNow()
      return read === null ? NO_SHAPE : { tools: read.tools > 0, images: read.images > 0, json: read.format !== 'text' }
    },
    qualityOf: (deploymentId) => appraisalNow()?.of(deploymentId).quality ?? null,
    tasks: () => sharesOf(appraisalNow()),
    pressure: () => pressure.on(payerOf({ endUser, tags, route }, caller)),
  }
}

/** Shares below this are noise. */
const LEAST_SHARE = 0.05

function sharesOf(appraisal: Appraisal | null): Readonly<Record<string, number>> {
  const shares: Record<string, number> = {}
  appraisal?.guess.shares.forEach((share, task) => {
    if (share >= LEAST_SHARE) shares[TASKS[task]!] = Math.round(share * 1_000) / 1_000
  })
  return shares
}

/** Of what is no chat. */
const NO_TASK = 'other'

/** `declared`: a task of ours, or a word of the caller's own, by which its routes may go. */
function appraised(
  prompt: Prompt,
  { key }: KeyWithTeam,
  { scoreboard, taskLearning, training }: Pick<PlanEngine, 'scoreboard' | 'taskLearning' | 'training'>,
  now: number,
  declared: string | null,
): Appraisal {
  const chain = scopeChainOf(key.id, key.teamId)
  const knowledge: Knowledge = {
    scoresOf: (deployment) => scoreboard.scores(chain, deployment, now),
    heads: training.heads,
    refine: (guess) => taskLearning.refine(guess, { keyId: key.id, teamId: key.teamId }, prompt.system),
  }
  return appraise(prompt, knowledge, isTask(declared) ? declaredTask(declared) : null)
}

/** Null where the request is no chat, or one that only its provider understands. */
function readPrompt(call: Call, { translator }: Dialect): Prompt | null {
  if (translator === undefined) return null
  try {
    return promptOf(chatOf(call, translator).request)
  } catch (error) {
    if (error instanceof GatewayError) return null
    throw error
  }
}
