// The planner over a logged request: what it is told of the world in place of what a running gateway would know.
import type { Call } from '../core/call.ts'
import { NO_MEMBERS } from '../core/json.ts'
import type { ExpectedQuality } from '../core/quality.ts'
import { inputTokens, type Usage } from '../core/usage.ts'
import { DIALECTS } from '../http/endpoints.ts'
import { modelAllowed, ownerModels } from '../keys/permit.ts'
import { chancesOf, decide } from '../lab/policy.ts'
import { expectedQuality } from '../lab/quality.ts'
import { type Scoreboard, scopeChainOf } from '../lab/scoreboard.ts'
import { TASKS, type TaskShares } from '../lab/task.ts'
import { costOf } from '../ledger/cost.ts'
import { UNKNOWN_HEALTH } from '../routing/health-facts.ts'
import { plan, type Plan, type PlanTools } from '../routing/plan.ts'
import { termsOf } from '../routing/quality-terms.ts'
import type { RequestFacts } from '../routing/request-facts.ts'
import type { Snapshot } from '../snapshot.ts'
import type { LoggedRequest } from './logged.ts'

export type ReplayWorld = {
  readonly snapshot: Snapshot
  readonly scoreboard: Scoreboard
  /** What is believed is believed now, whenever the request came. */
  readonly now: number
  /** The kinds of work of a request of which nothing is on record. */
  readonly usualShares: TaskShares
  readonly meanOutputs: ReadonlyMap<string, number>
}

/** What would have become of a request. */
export type Replayed =
  | {
      readonly type: 'routed'
      /** The chance of each deployment to be asked first. */
      readonly chances: ReadonlyMap<string, number>
      readonly plan: Plan
      /** Null: it has no price. */
      readonly costOf: (deploymentId: string) => number | null
      readonly qualityOf: (deploymentId: string) => ExpectedQuality
    }
  | { readonly type: 'unrouted'; readonly why: string }

/** A model's answer is no more than that many times as long as another's, whatever few answers say. */
const MOST_TIMES_LONGER = 10

/** Gives what plans requests one after the other; weighted draws go on from one to the next. */
export function createReplayer(world: ReplayWorld): (request: LoggedRequest) => Replayed {
  const { snapshot, scoreboard, now, usualShares, meanOutputs } = world
  const { catalogue, config, priceOf } = snapshot
  const draws = new Map<string, number>()
  const quality = termsOf(config.routing.quality, null)

  return (request) => {
    const { record, key, team, usage, target } = request
    const { requestedModel, dialect: dialectId } = record.dimensions
    const dialect = [...DIALECTS.values()].find(({ id }) => id === dialectId)
    const route = catalogue.resolve(requestedModel)
    if (route === null) return { type: 'unrouted', why: `ask for ${requestedModel}, which is no name in the policy` }
    if (dialect === undefined) return { type: 'unrouted', why: `came in ${dialectId}, which is no dialect any more` }
    const chain = scopeChainOf(key.id, key.teamId)
    const shares = request.shares ?? usualShares
    const qualityOf = (id: string): ExpectedQuality => expectedQuality(shares, scoreboard.scores(chain, id, now), null)
    const costAt = (id: string): number | null => {
      const pricing = priceOf(id, record.at)
      if (pricing === null) return null
      return Number(costOf(id === target ? usage : usageAt(id, request, meanOutputs), pricing.rates))
    }
    let chances: ReadonlyMap<string, number> | null = null
    const tools: PlanTools = {
      monotonicMs: () => 0,
      random: () => 0.5,
      healthOf: () => UNKNOWN_HEALTH,
      unable: (deployment) => whyUnable(deployment.facts, usage),
      costOf: ({ id }) => {
        const cost = costAt(id)
        return cost === null ? null : BigInt(Math.round(cost))
      },
      outputTokensOf: ({ id }) => usageAt(id, request, meanOutputs).output,
      quality,
      decide(candidates, { route: name, terms, baseline, isFree }, facts) {
        const situation = { baseline, pressurePerUsd: 0, explorationLeftNanoUsd: Number.POSITIVE_INFINITY }
        // Where the floor only filters the strategy chooses, and a route within the route only says who is compared.
        if (isFree && name === route.name) chances ??= chancesOf(candidates, terms, situation)
        return { ...decide(candidates, terms, { ...situation, draw: 1 }), pressurePerUsd: 0, tasks: facts.tasks() }
      },
      drawOf(name) {
        const draw = draws.get(name) ?? GOLDEN / 2
        draws.set(name, (draw + GOLDEN) % 1)
        return draw
      },
      idleMsOf: () => 0,
      plannedOf: () => 0,
    }
    const planned = plan(
      {
        facts: factsOf(request, { dialect, shares, qualityOf: (id) => qualityOf(id) }),
        route,
        conversation: null,
        preference: preferenceOf(requestedModel, key.models, ownerModels({ team })),
        totalMs: config.timeouts.totalMs,
        isDetailed: true,
      },
      tools,
    )
    const first = planned.targets[0]?.deployment.id
    if (first === undefined) return { type: 'unrouted', why: `find nobody in ${route.name} who may answer` }
    return {
      type: 'routed',
      chances: chances ?? new Map([[first, 1]]),
      plan: planned,
      costOf: costAt,
      qualityOf,
    }
  }
}

