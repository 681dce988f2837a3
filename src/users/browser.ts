// Pages at `/user` and their forms. A form does an action of the API, and the page says what came of it.
import { html } from 'hono/html'
import { ERRORS, GatewayError } from '../core/error.ts'
import { isObject } from '../core/json.ts'
import type { UserTools } from './action.ts'
import { homePage } from './home-page.ts'
import { ACTIONS } from './json-api.ts'
import { frame, loginPage, type Markup, type Notice, type PageContext, registerPage } from './pages.ts'
import { requestsPage } from './requests-page.ts'
import { checkForm, formToken, newVisitor, type Visit, visitorCookie } from './session.ts'
import { PRIVATE, retryHeader, setSession, type SiteRequest } from './site-request.ts'

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

/** A page by its name: what it shows, and to whom. Others are sent to where they belong. */
type Page = {
  readonly isOwn: boolean
  readonly show: (
    visit: Visit,
    query: URLSearchParams,
    context: PageContext,
    tools: UserTools,
  ) => Markup | Promise<Markup>
}

const HOME: Page = {
  isOwn: true,
  show: ({ user }, _, context, tools) => {
    if (user === null) throw new GatewayError('login_required')
    return homePage(user, context, tools)
  },
}
const LOGIN: Page = { isOwn: false, show: (_visit, _query, context) => loginPage(context) }
const REGISTER: Page = {
  isOwn: false,
  show: (_, query, context) => registerPage(context, query.get('invitation') ?? ''),
}
const REQUESTS: Page = {
  isOwn: true,
  show: ({ user }, query, context, tools) => {
    if (user === null) throw new GatewayError('login_required')
    return requestsPage(user, { key: query.get('key') ?? '', cursor: query.get('cursor') }, context, tools)
  },
}
const PAGES: Readonly<Record<string, Page>> = { '': HOME, login: LOGIN, register: REGISTER, requests: REQUESTS }

/** @param rest below `/user/`; empty: the page of who is logged in */
export async function openPage(rest: string, site: SiteRequest, visit: Visit, tools: UserTools): Promise<Response> {
  const page = Object.hasOwn(PAGES, rest) ? PAGES[rest] : undefined
  if (page !== undefined && page.isOwn !== (visit.user !== null)) return elsewhere(page.isOwn ? '/user/login' : '/user')
  try {
    if (page === undefined) throw new GatewayError('not_found', { message: 'There is no such page.' })
    return await shown(page, site, visit, tools, { notice: null })
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return shown(BROKEN, site, visit, tools, { ...toldOf(error), notice: { kind: 'bad', text: error.message } })
  }
}

/** Where a page cannot be shown, and its address is all there is. */
const BROKEN: Page = {
  isOwn: false,
  show: (_visit, _query, context) => frame('Nothing here', context, null, homeLink()),
}

function homeLink(): Markup {
  return html`<p><a href="/user">Your account</a></p>`
}

/** Does what a form asks for, and shows the page that it came from. */
export async function submit(rest: string, site: SiteRequest, visit: Visit, tools: UserTools): Promise<Response> {
  const { request } = site
  const form = Object.hasOwn(FORMS, rest) ? FORMS[rest] : undefined
  const back = visit.user !== null ? HOME : rest === 'register' ? REGISTER : LOGIN
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
        : await shown(HOME, site, goesOn, tools, { notice: form.said(isObject(reply.body) ? reply.body : {}) })
    setSession(response.headers, request, reply, tools)
    return response
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const text = `${error.message} ${ERRORS[error.code].hint}`
    return shown(back, site, visit, tools, { ...toldOf(error), notice: { kind: 'bad', text } })
  }
}

type Shown = {
  readonly notice: Notice | null
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

async function shown(
  page: Page,
  { request }: SiteRequest,
  visit: Visit,
  tools: UserTools,
  { notice, status = 200, headers: more }: Shown,
): Promise<Response> {
  const secret = visit.secret ?? newVisitor()
  const context: PageContext = { token: formToken(secret, tools.hash), notice, settings: tools.settings() }
  const headers = new Headers({ ...PAGE_HEADERS, ...more })
  if (visit.secret === null) headers.append('set-cookie', visitorCookie(request, secret))
  const markup = await page.show(visit, new URL(request.url).searchParams, context, tools)
  return new Response(String(markup), { status, headers })
}

function toldOf(error: GatewayError): Pick<Shown, 'status' | 'headers'> {
  return { status: error.status, headers: retryHeader(error) }
}

function elsewhere(location: string): Response {
  return new Response(null, { status: 303, headers: { ...PRIVATE, location } })
}

/** A page runs no script, loads nothing but its style, sends forms nowhere else, and stands in no frame. */
const PAGE_HEADERS = {
  ...PRIVATE,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'same-origin',
  'x-frame-options': 'DENY',
} as const
