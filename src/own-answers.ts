// What the gateway answers by itself on the data plane: models, one's own requests, health.
import { GatewayError } from './core/error.ts'
import type { Rates } from './core/model.ts'
import { formatUsd, timesMillionths } from './core/money.ts'
import { USAGE_UNITS } from './core/usage.ts'
import type { KeyOwner } from './core/user.ts'
import type { RequestRecord } from './core/ledger.ts'
import { bareModel } from './dialects/gemini.ts'
import { geminiModelJson, geminiModelList } from './dialects/gemini-models.ts'
import { anthropicModelJson, type ModelEntry, openaiModelJson } from './dialects/model-lists.ts'
import { secretOf } from './http/caller.ts'
import { modelAllowed, ownerModels } from './keys/permit.ts'
import type { KeyRing } from './keys/key-ring.ts'
import type { AddressOf } from './handle.ts'
import { listedModels } from './listed-models.ts'
import { usdPerUnit } from './models/listed-model.ts'
import type { Snapshot } from './snapshot.ts'
import type { KeyWithTeam, LedgerStore, RequestStore, ResponseStore } from './store/store.ts'

export type OwnAnswerTools = {
  readonly keyRing: KeyRing
  readonly requests: RequestStore
  readonly ledger: Pick<LedgerStore, 'getEntry'>
  readonly responses: ResponseStore
  readonly now: () => number
  readonly snapshot: Snapshot
  /** When this configuration was loaded, s since the epoch: OpenAI's clients expect a `created` of each model. */
  readonly createdS: number
}

/** Who calls. Throws as the path does. */
export async function callerOf(request: Request, addressOf: AddressOf, tools: OwnAnswerTools): Promise<KeyWithTeam> {
  return tools.keyRing.authenticate(secretOf(request), addressOf)
}

/** Anthropic's clients name the version of the API that they speak in each request; nobody else does. */
export function isAnthropicClient(request: Request): boolean {
  return request.headers.has('anthropic-version')
}

/** Google's clients put the key there and nowhere else; their newest versions call `/v1`, as everybody else does. */
export function isGeminiClient(request: Request): boolean {
  return request.headers.has('x-goog-api-key')
}

/** `GET /v1/models`: what this key may use. */
export async function listModels(request: Request, addressOf: AddressOf, tools: OwnAnswerTools): Promise<Response> {
  if (isGeminiClient(request)) return listGeminiModels(request, addressOf, tools)
  const caller = await callerOf(request, addressOf, tools)
  const models = usable(caller, tools)
  if (isAnthropicClient(request)) return Response.json(anthropicPage(models, request.url, tools.createdS))
  return Response.json({ object: 'list', data: models.map((model) => openaiModelJson(model, tools.createdS)) })
}

/** A page of models as Anthropic's API turns them: `after_id` or `before_id`, and `limit`. */
function anthropicPage(models: readonly ModelEntry[], url: string, createdS: number): object {
  const query = queryOf(url)
  const asked = Number(query.get('limit') ?? 20)
  const limit = Number.isInteger(asked) && asked >= 1 ? Math.min(asked, 1_000) : 20
  const placeOf = (name: string): number => {
    const id = query.get(name)
    return id === null ? -1 : models.findIndex((model) => model.id === id)
  }
  const before = placeOf('before_id')
  const from = before >= 0 ? Math.max(0, before - limit) : placeOf('after_id') + 1
  const to = before >= 0 ? before : from + limit
  const page = models.slice(from, to)
  return {
    data: page.map((model) => anthropicModelJson(model, createdS)),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: before >= 0 ? from > 0 : to < models.length,
  }
}

/** `GET /v1/models/{id}`; unknown and not allowed look alike. */
export async function showModel(
  request: Request,
  addressOf: AddressOf,
  name: string,
  tools: OwnAnswerTools,
): Promise<Response> {
  if (isGeminiClient(request)) return showGeminiModel(request, addressOf, name, tools)
  const found = findModel(name, await callerOf(request, addressOf, tools), tools)
  const bodyOf = isAnthropicClient(request) ? anthropicModelJson : openaiModelJson
  return Response.json(bodyOf(found, tools.createdS))
}

/** `GET /v1beta/models`, and `/v1/models` of Google's clients: the same, page by page. */
export async function listGeminiModels(
  request: Request,
  addressOf: AddressOf,
  tools: OwnAnswerTools,
): Promise<Response> {
  const caller = await callerOf(request, addressOf, tools)
  const query = queryOf(request.url)
  return Response.json(
    geminiModelList(usable(caller, tools), { size: query.get('pageSize'), token: query.get('pageToken') }),
  )
}

