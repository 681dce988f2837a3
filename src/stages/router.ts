// From a caller's model name to a plan: what the stage `plan` and whoever explains it have in common.
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import type { Deployment } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import { NO_USAGE } from '../core/usage.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { modelAllowed } from '../keys/permit.ts'
import { costOf } from '../ledger/cost.ts'
import { estimateTokens } from '../ledger/estimate.ts'
import { type Prompt, promptOf } from '../lab/prompt.ts'
import { taskOf } from '../lab/task.ts'
import { threadOf } from '../routing/conversation.ts'
import type { Thread } from '../routing/conversation.ts'
import { chatOf, whyUnable } from '../routing/lane.ts'
import { plan, planOnly } from '../routing/plan.ts'
import type { Plan, PlanTools, Preference } from '../routing/plan.ts'
import type { RequestFacts, RequestShape } from '../routing/request-facts.ts'
import type { Route } from '../routing/route.ts'
import { isKnownToSuit, type SuitedFacts, whyUnsuited } from '../routing/suited.ts'
import type { Snapshot } from '../snapshot.ts'
import type { KeyWithTeam } from '../store/store.ts'
import type { Engine } from './engine.ts'
import { unsuited } from './unsuited.ts'

/** A request that wants a plan. */
type Asked = {
  readonly call: Call
  readonly dialect: Dialect
  readonly caller: KeyWithTeam
  readonly headers: { get(name: string): string | null }
  readonly endUser: string | null
  readonly tags: readonly string[]
}

type Routed = {
  readonly route: Route
  readonly plan: Plan
  /** The conversation that is to be remembered; null: none. */
  readonly thread: Thread | null
  /** The kind of work; null where nobody had to know. */
  readonly task: string | null
}

interface Router {
  /** Throws `model_unknown`, `model_not_allowed` or `unpriced_model`. `isDry`: nothing is carried out, so nothing is remembered. `instead`: a route in place of the model that was asked for. */
  route(asked: Asked, how: { readonly isDry: boolean; readonly instead?: string }): Routed
}

/** Why a target is left out of the plan under `unpriced: refuse`. */
const NO_PRICE = 'has no price'
/** Of a prompt that a provider has in its cache, what is likely read from there: the end of it is new. */
const CACHED_SHARE = 0.9

export function createRouter(engine: Engine, snapshot: Snapshot): Router {
  const { clock, planMemory, healthOf } = engine
  const { catalogue, config } = snapshot
  const suits = suitsIn(engine)
  const unable = unableIn(engine, snapshot, suits)
  const tools: PlanTools = {
    monotonicMs: () => clock.monotonicMs(),
    random: engine.random,
    healthOf,
    unable,
    costOf: expectedCostIn(engine, snapshot),
    outputTokensOf: (deployment, { call }) =>
      engine.expectedOutput.tokens(deployment.id, null, call.facts.maxOutputTokens),
    drawOf: (name) => planMemory.nextDraw(name),
    idleMsOf: (id) => planMemory.idleMs(id),
  }
  const dryTools: PlanTools = { ...tools, drawOf: (name) => planMemory.peekDraw(name) }

  function resolve(name: string, { key, team }: KeyWithTeam): Route {
    const route = catalogue.resolve(name)
    if (route !== null) return route
    const usable = catalogue
      .list()
      .flatMap(({ id }) => (modelAllowed(key.models, team?.models ?? null, [id]) ? [id] : []))
    const nearest = catalogue.nearest(name, usable)
    throw new GatewayError('model_unknown', {
      message: `There is no model ${quoted(name)} here.${nearest.length > 0 ? ` Did you mean ${nearest.join(', ')}?` : ''}`,
      param: 'model',
    })
  }

  /** Throws where there is nobody to ask: `unpriced_model`, or `unsupported` with what is missing and who has it. */
  function served(planned: Plan, { call, dialect, caller: { key, team } }: Asked): Plan {
    const { targets, excluded, route } = planned
    if (targets.length > 0 || excluded.length === 0) return planned
    if (excluded.every(({ why }) => why === NO_PRICE))
      throw new GatewayError('unpriced_model', {
        message: `${route} has no price, and requests without a price are refused here.`,
        param: 'model',
      })
    if (excluded.some(({ deployment }) => suits.whyNot(deployment, { call, dialect }) !== null))
      throw unsuited(call, planned, {
        catalogue,
        allowed: (names) => modelAllowed(key.models, team?.models ?? null, names),
        suits: (deployment) => suits.isKnownTo(deployment, { call, dialect }),
      })
    return planned
  }

  return {
    route(asked, { isDry, instead }) {
      const { call, caller } = asked
      const route = resolve(instead ?? call.facts.model, caller)
      const barred = instead === undefined ? barredBy(route, call.facts.model, caller) : null
      const totalMs = totalOf(call, route, config.timeouts.totalMs)
      if (route.only !== null && !isDry) {
        const why = unable(route.only.deployment, asked)
        return { route, plan: served(planOnly(route, route.only, why, totalMs), asked), thread: null, task: null }
      }
      const memo: Memo = { task: null }
      const facts = factsOf(asked, clock.now(), memo)
      const thread = route.isSticky || route.strategy === 'weighted' ? threadOf(call, caller.key.id, null) : null
      const last = thread?.isKnown === true && route.isSticky ? planMemory.lastOf(thread.hash) : null
      const planned = plan(
        {
          facts,
          route,
          conversation: thread === null ? null : { ...thread, last },
          preference: barred,
          totalMs,
          isDetailed: isDry,
        },
        isDry ? dryTools : tools,
      )
      if (barred !== null && planned.targets.length === 0 && planned.excluded.every(({ why }) => why === NOT_ALLOWED))
        throw notAllowed(call.facts.model, caller)
      const [first] = planned.targets
      if (!isDry && first !== undefined) planMemory.asked(first.deployment.id)
      return {
        route,
        plan: isDry ? planned : served(planned, asked),
        thread: route.isSticky ? thread : null,
        task: memo.task,
      }
    },
  }
}

