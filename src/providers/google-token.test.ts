import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { expect, test } from 'bun:test'
import { UpstreamFailure } from './failure.ts'
import { createGoogleTokens, readServiceAccount, ServiceAccountError, tokenRequest } from './google-token.ts'
import type { TokenReply, TokenRequest } from './google-token.ts'

const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const PEM = pair.privateKey.export({ type: 'pkcs8', format: 'pem' })
const FILE = {
  type: 'service_account',
  project_id: 'shop',
  private_key_id: 'k1',
  private_key: PEM,
  client_email: 'weir@shop.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
}
const ACCOUNT = readServiceAccount(JSON.stringify(FILE))
const NOW = 1_700_000_000_000

function decoded(part: string | undefined): unknown {
  return JSON.parse(Buffer.from(part ?? '', 'base64url').toString())
}

test('the claim says who asks for what, and is signed with the account’s key', () => {
  const request = tokenRequest(ACCOUNT, NOW)
  expect(request).toMatchObject({
    method: 'POST',
    url: 'https://oauth2.googleapis.com/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  const form = new URLSearchParams(request.body)
  expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
  const [header, claims, signature] = (form.get('assertion') ?? '').split('.')
  expect(decoded(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' })
  expect(decoded(claims)).toEqual({
    iss: 'weir@shop.iam.gserviceaccount.com',
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: 'https://oauth2.googleapis.com/token',
    iat: 1_700_000_000,
    exp: 1_700_003_600,
  })
  const key = createPublicKey(pair.publicKey.export({ type: 'spki', format: 'pem' }))
  const proof = Buffer.from(signature ?? '', 'base64url')
  expect(verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), key, proof)).toBe(true)
})

for (const [title, text, problem] of [
  ['no JSON', 'nonsense', /no JSON object/],
  ['a user’s credentials', JSON.stringify({ type: 'authorized_user' }), /`authorized_user` are not taken/],
  ['a file without its key', JSON.stringify({ ...FILE, private_key: undefined }), /is missing/],
  ['a broken key', JSON.stringify({ ...FILE, private_key: 'secret-pem' }), /is no private key/],
  ['a plain http token address', JSON.stringify({ ...FILE, token_uri: 'http://x.test' }), /no https URL/],
  [
    'a key of another kind',
    JSON.stringify({
      ...FILE,
      private_key: generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
    }),
    /no RSA key/,
  ],
] as const)
  test(`${title} is refused, and nothing of it is told`, () => {
    try {
      readServiceAccount(text)
      throw new Error('it was taken')
    } catch (error) {
      expect(error).toBeInstanceOf(ServiceAccountError)
      expect((error as Error).message).toMatch(problem)
      expect((error as Error).message).not.toContain('secret-pem')
      expect((error as Error).cause).toBeUndefined()
    }
  })

/** A token endpoint that answers as it is told, and a clock that is driven. */
function endpoint(): {
  sent: TokenRequest[]
  replies: (TokenReply | Error)[]
  time: { now: number }
  tokens: () => Promise<string>
} {
  const sent: TokenRequest[] = []
  const replies: (TokenReply | Error)[] = []
  const time = { now: NOW }
  const send = async (request: TokenRequest): Promise<TokenReply> => {
    sent.push(request)
    const reply = replies.shift() ?? new Error('no reply was prepared')
    if (reply instanceof Error) throw reply
    return reply
  }
  return { sent, replies, time, tokens: createGoogleTokens(ACCOUNT, send, () => time.now) }
}

const granted = (token: string): TokenReply => ({
  status: 200,
  body: JSON.stringify({ access_token: token, expires_in: 3_600, token_type: 'Bearer' }),
})
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('calls that wait together share one exchange, and the token is kept', async () => {
  const { sent, replies, time, tokens } = endpoint()
  replies.push(granted('one'))
  expect(await Promise.all([tokens(), tokens(), tokens()])).toEqual(['one', 'one', 'one'])
  time.now += 54 * 60_000
  expect(await tokens()).toBe('one')
  expect(sent).toHaveLength(1)
})

test('shortly before its end a token is replaced, and nobody waits for it', async () => {
  const { sent, replies, time, tokens } = endpoint()
  replies.push(granted('one'), granted('two'))
  await tokens()
  time.now += 56 * 60_000
  expect(await tokens()).toBe('one')
  await settled()
  expect(await tokens()).toBe('two')
  expect(sent).toHaveLength(2)
})

test('while the old token holds, a failed exchange is no failure, and is tried again after a while', async () => {
  const { sent, replies, time, tokens } = endpoint()
  replies.push(granted('one'), { status: 503, body: '' }, granted('two'))
  await tokens()
  time.now += 56 * 60_000
  for (let call = 0; call < 5; call++) {
    expect(await tokens()).toBe('one')
    await settled()
  }
  expect(sent).toHaveLength(2)
  time.now += 11_000
  await tokens()
  await settled()
  expect(await tokens()).toBe('two')
})

test('a token that is over is not used', async () => {
  const { replies, time, tokens } = endpoint()
  replies.push(granted('one'), granted('two'))
  await tokens()
  time.now += 3_600_000
  expect(await tokens()).toBe('two')
})

for (const [title, reply, outcome] of [
  [
    'refuses the account',
    { status: 400, body: '{"error":"invalid_grant","error_description":"Invalid JWT"}' },
    { type: 'credential_bad' },
  ],
  ['is busy', { status: 429, body: '' }, { type: 'overloaded', retryAfterMs: null }],
  ['is broken', { status: 500, body: '<html>' }, { type: 'overloaded', retryAfterMs: null }],
  ['gives no token', { status: 200, body: '{}' }, { type: 'broken', reason: 'the token endpoint gave no token' }],
] as const)
  test(`a token endpoint that ${title} fails the call, and is asked again by the next`, async () => {
    const { replies, tokens } = endpoint()
    replies.push(reply, granted('later'))
    const failure: unknown = await tokens().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(UpstreamFailure)
    expect((failure as UpstreamFailure).outcome).toEqual(outcome)
    expect(await tokens()).toBe('later')
  })

test('a failure to send is told as it came', async () => {
  const { replies, tokens } = endpoint()
  replies.push(new UpstreamFailure({ type: 'unreachable', reason: 'the connection was refused' }), granted('later'))
  const failure: unknown = await tokens().catch((error: unknown) => error)
  expect((failure as Error).message).toBe('the connection was refused')
  expect(await tokens()).toBe('later')
})