/** `GET /v1beta/models/{id}`. */
export async function showGeminiModel(
  request: Request,
  addressOf: AddressOf,
  name: string,
  tools: OwnAnswerTools,
): Promise<Response> {
  const caller = await callerOf(request, addressOf, tools)
  return Response.json(geminiModelJson(findModel(bareModel(name), caller, tools)))
}

function queryOf(url: string): URLSearchParams {
  return url.includes('?') ? new URLSearchParams(url.slice(url.indexOf('?'))) : new URLSearchParams()
}

/** Throws `model_unknown`, also for what this key may not use. */
function findModel(name: string, caller: KeyWithTeam, tools: OwnAnswerTools): ModelEntry {
  const models = usable(caller, tools)
  const found = models.find(({ id }) => id === name)
  if (found === undefined) {
    const nearest = tools.snapshot.catalogue.nearest(
      name,
      models.map(({ id }) => id),
    )
    throw new GatewayError('model_unknown', {
      message: `There is no model ${JSON.stringify(name.slice(0, 200))} for this key.${nearest.length > 0 ? ` Did you mean ${nearest.join(', ')}?` : ''}`,
      param: 'model',
    })
  }
  return found
}

function usable(caller: KeyWithTeam, { snapshot, now }: OwnAnswerTools): readonly ModelEntry[] {
  const shared = ownerModels(caller)
  const mayUse = (id: string): boolean => modelAllowed(caller.key.models, shared, [id])
  const { owner } = caller
  return listedModels(snapshot, now(), mayUse).map(({ rates, ...model }) => ({
    ...model,
    pricing: rates === null ? null : usdPerUnit(owner === undefined ? rates : soldRates(rates, owner)),
  }))
}

/** What a user pays for each unit. */
function soldRates(rates: Rates, { multiplierMillionths }: KeyOwner): Rates {
  return Object.fromEntries(
    USAGE_UNITS.flatMap((unit) => {
      const rate = rates[unit]
      return rate === undefined ? [] : [[unit, timesMillionths(rate, multiplierMillionths)]]
    }),
  )
}

/** `GET /v1/requests/{id}`: what became of a request, for the key that made it. */
export async function showRequest(
  request: Request,
  addressOf: AddressOf,
  id: string,
  tools: OwnAnswerTools,
): Promise<Response> {
  const { key } = await callerOf(request, addressOf, tools)
  const record = await tools.requests.getRequest(id)
  // Another key's request is as unknown as one that never was.
  if (record === null || record.dimensions.keyId !== key.id)
    throw new GatewayError('not_found', { message: 'This key has made no request of this id.' })
  if (key.userId === undefined) return Response.json(requestBody(record))
  // A user sees what the user paid, and not what it cost or saved the operator.
  const sale = (await tools.ledger.getEntry(id))?.sale
  return Response.json(requestBody({ ...record, costNanoUsd: sale?.chargedNanoUsd ?? null, savedNanoUsd: undefined }))
}

function requestBody(record: RequestRecord): object {
  const { costNanoUsd } = record
  return {
    id: record.id,
    object: 'weir.request',
    created_at: new Date(record.at).toISOString(),
    client_request_id: record.clientRequestId,
    model: record.dimensions.requestedModel,
    route: record.dimensions.route,
    target: record.target,
    path: record.path ?? null,
    stream: record.stream,
    status: record.status,
    error: record.errorCode,
    finish_reason: record.finishReason,
    duration_ms: Math.round(record.durationMs),
    ttft_ms: record.ttftMs === null ? null : Math.round(record.ttftMs),
    end_user: record.dimensions.endUser,
    tags: record.dimensions.tags,
    usage: record.usage,
    usage_source: record.usageSource,
    cost_usd: costNanoUsd === null ? null : formatUsd(costNanoUsd),
    cost_nano_usd: costNanoUsd === null ? null : costNanoUsd.toString(),
    saved_usd: record.savedNanoUsd === undefined ? null : formatUsd(record.savedNanoUsd),
    attempts: record.attempts.map((attempt) => ({
      target: attempt.target,
      outcome: attempt.outcome.type,
      status: attempt.status,
      duration_ms: Math.round(attempt.durationMs),
    })),
  }
}
