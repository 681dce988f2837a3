// Everything at `/user`: the JSON API below `/user/api/`, the pages with their forms, and the operator's shop at
// `/user/topups`.
import { ACCOUNT_ACTIONS } from './account-actions.ts'
import type { Action, Reply, UserTools } from './action.ts'
import { ERRORS, GatewayError } from '../core/error.ts'
import { isObject } from '../core/json.ts'
import { formatUsd } from '../core/money.ts'
import { homePage } from './home-page.ts'
import { KEY_ACTIONS } from './key-actions.ts'
import { MONEY_ACTIONS } from './money-actions.ts'
import { loginPage, type Markup, type Notice, type PageContext, registerPage } from './pages.ts'
import { checkForm, formToken, newVisitor, sessionCookie, type Visit, visitOf, visitorCookie } from './session.ts'
import { STYLE } from './style.ts'
import { takeTopUp } from './topups.ts'

const ACTIONS: readonly Action[] = [...ACCOUNT_ACTIONS, ...KEY_ACTIONS, ...MONEY_ACTIONS]

/** A form of a page: the action that it does, and what is said when it is done; null: nothing, and the page is opened anew. */
type Form = { readonly action: string; readonly said: ((reply: Readonly<Record<string, unknown>>) => Notice) | null }

const FORMS: Readonly<Record<string, Form>> = {
  login: { action: 'POST login', said: null },
  register: { action: 'POST register', said: null },
  logout: { action: 'POST logout', said: null },
  redeem: { action: 'POST redeem', said: () => ({ kind: 'good', text: 'The code was credited.' }) },
  keys: {
    action: 'POST keys',
    said: ({ name, secret }) => ({ kind: 'good', text: `Your key ${String(name)}:`, secret: String(secret) }),
  },
  revoke: { action: 'DELETE keys/{id}', said: () => ({ kind: 'good', text: 'The key works no more.' }) },
  invitations: {
    action: 'POST invitations',
    said: ({ code }) => ({ kind: 'good', text: 'Whoever has this code may register:', secret: String(code) }),
  },
  password: { action: 'POST password', said: () => ({ kind: 'good', text: 'The password is changed.' }) },
}

export type SiteRequest = {
  readonly request: Request
  /** Of the address, from its first slash. */
  readonly path: string
  readonly address: string | null
  /** Reads the body within bounds; call it once. */
  readonly readBody: () => Promise<Uint8Array>
}

export async function answerUser(site: SiteRequest, tools: UserTools): Promise<Response> {
  const rest = site.path.replace(/^\/user\/?/, '').replace(/\/$/, '')
  if (rest === 'style.css' && isReading(site.request)) return styleSheet()
  if (rest === 'topups') return inJson(() => topUp(site, tools))
  const visit = await visitOf(site.request, site.address, tools)
  if (rest.startsWith('api/')) return inJson(() => callApi(rest.slice('api/'.length), site, visit, tools))
  return isReading(site.request) ? openPage(rest, site, visit, tools) : submit(rest, site, visit, tools)
}

