// The endpoints that the gateway answers itself, and what it says where there is none.
import { responseOf } from './http/response.ts'
import { ownBatch } from './batches/own-batches.ts'
import type { OwnBatchTools } from './batches/own-batches.ts'
import { ownFile } from './batches/own-files.ts'
import { GatewayError } from './core/error.ts'
import { anthropicMessages } from './dialects/anthropic-messages.ts'
import type { Dialect } from './dialects/dialect.ts'
import { geminiLive } from './dialects/gemini-live.ts'
import { gemini } from './dialects/gemini.ts'
import { openaiChat } from './dialects/openai-chat.ts'
import { openaiRealtime } from './dialects/openai-realtime.ts'
import { handle } from './handle.ts'
import type { AddressOf, Stages } from './handle.ts'
import { clientRequestIdOf } from './http/caller.ts'
import type { Endpoint, Match } from './http/endpoints.ts'
import { errorResponse } from './http/error-response.ts'
import type { Budgets } from './limits/budgets.ts'
import type { Redactor } from './metrics/redact.ts'
import {
  isAnthropicClient,
  isGeminiClient,
  listGeminiModels,
  listModels,
  showGeminiModel,
  showModel,
  showRequest,
} from './own-answers.ts'
import { showBilling } from './own-billing.ts'
import { showBudget } from './own-budget.ts'
import { takeFeedback, takeWebhook } from './own-feedback.ts'
import type { FeedbackTools } from './own-feedback.ts'
import { ownResponse } from './own-responses.ts'
import type { OwnUsersTools, UserSite } from './own-users.ts'
import { pass } from './pass/pass.ts'
import type { PassTools } from './pass/pass.ts'
import { acceptRealtime } from './realtime/accept.ts'
import type { Session } from './realtime/session.ts'
import type { Snapshot } from './snapshot.ts'
import type { Engine } from './stages/engine.ts'

export type OwnTools = OwnBatchTools & FeedbackTools & { readonly budgets: Budgets }

/** What a reload of the configuration puts in the place of what there was. */
export type Current = {
  readonly snapshot: Snapshot
  readonly stages: Stages
  readonly own: OwnTools
  readonly pass: PassTools
}

export type OwnEndpointsOptions = {
  readonly engine: Engine
  readonly current: () => Current
  /** Rejects where the store cannot be used. */
  readonly ping: () => Promise<void>
  readonly redact: Redactor
  /** Sessions that are open. */
  readonly sessions: Set<Session>
  readonly users: OwnUsersTools
}

/** Answers whatever is no request to a provider; never rejects. */
export type OwnEndpoints = (request: Request, match: Match, path: string, addressOf: AddressOf) => Promise<Response>

