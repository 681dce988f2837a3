import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { GatewayError } from '../core/error.ts'
import { createHasher } from '../keys/secret.ts'
import { openTestAdmin, type TestAdmin } from './testing.ts'

let admin: TestAdmin
beforeEach(async () => {
  admin = await openTestAdmin()
})
afterEach(() => admin.store.close())

describe('who may', () => {
  test.each([
    'GET /admin/keys',
    'POST /admin/keys',
    'GET /admin/keys/key_1',
    'GET /admin/teams',
    'GET /admin/tokens',
    'GET /admin/requests',
    'GET /admin/reports/spend',
    'GET /admin/reports/statement',
    'GET /admin/reports/forecast',
    'GET /admin/config',
    'POST /admin/config/reload',
    'GET /admin/health',
    'GET /admin/prices',
    'GET /admin/models',
    'GET /admin/nothing',
    'GET /metrics',
    'GET /metrics/',
    'GET /%6Detrics',
    'GET //admin/keys',
  ])('%s asks for a token', async (line) => {
    const { status, headers, json } = await admin.call(line, { token: null })
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toBe('Bearer')
    expect(json).toEqual({
      error: {
        code: 'unauthorized',
        message: 'The admin token is missing or wrong.',
        hint: 'Send `Authorization: Bearer <admin token>`; `weir admin token` makes a new one.',
      },
    })
  })

  test.each(['GET /', 'GET /healthz', 'GET /readyz', 'GET /admin/openapi.json', 'HEAD /healthz'])(
    '%s is open',
    async (line) => expect((await admin.call(line, { token: null })).status).toBe(200),
  )

  test.each(['Basic abc', 'Bearer', 'Bearer a b', ''])('%p is no bearer token', async (authorization) => {
    expect((await admin.call('GET /admin/keys', { token: null, headers: { authorization } })).status).toBe(401)
  })

  test('the scheme may be written in any case', async () => {
    const headers = { authorization: `bearer ${admin.adminToken}` }
    expect((await admin.call('GET /admin/keys', { token: null, headers })).status).toBe(200)
  })

  test('a virtual key is no admin token', async () => {
    const { json } = await admin.call('POST /admin/keys', { body: { name: 'app' } })
    expect((await admin.call('GET /admin/keys', { token: String(json['secret']) })).status).toBe(401)
  })

  test('a viewer may read, and nothing else', async () => {
    const token = admin.viewerToken
    expect((await admin.call('GET /admin/keys', { token })).status).toBe(200)
    expect((await admin.call('HEAD /admin/keys', { token })).status).toBe(200)
    for (const line of [
      'POST /admin/keys',
      'PATCH /admin/keys/x',
      'DELETE /admin/keys/x',
      'POST /admin/config/reload',
    ]) {
      const { status, json } = await admin.call(line, { token })
      expect([line, status, json['error']]).toMatchObject([line, 403, { code: 'forbidden' }])
    }
  })

  test('the operator’s own token is an admin without being in the store', async () => {
    await using own = await openOther({ operatorTokenHash: createHasher(new Uint8Array(32))('correct horse') })
    expect((await own.call('POST /admin/keys', { token: 'correct horse', body: { name: 'a' } })).status).toBe(401)
    await using other = await openOther({ operatorTokenHash: createHasher(new Uint8Array(32))('correct-horse') })
    expect((await other.call('POST /admin/keys', { token: 'correct-horse', body: { name: 'a' } })).status).toBe(201)
    expect((await other.call('GET /admin/keys', { token: 'wrong-horse' })).status).toBe(401)
  })

  test('the eleventh failed log-in of a minute is told to wait, and so is a right token from there', async () => {
    const guess = (address: string) => admin.call('GET /admin/keys', { token: 'guess', address })
    for (let failure = 0; failure < 10; failure++) expect((await guess('192.0.2.1')).status).toBe(401)
    const refused = await guess('192.0.2.1')
    expect([refused.status, refused.json['error']]).toMatchObject([429, { code: 'rate_limited' }])
    expect(refused.headers.get('retry-after')).toBe('60')
    expect((await admin.call('GET /admin/keys')).status).toBe(429)
    expect((await guess('198.51.100.1')).status).toBe(401)
    admin.time.now += 60_000
    expect((await admin.call('GET /admin/keys')).status).toBe(200)
  })

  test('many guesses at once learn no more than ten answers', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const token = index === 39 ? admin.adminToken : `guess-${index}`
        return (await admin.call('GET /admin/keys', { token })).status
      }),
    )
    expect(statuses.filter((status) => status === 401).length).toBe(10)
    expect(statuses.at(-1)).toBe(429)
  })
})