function isReading({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD'
}

// --- The JSON API.

async function inJson(answer: () => Promise<Response>): Promise<Response> {
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

async function topUp({ request, readBody }: SiteRequest, tools: UserTools): Promise<Response> {
  if (request.method !== 'POST') throw wrongMethod(['POST'])
  const { credit, isNew } = await takeTopUp(request.headers, await readBody(), tools.settings().topupSecret, tools)
  const { id, userId, amountNanoUsd, reference } = credit
  const body = { id, user: userId, payment_id: reference, amount_usd: formatUsd(amountNanoUsd), is_new: isNew }
  return Response.json(body, { status: isNew ? 201 : 200, headers: PRIVATE })
}

async function callApi(path: string, site: SiteRequest, visit: Visit, tools: UserTools): Promise<Response> {
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

// --- Pages and their forms.

async function openPage(rest: string, site: SiteRequest, visit: Visit, tools: UserTools): Promise<Response> {
  const { user } = visit
  switch (rest) {
    case '':
      return user === null ? elsewhere('/user/login') : page(site, visit, tools, { name: '', notice: null })
    case 'login':
    case 'register':
      return user === null ? page(site, visit, tools, { name: rest, notice: null }) : elsewhere('/user')
    default:
      return page(site, visit, tools, {
        name: user === null ? 'login' : '',
        notice: problem('There is no such page.'),
        status: 404,
      })
  }
}

async function submit(rest: string, site: SiteRequest, visit: Visit, tools: UserTools): Promise<Response> {
  const { request } = site
  const form = Object.hasOwn(FORMS, rest) ? FORMS[rest] : undefined
  const back = visit.user !== null ? '' : rest === 'register' ? 'register' : 'login'
  try {
    if (form === undefined || request.method !== 'POST') throw new GatewayError('not_found')
    const sent = new URLSearchParams(new TextDecoder().decode(await site.readBody()))
    checkForm(request, sent.get('csrf_token'), visit, tools.hash)
    // Browsers send what was left empty, too.
    const fields = Object.fromEntries([...sent].filter(([name, value]) => name !== 'csrf_token' && value !== ''))
    const [method = '', path = ''] = form.action.split(' ')
    const action = ACTIONS.find((one) => one.method === method && one.path === path)
    if (action === undefined) throw new Error(`the form ${rest} does nothing`)
    const reply = await action.run(fields, visit, tools)
    const goesOn = reply.session === undefined ? visit : { ...visit, secret: reply.session }
    const response =
      form.said === null
        ? elsewhere('/user')
        : await page(site, goesOn, tools, { name: '', notice: form.said(isObject(reply.body) ? reply.body : {}) })
    setSession(response.headers, request, reply, tools)
    return response
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const { message, status, code } = error
    const notice = problem(`${message} ${ERRORS[code].hint}`)
    return page(site, visit, tools, { name: back, notice, status, headers: retryHeader(error) })
  }
}

type Shown = {
  /** Empty: that of who is logged in. */
  readonly name: '' | 'login' | 'register'
  readonly notice: Notice | null
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

async function page({ request }: SiteRequest, visit: Visit, tools: UserTools, shown: Shown): Promise<Response> {
  const { user } = visit
  const visitor = visit.secret ?? newVisitor()
  const context: PageContext = {
    token: formToken(visitor, tools.hash),
    notice: shown.notice,
    settings: tools.settings(),
  }
  const headers = new Headers({ ...PAGE, ...shown.headers })
  if (visit.secret === null) headers.append('set-cookie', visitorCookie(request, visitor))
  const text = await markupOf()
  return new Response(String(text), { status: shown.status ?? 200, headers })

  function markupOf(): Markup | Promise<Markup> {
    if (user !== null) return homePage(user, context, tools)
    return shown.name === 'register'
      ? registerPage(context, new URL(request.url).searchParams.get('invitation') ?? '')
      : loginPage(context)
  }
}

function problem(text: string): Notice {
  return { kind: 'bad', text }
}

function setSession(headers: Headers, request: Request, { session }: Reply, { settings }: UserTools): void {
  if (session !== undefined) headers.append('set-cookie', sessionCookie(request, session, settings().sessionMs))
}

function retryHeader({ detail: { retryAfterMs } }: GatewayError): Readonly<Record<string, string>> {
  return retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }
}

function elsewhere(location: string): Response {
  return new Response(null, { status: 303, headers: { ...PRIVATE, location } })
}

function styleSheet(): Response {
  return new Response(STYLE, {
    headers: {
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'max-age=3600',
      'x-content-type-options': 'nosniff',
    },
  })
}

const PRIVATE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const
/** A page runs no script, loads nothing but its style, sends forms nowhere else, and stands in no frame. */
const PAGE = {
  ...PRIVATE,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'same-origin',
  'x-frame-options': 'DENY',
} as const