export function createOwnEndpoints(options: OwnEndpointsOptions): OwnEndpoints {
  const { engine, current, ping, redact, sessions, users } = options
  let userSite: Promise<UserSite> | null = null

  async function own(endpoint: Endpoint, request: Request, parameter: string, addressOf: AddressOf): Promise<Response> {
    const { snapshot, stages, own: tools, pass: passTools } = current()
    switch (endpoint.kind) {
      case 'relay':
      case 'addressed':
        return responseOf(await handle(request, endpoint, addressOf, stages))
      case 'models_v1beta':
        return listGeminiModels(request, addressOf, tools)
      case 'model_v1beta':
        return showGeminiModel(request, addressOf, parameter, tools)
      case 'models':
        return listModels(request, addressOf, tools)
      case 'model':
        return showModel(request, addressOf, parameter, tools)
      case 'request':
        return showRequest(request, addressOf, parameter, tools)
      case 'budget':
        return showBudget(request, addressOf, tools)
      case 'billing_subscription':
        return showBilling('subscription', request, addressOf, tools)
      case 'billing_usage':
        return showBilling('usage', request, addressOf, tools)
      case 'feedback':
        return takeFeedback(request, addressOf, tools)
      case 'feedback_webhook':
        return takeWebhook(request, addressOf, parameter, tools)
      case 'response':
        return ownResponse('retrieve', request, addressOf, parameter, tools)
      case 'response_delete':
        return ownResponse('delete', request, addressOf, parameter, tools)
      case 'response_cancel':
        return ownResponse('cancel', request, addressOf, parameter, tools)
      case 'response_input_items':
        return ownResponse('input_items', request, addressOf, parameter, tools)
      case 'realtime':
        return acceptRealtime(request, openaiRealtime, addressOf, { engine, snapshot, stages, sessions })
      case 'live':
        return acceptRealtime(request, geminiLive, addressOf, { engine, snapshot, stages, sessions })
      case 'pass':
        return pass(request, dialectOf(request, ''), addressOf, passTools)
      case 'file_upload':
      case 'files':
      case 'file':
      case 'file_content':
      case 'file_delete':
        return ownFile(endpoint.kind, request, addressOf, parameter, tools)
      case 'batch_create':
      case 'batches':
      case 'batch':
      case 'batch_cancel':
        return ownBatch(endpoint.kind, request, addressOf, parameter, tools)
      case 'user':
        return ownUser(request, addressOf)
      case 'health':
        return Response.json({ status: 'ok' })
      case 'ready':
        return ready()
    }
  }

  async function ownUser(request: Request, addressOf: AddressOf): Promise<Response> {
    const path = pathOf(request.url)
    if (!current().snapshot.config.users.enabled) throw nothingAt(path)
    // Most gateways have no users: what serves them is read when the first one comes.
    userSite ??= import('./own-users.ts').then(({ createUserSite }) => createUserSite(users))
    return (await userSite)(request, path, addressOf)
  }

  async function ready(): Promise<Response> {
    if (engine.load.draining) return Response.json({ status: 'draining' }, { status: 503 })
    try {
      await ping()
    } catch {
      return Response.json({ status: 'store_unavailable' }, { status: 503 })
    }
    return Response.json({ status: 'ready' })
  }

  async function answered(request: Request, match: Match, path: string, addressOf: AddressOf): Promise<Response> {
    try {
      switch (match.type) {
        case 'found':
          return await own(match.endpoint, request, match.parameter, addressOf)
        case 'options':
          return new Response(null, { status: 204, headers: { allow: match.allow.join(', ') } })
        case 'wrong_method':
          throw new GatewayError('method_not_allowed', {
            message: `${path.slice(0, 200)} takes ${match.allow.join(', ')}.`,
            headers: { allow: match.allow.join(', ') },
          })
        case 'none':
          throw nothingAt(path)
      }
    } catch (error) {
      const known = error instanceof GatewayError ? error : new GatewayError('internal', {}, error)
      const id = engine.newId()
      if (!(error instanceof GatewayError)) engine.log.error('internal', { request: id, error: String(error) })
      const dialect = dialectOf(request, path)
      return errorResponse(known, dialect, id, clientRequestIdOf(request.headers, redact), redact)
    }
  }

  return async (request, match, path, addressOf) => {
    const response = await answered(request, match, path, addressOf)
    if (request.method !== 'HEAD') return response
    const { byteLength } = await response.arrayBuffer()
    response.headers.set('content-length', String(byteLength))
    return new Response(null, response)
  }
}

function nothingAt(path: string): GatewayError {
  return new GatewayError('not_found', { message: `There is nothing at ${path.slice(0, 200)}.` })
}

/** In whose shape an error is told that comes before any exchange. */
function dialectOf(request: Request, path: string): Dialect {
  if (path.startsWith('/v1beta/') || isGeminiClient(request)) return gemini
  return isAnthropicClient(request) ? anthropicMessages : openaiChat
}

/** `http://host/path?query` → `/path`, without the cost of a URL object. */
export function pathOf(url: string): string {
  // Without a `host` that makes sense (HTTP/1.0 needs none) there is only the path.
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
  if (start < 0) return '/'
  const query = url.indexOf('?', start)
  return query < 0 ? url.slice(start) : url.slice(start, query)
}
