// The JSON API at `/user/api/`, and payments at `/user/topups`.
import { ERRORS, GatewayError } from '../core/error.ts'
import { isObject } from '../core/json.ts'
import { formatUsd } from '../core/money.ts'
import { ACCOUNT_ACTIONS } from './account-actions.ts'
import type { Action, UserTools } from './action.ts'
import { KEY_ACTIONS } from './key-actions.ts'
import { MONEY_ACTIONS } from './money-actions.ts'
import { checkForm, type Visit } from './session.ts'
import { isReading, PRIVATE, retryHeader, setSession, type SiteRequest } from './site-request.ts'
import { takeTopUp } from './topups.ts'

export const ACTIONS: readonly Action[] = [...ACCOUNT_ACTIONS, ...KEY_ACTIONS, ...MONEY_ACTIONS]

/** What a caller did wrong is told as JSON; what else goes wrong is thrown. */
export async function inJson(answer: () => Promise<Response>): Promise<Response> {
  try {
    return await answer()
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const { message, code, detail, status } = error
    const headers = { ...PRIVATE, ...retryHeader(error), ...detail.headers }
    const param = detail.param === undefined ? {} : { param: detail.param }
    return Response.json({ error: { code, message, hint: ERRORS[code].hint, ...param } }, { status, headers })
  }
}

export async function topUp({ request, readBody }: SiteRequest, tools: UserTools): Promise<Response> {
  if (request.method !== 'POST') throw wrongMethod(['POST'])
  const { credit, isNew } = await takeTopUp(request.headers, await readBody(), tools.settings().topupSecret, tools)
  const { id, userId, amountNanoUsd, reference } = credit
  const body = { id, user: userId, payment_id: reference, amount_usd: formatUsd(amountNanoUsd), is_new: isNew }
  return Response.json(body, { status: isNew ? 201 : 200, headers: PRIVATE })
}

/** @param path below `/user/api/` */
export async function callApi(path: string, site: SiteRequest, visit: Visit, tools: UserTools): Promise<Response> {
  const { request, readBody } = site
  const found = actionAt(request.method === 'HEAD' ? 'GET' : request.method, path)
  let fields: Readonly<Record<string, unknown>>
  if (isReading(request)) fields = Object.fromEntries(new URL(request.url).searchParams)
  else {
    // Pages of others can send forms here, and no JSON; and what belongs to a session needs its token.
    const sent = request.headers.get('content-type') ?? ''
    const body = await readBody()
    if (!/^application\/json\b/i.test(sent) && (body.length > 0 || !found.action.isOwn))
      throw new GatewayError('request_malformed', {
        message: 'The body must be sent as `content-type: application/json`.',
        param: 'content-type',
      })
    if (found.action.isOwn && visit.user !== null)
      checkForm(request, request.headers.get('x-csrf-token'), visit, tools.hash)
    fields = body.length === 0 ? {} : parseObject(body)
  }
  const reply = await found.action.run({ ...fields, ...found.parameters }, visit, tools)
  const headers = new Headers(PRIVATE)
  setSession(headers, request, reply, tools)
  return reply.body === null
    ? new Response(null, { status: reply.status ?? 204, headers })
    : Response.json(reply.body, { status: reply.status ?? 200, headers })
}

type Found = { readonly action: Action; readonly parameters: Readonly<Record<string, string>> }

/** Throws `not_found` or `method_not_allowed`. */
function actionAt(method: string, path: string): Found {
  const parts = path.split('/')
  const here = ACTIONS.flatMap((action): readonly Found[] => {
    const wanted = action.path.split('/')
    if (wanted.length !== parts.length) return []
    const isHere = wanted.every((part, place) => part === '{id}' || part === parts[place])
    const id = wanted.includes('{id}') ? (parts[wanted.indexOf('{id}')] ?? '') : null
    return isHere ? [{ action, parameters: id === null ? {} : { id } }] : []
  })
  if (here.length === 0) throw new GatewayError('not_found')
  const found = here.find(({ action }) => action.method === method)
  if (found === undefined) throw wrongMethod(here.map(({ action }) => action.method))
  return found
}

function wrongMethod(allow: readonly string[]): GatewayError {
  return new GatewayError('method_not_allowed', { headers: { allow: allow.join(', ') } })
}

function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    throw new GatewayError('request_malformed', { message: 'The body is not valid JSON.' }, error)
  }
  if (isObject(value)) return value
  throw new GatewayError('request_malformed', { message: 'The body must be a JSON object.' })
}
