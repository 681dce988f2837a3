import { afterEach, describe, expect, test } from 'bun:test'
import { createServer, type Server } from 'node:net'
import type { AddressInfo } from 'node:net'
import { DEFAULT_CONFIG } from '../config/schema.ts'
import type { Provider } from '../core/model.ts'
import { realOutside } from './outside.ts'

const outside = realOutside(async () => {})
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

function serveHttp(fetch: (request: Request) => Response): number {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch })
  closing.push(() => void server.stop(true))
  return server.port ?? 0
}

function listenSilently(): Promise<number> {
  const server: Server = createServer((socket) => socket.end('hello'))
  closing.push(() => server.close())
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))
}

describe('a port', () => {
  test('with a gateway', async () => {
    const port = serveHttp(() => Response.json({ status: 'ok' }))
    expect(await outside.portState('0.0.0.0', port)).toEqual({ type: 'weir' })
  })

  test('with another web server', async () => {
    const port = serveHttp(() => new Response('welcome'))
    expect(await outside.portState('127.0.0.1', port)).toEqual({ type: 'taken' })
  })

  test('with something that is no web server', async () => {
    expect(await outside.portState('', await listenSilently())).toEqual({ type: 'taken' })
  })

  test('with nobody', async () => {
    const port = serveHttp(() => new Response(''))
    for (const close of closing.splice(0)) close()
    expect(await outside.portState('127.0.0.1', port)).toEqual({ type: 'free' })
  })

  test('that the system chooses is free', async () => {
    expect(await outside.portState('127.0.0.1', 0)).toEqual({ type: 'free' })
  })
})

describe('a probe', () => {
  const provider = (port: number, overrides: Partial<Provider> = {}): Provider => ({
    name: 'local',
    preset: 'openai-compatible',
    wire: 'openai',
    baseUrl: `http://127.0.0.1:${port}/v1`,
    credentials: [],
    auth: { type: 'bearer' },
    headers: {},
    quirks: {},
    timeouts: { connectMs: 1000, firstTokenMs: 1000, idleMs: 1000, totalMs: 1000 },
    proxy: null,
    ca: null,
    allowPrivate: true,
    settings: {},
    limits: { rpm: null, tpm: null },
    ...overrides,
  })

  test('asks for the models with the key', async () => {
    const seen: string[] = []
    const port = serveHttp((request) => {
      seen.push(`${request.method} ${new URL(request.url).pathname} ${request.headers.get('authorization')}`)
      return new Response('{}', { status: 401, headers: { date: 'Mon, 23 Nov 2026 12:00:00 GMT' } })
    })
    const result = await outside.probe(provider(port), { id: 'local#1', secret: 'k1' })
    expect(result).toMatchObject({ type: 'answered', status: 401, dateMs: Date.UTC(2026, 10, 23, 12) })
    expect(seen).toEqual(['GET /v1/models Bearer k1'])
  })

  test('presents a key in the query where the provider takes it there', async () => {
    const seen: string[] = []
    const port = serveHttp((request) => {
      seen.push(new URL(request.url).search)
      return new Response('{}')
    })
    const asked = provider(port, { auth: { type: 'query', parameter: 'key' }, quirks: { query: 'api-version=1' } })
    await outside.probe(asked, { id: 'local#1', secret: 'k 1' })
    expect(seen).toEqual(['?api-version=1&key=k%201'])
  })

  test('asks where the provider has its list', async () => {
    const seen: string[] = []
    const port = serveHttp((request) => {
      seen.push(new URL(request.url).pathname)
      return new Response('{}')
    })
    const asked = provider(port, { baseUrl: `http://127.0.0.1:${port}`, quirks: { modelsPath: '/api/tags' } })
    await outside.probe(asked, null)
    expect(seen).toEqual(['/api/tags'])
  })

  test('says why nobody answered', async () => {
    const port = serveHttp(() => new Response(''))
    for (const close of closing.splice(0)) close()
    expect(await outside.probe(provider(port), null)).toMatchObject({ type: 'failed' })
  })
})

test('without any provider the simulator is installed', () => {
  const installed = outside.install(DEFAULT_CONFIG, {})
  expect(installed.from).toBe('simulator')
  expect(installed.models.length).toBeGreaterThan(0)
})

test('what cannot be set up names its field', () => {
  let caught: unknown = null
  try {
    outside.install({ ...DEFAULT_CONFIG, providers: { nobody: {} } }, {})
  } catch (error) {
    caught = error
  }
  expect(caught).toMatchObject({ path: 'providers.nobody.preset' })
})

test('the limit of open files is a number where the system tells', () => {
  const limit = outside.maxOpenFiles()
  expect(limit === null || limit > 0).toBe(true)
})
