// Routes and requests for tests of planning.
import type { RouteConfig } from '../config/schema-routes.ts'
import type { Call, CallFacts } from '../core/call.ts'
import type { JsonObject } from '../core/json.ts'
import { NO_MEMBERS } from '../core/json.ts'
import type { VirtualKey } from '../core/key.ts'
import { UNRESTRICTED_KEY } from '../core/key.ts'
import { NO_FACTS } from '../core/model-facts.ts'
import type { Provider } from '../core/model.ts'
import { openaiChat } from '../dialects/openai-chat.ts'
import { createCatalogue } from './catalogue.ts'
import type { CatalogueInput } from './catalogue.ts'
import type { RouteDefinition } from './build-routes.ts'
import { UNKNOWN_HEALTH } from './health-facts.ts'
import type { HealthFacts } from './health-facts.ts'
import { plan } from './plan.ts'
import type { Plan, PlanRequest, PlanTools } from './plan.ts'
import { type QualityRules, termsOf } from './quality-terms.ts'
import type { RequestFacts } from './request-facts.ts'
import type { Route } from './route.ts'

export function testProvider(name: string, more: Partial<Provider> = {}): Provider {
  return {
    name,
    preset: name,
    wire: 'openai',
    baseUrl: 'http://127.0.0.1:1',
    credentials: [],
    auth: { type: 'none' },
    headers: {},
    quirks: {},
    timeouts: { connectMs: 1, firstTokenMs: 2, idleMs: 3, totalMs: 4 },
    proxy: null,
    ca: null,
    allowPrivate: true,
    settings: {},
    limits: { rpm: null, tpm: null },
    ...more,
  }
}

type TargetInput = string | (Partial<RouteConfig['targets'][number]> & { readonly use: string })

export type RouteInput = Partial<Omit<RouteConfig, 'targets' | 'fallbacks' | 'byTask' | 'quality'>> & {
  readonly quality?: Partial<QualityRules>
  readonly targets?: readonly TargetInput[]
  readonly fallbacks?: readonly TargetInput[]
  readonly byTask?: Readonly<Record<string, string>>
}

function target(input: TargetInput): RouteConfig['targets'][number] {
  return typeof input === 'string' ? { use: input, weight: 1 } : { weight: 1, ...input }
}

export function routeDefinition(name: string, input: RouteInput): RouteDefinition {
  return {
    strategy: 'order',
    on: { contextLength: [], contentFilter: [], rateLimit: [], budget: [] },
    sticky: true,
    retries: 1,
    hedgeAfterMs: null,
    midstream: 'error',
    minTokensPerS: null,
    ...input,
    quality: input.quality === undefined ? null : { ...TEST_QUALITY, ...input.quality },
    name,
    targets: (input.targets ?? []).map(target),
    fallbacks: (input.fallbacks ?? []).map(target),
    byTask: Object.fromEntries(Object.entries(input.byTask ?? {}).map(([task, use]) => [task, target(use)])),
  }
}

/** What `auto` asks in tests. */
export const TEST_QUALITY: QualityRules = {
  floor: 0.8,
  baselineShare: null,
  strict: false,
  minObservations: 0,
  degrade: false,
  cascade: false,
  explore: { share: 0, shareOfSpend: 0.02, maxUsd: null },
}

/** A catalogue of providers `a` … `e` with the models `m` and `n` each, and one `closed` with `small`. */
export function testCatalogue(
  routes: Readonly<Record<string, RouteInput>> = {},
  more: Partial<CatalogueInput> = {},
): ReturnType<typeof createCatalogue> {
  const names = ['a', 'b', 'c', 'd', 'e']
  return createCatalogue({
    providers: [...names, 'closed'].map((name) => testProvider(name)),
    models: new Map([...names.map((name): [string, string[]] => [name, ['m', 'n']]), ['closed', ['small']]]),
    routes: Object.entries(routes).map(([name, input]) => routeDefinition(name, input)),
    aliases: {},
    factsOf: () => NO_FACTS,
    closed: new Set(['closed']),
    quality: TEST_QUALITY,
    reputationOf: () => null,
    ...more,
  })
}

/** The route `r` of some routes. */
export function testRoute(input: RouteInput, others: Readonly<Record<string, RouteInput>> = {}): Route {
  return testCatalogue({ ...others, r: input }).resolve('r')!
}

export const TEST_KEY: VirtualKey = { ...UNRESTRICTED_KEY, id: 'key_1', name: 'app' }

/** A chat of this body. */
export function testCall(body: JsonObject = {}, facts: Partial<CallFacts> = {}): Call {
  const whole: JsonObject = { model: 'r', messages: [{ role: 'user', content: 'hi' }], ...body }
  return {
    dialect: 'openai-chat',
    operation: 'chat',
    facts: { ...openaiChat.readFacts(whole), ...facts },
    text: JSON.stringify(whole),
    members: NO_MEMBERS,
    body: whole,
    headers: {},
    chat: null,
  }
}

export function testFacts(more: Partial<RequestFacts> = {}): RequestFacts {
  const task = more.task ?? (() => 'other')
  return {
    call: testCall(),
    dialect: openaiChat,
    key: TEST_KEY,
    team: null,
    endUser: null,
    tags: [],
    headers: new Headers(),
    region: null,
    now: 0,
    inputTokens: () => 100,
    task,
    knownTask: task,
    shape: () => ({ tools: false, images: false, json: false }),
    qualityOf: () => null,
    tasks: () => ({}),
    pressure: () => 0,
    ...more,
  }
}

export function testTools(
  health: Readonly<Record<string, Partial<HealthFacts>>> = {},
  more: Partial<PlanTools> = {},
): PlanTools {
  return {
    monotonicMs: () => 0,
    random: () => 0.5,
    healthOf: (id) => ({ ...UNKNOWN_HEALTH, ...health[id] }),
    unable: () => null,
    costOf: () => null,
    quality: termsOf(TEST_QUALITY, null),
    decide: () => {
      throw new Error('nobody asked for quality')
    },
    outputTokensOf: () => 100,
    drawOf: () => 0,
    idleMsOf: () => 0,
    plannedOf: () => 0,
    ...more,
  }
}

export function testPlan(route: Route, request: Partial<PlanRequest> = {}, tools: PlanTools = testTools()): Plan {
  return plan(
    { facts: testFacts(), route, conversation: null, preference: null, totalMs: 1_000, isDetailed: false, ...request },
    tools,
  )
}

/** The ids of a plan's targets in their order. */
export function idsOf(planned: Plan): string[] {
  return planned.targets.map(({ deployment }) => deployment.id)
}