/** Steps of the golden ratio are the evenest way to go round. */
const GOLDEN = 0.618_033_988_749_894_9

/** What is known of a logged request without its words. */
function factsOf(
  { record, key, team, usage }: LoggedRequest,
  known: Pick<RequestFacts, 'dialect' | 'qualityOf'> & { readonly shares: TaskShares },
): RequestFacts {
  const { dimensions, at, stream } = record
  const task = TASKS[known.shares.indexOf(Math.max(...known.shares))]!
  const call: Call = {
    dialect: known.dialect.id,
    operation: 'chat',
    facts: {
      model: dimensions.requestedModel,
      stream,
      wantsStreamUsage: false,
      maxOutputTokens: null,
      endUser: dimensions.endUser,
      options: {
        tags: dimensions.tags,
        timeoutMs: null,
        maxCostNanoUsd: null,
        isTraced: false,
        cache: null,
        routing: null,
      },
    },
    text: '',
    members: NO_MEMBERS,
    body: {},
    headers: {},
    chat: null,
  }
  return {
    call,
    dialect: known.dialect,
    key,
    team,
    endUser: dimensions.endUser,
    tags: dimensions.tags,
    headers: NO_HEADERS,
    region: key.metadata['region'] ?? null,
    now: at,
    inputTokens: () => inputTokens(usage),
    task: () => task,
    knownTask: () => task,
    shape: () => NO_SHAPE,
    qualityOf: known.qualityOf,
    tasks: () => ({}),
    pressure: () => 0,
  }
}

const NO_HEADERS: RequestFacts['headers'] = { get: () => null }
const NO_SHAPE = { tools: false, images: false, json: false }

function whyUnable(
  { kind, contextTokens }: Plan['targets'][number]['deployment']['facts'],
  usage: Usage,
): string | null {
  if (kind !== null && kind !== 'chat') return `is a model for ${kind}`
  const tokens = inputTokens(usage)
  if (contextTokens !== null && tokens > contextTokens) return `takes ${contextTokens} tokens, and there were ${tokens}`
  return null
}

/** A key may use the name, or some of the deployments behind it. */
function preferenceOf(name: string, models: readonly string[] | null, shared: readonly string[] | null) {
  if ((models === null && shared === null) || modelAllowed(models, shared, [name])) return null
  return {
    strategy: null,
    barred: ({ id }: { readonly id: string }) => (modelAllowed(models, shared, [id]) ? null : 'the key may not use it'),
    floor: null,
    rankOf: null,
    fallbacks: null,
    isAlone: false,
  }
}

/** The same input; an output as much longer or shorter as that deployment's answers usually are. */
function usageAt(id: string, { target, usage }: LoggedRequest, meanOutputs: ReadonlyMap<string, number>): Usage {
  const own = meanOutputs.get(id)
  const logged = meanOutputs.get(target)
  if (own === undefined || logged === undefined) return usage
  const times = Math.min(MOST_TIMES_LONGER, Math.max(1 / MOST_TIMES_LONGER, own / logged))
  return { ...usage, output: Math.round(usage.output * times), reasoning: Math.round(usage.reasoning * times) }
}
