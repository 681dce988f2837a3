import { generateKeyPairSync } from 'node:crypto'
import { afterEach, expect, test } from 'bun:test'
import type { Credential } from '../core/model.ts'
import { TEST_AUTHORITY } from './test-certificate.ts'
import { closeServers, outcomeOf, providerAt, rawServer, setUp, whole } from './upstream-testing.ts'
import type { RawServer } from './upstream-testing.ts'

afterEach(closeServers)

const PEM = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })

function accountAt(server: RawServer): Credential {
  const file = { type: 'service_account', client_email: 'weir@shop.test', private_key: PEM }
  return { id: 'p#1', secret: JSON.stringify({ ...file, token_uri: server.url.replace('/v1', '/token') }) }
}

const GOOGLE = { auth: { type: 'google' }, ca: TEST_AUTHORITY, headers: { 'x-own': 'of-the-provider' } } as const

test('a service account’s token is fetched once, without the provider’s headers, and sent with each call until it ends', async () => {
  const server = await rawServer(
    (socket, request, count) =>
      socket.write(whole(request.startsWith('POST /token') ? `{"access_token":"t${count}","expires_in":3600}` : 'ok')),
    { tls: true },
  )
  const { call, clock } = setUp()
  const provider = providerAt(server.url, GOOGLE)
  const credential = accountAt(server)
  for (let count = 0; count < 2; count++) await (await call(provider, { credential })).bytes(1_000)
  clock.advance(3_600_000)
  await (await call(provider, { credential })).bytes(1_000)
  const [exchange = '', first = '', second = '', renewed = '', third = '', ...more] = server.requests
  expect(more).toEqual([])
  for (const request of [exchange, renewed]) {
    expect(request).toStartWith('POST /token HTTP/1.1')
    expect(request.toLowerCase()).not.toContain('x-own')
    expect(request).toContain('grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer')
  }
  for (const [request, token] of [
    [first, 't1'],
    [second, 't1'],
    [third, 't4'],
  ] as const) {
    expect(request).toStartWith('POST /v1/chat/completions HTTP/1.1')
    expect(request.toLowerCase()).toContain(`authorization: bearer ${token}\r\n`)
    expect(request.toLowerCase()).toContain('x-own: of-the-provider')
    expect(request).not.toContain('PRIVATE KEY')
  }
})

test('an account that Google refuses is a bad credential, and nothing is sent to the provider', async () => {
  const server = await rawServer(
    (socket) => socket.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 25\r\n\r\n{"error":"invalid_grant"}'),
    { tls: true },
  )
  const { call } = setUp()
  const provider = providerAt(server.url, GOOGLE)
  expect(await outcomeOf(call(provider, { credential: accountAt(server) }))).toEqual({ type: 'credential_bad' })
  expect(server.requests).toHaveLength(1)
})

test('an access token of Google’s and an API key of AWS are presented as they are, and no header of a call stands against them', async () => {
  for (const auth of [{ type: 'google' }, { type: 'aws', service: 'bedrock' }] as const) {
    const server = await rawServer((socket) => socket.write(whole('ok')))
    const { call } = setUp()
    const provider = providerAt(server.url, { auth, settings: { region: 'r' } })
    await call(provider, { headers: { Authorization: 'Bearer stolen' } })
    expect(server.requests[0]?.toLowerCase()).toContain('authorization: bearer sk-secret\r\n')
  }
})

test('a request that has to be signed for a region that nobody told is not sent', async () => {
  const server = await rawServer((socket) => socket.write(whole('ok')))
  const { call } = setUp()
  const provider = providerAt(server.url, { auth: { type: 'aws', service: 'bedrock' } })
  const outcome = await outcomeOf(call(provider))
  expect(outcome).toMatchObject({ type: 'unreachable', reason: expect.stringContaining('region') })
  expect(server.requests).toEqual([])
})