const NOT_ALLOWED = 'the key may not use it'

/**
 * Null: the key may use the name and so all that it stands for. A name that the operator did not define may stand for
 * deployments of which the key may use some. Throws `model_not_allowed`.
 */
function barredBy(route: Route, name: string, caller: KeyWithTeam): Preference | null {
  const { key, team } = caller
  const allowed = (names: readonly string[]): boolean => modelAllowed(key.models, team?.models ?? null, names)
  if (key.models === null && (team === null || team.models === null)) return null
  if (allowed(route.only === null ? [name] : [name, route.only.deployment.id])) return null
  if (route.isConfigured || route.only !== null) throw notAllowed(name, caller)
  return {
    strategy: null,
    barred: ({ id }) => (allowed([id]) ? null : NOT_ALLOWED),
    rankOf: null,
    fallbacks: null,
    isAlone: false,
  }
}

function notAllowed(name: string, { key }: KeyWithTeam): GatewayError {
  return new GatewayError('model_not_allowed', {
    message: `The key ${key.id} may not use ${quoted(name)}.`,
    param: 'model',
  })
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 200))
}

function totalOf(call: Call, route: Route, fallbackMs: number): number {
  const totalMs = route.totalMs ?? fallbackMs
  const asked = call.facts.options.timeoutMs
  return asked === null ? totalMs : Math.min(asked, totalMs)
}

function unableIn(engine: Engine, { config, priceOf }: Snapshot, suits: Suits): PlanTools['unable'] {
  const { providerRoom, clock } = engine
  return (deployment, facts) =>
    suits.whyNot(deployment, facts) ??
    (config.unpriced === 'refuse' && priceOf(deployment.id, clock.now()) === null ? NO_PRICE : null) ??
    providerRoom.whyFull(deployment.provider)
}

type Suits = {
  /** Why a deployment cannot do what the call asks for, or null when it may. */
  readonly whyNot: (deployment: Deployment, facts: Pick<RequestFacts, 'call' | 'dialect'>) => string | null
  readonly isKnownTo: (deployment: Deployment, facts: Pick<RequestFacts, 'call' | 'dialect'>) => boolean
}

function suitsIn({ attemptTools: { wireOf, estimateTokens: count } }: Engine): Suits {
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

function expectedCostIn({ expectedOutput }: Engine, { priceOf }: Snapshot): PlanTools['costOf'] {
  return (deployment: Deployment, facts: RequestFacts, isCached: boolean): NanoUsd | null => {
    const pricing = priceOf(deployment.id, facts.now)
    if (pricing === null) return null
    const tokens = facts.inputTokens()
    const share = Math.max(isCached ? CACHED_SHARE : 0, expectedOutput.cachedShare(deployment.id))
    const cacheRead = Math.floor(tokens * share)
    const output = expectedOutput.tokens(deployment.id, facts.knownTask(), facts.call.facts.maxOutputTokens)
    return costOf({ ...NO_USAGE, input: tokens - cacheRead, cacheRead, output, requests: 1 }, pricing.rates)
  }
}

type Memo = { task: string | null }

const NO_SHAPE: RequestShape = { tools: false, images: false, json: false }

/** What routing may ask of the request; what costs something to know is found out once, when it is asked for. */
function factsOf({ call, dialect, caller, headers, endUser, tags }: Asked, now: number, memo: Memo): RequestFacts {
  let tokens: number | null = null
  let prompt: Prompt | null | undefined
  const promptNow = (): Prompt | null => (prompt === undefined ? (prompt = readPrompt(call, dialect)) : prompt)
  return {
    call,
    dialect,
    key: caller.key,
    team: caller.team,
    endUser,
    tags,
    headers,
    region: headers.get('x-weir-region') ?? caller.key.metadata['region'] ?? null,
    now,
    inputTokens: () => (tokens ??= estimateTokens(call.text)),
    task() {
      return (memo.task ??= headers.get('x-weir-task') ?? guessedTask(promptNow()))
    },
    knownTask: () => memo.task,
    shape() {
      const read = promptNow()
      return read === null ? NO_SHAPE : { tools: read.tools > 0, images: read.images > 0, json: read.format !== 'text' }
    },
  }
}

function guessedTask(prompt: Prompt | null): string {
  return prompt === null ? 'other' : taskOf(prompt).task
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