describe('shape', () => {
  test('answers are not cached and not sniffed', async () => {
    for (const line of ['GET /admin/keys', 'GET /admin/nothing', 'GET /admin/keys/key_1']) {
      const { headers } = await admin.call(line)
      expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff'])
    }
  })

  test('what does not exist is not_found', async () => {
    const { status, json } = await admin.call('GET /admin/nothing')
    expect([status, json['error']]).toMatchObject([404, { code: 'not_found' }])
  })

  test.each([
    ['PUT /admin/keys', 'POST, GET'],
    ['POST /admin/keys/key_1', 'GET, PATCH, DELETE'],
    ['DELETE /admin/config', 'GET'],
    ['PUT /admin/keys/', 'POST, GET'],
  ])('%s names the methods that the address takes: %s', async (line, allow) => {
    const { status, headers, json } = await admin.call(line)
    expect([status, headers.get('allow'), json['error']]).toMatchObject([405, allow, { code: 'method_not_allowed' }])
  })

  test('a body that is no JSON is refused', async () => {
    const { status, json } = await admin.call('POST /admin/keys', { body: '{"name":' })
    expect([status, json['error']]).toMatchObject([400, { code: 'request_malformed', param: 'body' }])
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded'])('a body sent as %s is refused', async (type) => {
    const { status, json } = await admin.call('POST /admin/keys', {
      body: '{"name":"app"}',
      headers: { 'content-type': type },
    })
    expect([status, json['error']]).toMatchObject([400, { code: 'request_malformed', param: 'content-type' }])
  })

  test('a body that is missing or no object is refused', async () => {
    for (const body of [undefined, [], 'null', '3']) {
      const { status, json } = await admin.call('POST /admin/keys', body === undefined ? {} : { body })
      expect([status, json['error']]).toMatchObject([400, { code: 'request_malformed' }])
    }
  })

  test('a body over 1 MiB is refused', async () => {
    const { status, json } = await admin.call('POST /admin/keys', { body: { name: 'x'.repeat(1024 * 1024) } })
    expect([status, json['error']]).toMatchObject([413, { code: 'request_too_large' }])
  })

  test('what nobody foresaw is internal: the caller learns nothing, the log everything', async () => {
    const cause = new Error('secret detail')
    await using other = await openOther({
      health: () => {
        throw cause
      },
    })
    const { status, json, text } = await other.call('GET /admin/health')
    expect([status, json['error']]).toMatchObject([500, { code: 'internal' }])
    expect(text).not.toContain('secret detail')
    expect(other.internalErrors).toEqual([cause])
  })

  test('a store that cannot be reached is said to be so', async () => {
    await using other = await openOther({
      health: () => {
        throw new GatewayError('store_unavailable', { retryAfterMs: 1500 })
      },
    })
    const { status, headers } = await other.call('GET /admin/health')
    expect([status, headers.get('retry-after')]).toEqual([503, '2'])
    expect(other.internalErrors).toEqual([])
  })
})

describe('the gateway itself', () => {
  test.each([
    ['GET /admin/config', { routes: {} }],
    ['GET /admin/health', { store: 'ok' }],
    ['GET /admin/prices', { data: [] }],
    ['POST /admin/config/reload', { ok: true }],
    ['GET /healthz', { status: 'up' }],
    ['GET /readyz', { status: 'ready' }],
  ])('%s', async (line, json) => expect(await admin.call(line)).toMatchObject({ status: 200, json }))

  test('the index says what is here', async () => {
    const { json } = await admin.call('GET /', { token: null })
    expect(json).toMatchObject({ name: 'weir', version: '0.1.0', links: { description: '/admin/openapi.json' } })
  })

  test('a reload that finds problems lists them', async () => {
    const errors = [{ file: 'weir.yaml', line: 3, column: 5, path: 'routes.chat', message: 'no such target', hint: '' }]
    await using other = await openOther({ reload: async () => ({ ok: false, errors }) })
    const { status, json } = await other.call('POST /admin/config/reload')
    expect([status, json]).toMatchObject([422, { error: { code: 'config_invalid' }, problems: errors }])
  })

  test('a gateway that cannot serve is not ready', async () => {
    await using other = await openOther({ ready: () => false })
    expect(await other.call('GET /readyz', { token: null })).toMatchObject({
      status: 503,
      json: { status: 'not ready' },
    })
    expect((await other.call('GET /healthz', { token: null })).status).toBe(200)
  })

  test('metrics are text, and open where the operator says so', async () => {
    const guarded = await admin.call('GET /metrics', { token: admin.viewerToken })
    expect([guarded.status, guarded.text]).toEqual([200, 'weir_up 1\n'])
    expect(guarded.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    await using other = await openOther({ metricsOpen: true })
    expect((await other.call('GET /metrics', { token: null })).status).toBe(200)
    expect((await other.call('GET /admin/health', { token: null })).status).toBe(401)
  })
})

async function openOther(overrides: Parameters<typeof openTestAdmin>[0]): Promise<TestAdmin & AsyncDisposable> {
  const other = await openTestAdmin(overrides)
  return { ...other, [Symbol.asyncDispose]: () => other.store.close() }
}
