// The admin listener as one function from request to answer: who may, then whether the gateway is well, then the API.
//
// The API is loaded when it is first asked something: its routes and schemas take as much memory as all of the relay, and
// what monitors a gateway asks for its health and its metrics only.
import { GatewayError } from '../core/error.ts'
import { createAccess } from './access.ts'
import { errorResponse, toGatewayError } from './errors.ts'
import { type Admin, type AdminOptions, DESCRIPTION_PATH } from './options.ts'

type Probe = (options: AdminOptions) => Promise<Response> | Response

const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8'

const PROBES: ReadonlyMap<string, Probe> = new Map<string, Probe>([
  ['/healthz', () => Response.json({ status: 'up' })],
  [
    '/readyz',
    ({ ready }) =>
      ready() ? Response.json({ status: 'ready' }) : Response.json({ status: 'not ready' }, { status: 503 }),
  ],
  [
    '/metrics',
    async ({ metricsText }) => new Response(await metricsText(), { headers: { 'content-type': PROMETHEUS_TEXT } }),
  ],
])

/** Everything that the admin listener answers, over a store. */
export function createAdmin(options: AdminOptions): Admin {
  const { onInternalError, metricsOpen } = options
  const checkAccess = createAccess(options)
  // What is not named here asks for a token: also what does not exist, and what is added one day.
  const open = new Set(['/', '/healthz', '/readyz', DESCRIPTION_PATH, ...(metricsOpen ? ['/metrics'] : [])])
  let api: Promise<Admin> | null = null

  async function answer(request: Request, address: string | null): Promise<Response> {
    const path = new URL(request.url).pathname
    if (!open.has(path)) await checkAccess(request, address)
    const probe = PROBES.get(path.replace(/\/$/, ''))
    if (probe !== undefined) return answerProbe(probe, request, options)
    api ??= import('./api.ts').then(({ createAdminApi }) => createAdminApi(options))
    return (await api).fetch(request, { address })
  }

  return {
    async fetch(request, { address }) {
      const response = await answer(request, address).catch((error: unknown) =>
        errorResponse(toGatewayError(error, onInternalError)),
      )
      // Answers hold secrets and other people's spend: nobody on the way may keep or reinterpret them.
      response.headers.set('cache-control', 'no-store')
      response.headers.set('x-content-type-options', 'nosniff')
      return response
    },
  }
}

async function answerProbe(probe: Probe, { method }: Request, options: AdminOptions): Promise<Response> {
  switch (method) {
    case 'GET':
      return probe(options)
    case 'HEAD': {
      const { status, headers } = await probe(options)
      return new Response(null, { status, headers })
    }
    default:
      throw new GatewayError('method_not_allowed', { headers: { allow: 'GET' } })
  }
}
