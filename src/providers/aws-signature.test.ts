import { createHash, createHmac } from 'node:crypto'
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  awsRegionOf,
  awsSecretOfEnvironment,
  createAwsSigner,
  readAwsCredential,
  secretPartsOf,
} from './aws-signature.ts'
import type { AwsCredential, AwsRequest } from './aws-signature.ts'

const EXAMPLE_KEYS: AwsCredential = {
  type: 'keys',
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: null,
}
const FORM = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }

// The examples of AWS's General Reference (ListUsers of 2011 and of 2015) and of its test suite (get-vanilla, post-vanilla).
for (const [title, request, scope, time, signedHeaders, signature] of [
  [
    'ListUsers as a POST',
    { method: 'POST', url: 'http://iam.amazonaws.com/', headers: FORM, body: 'Action=ListUsers&Version=2010-05-08' },
    { region: 'us-east-1', service: 'iam' },
    '2011-09-09T23:36:00Z',
    'content-type;host;x-amz-date',
    'ced6826de92d2bdeed8f846f0bf508e8559e98e4b0199114b84c54174deb456c',
  ],
  [
    'ListUsers as a GET',
    { method: 'GET', url: 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08', headers: FORM, body: '' },
    { region: 'us-east-1', service: 'iam' },
    '2015-08-30T12:36:00Z',
    'content-type;host;x-amz-date',
    '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  ],
  [
    'get-vanilla',
    { method: 'GET', url: 'https://example.amazonaws.com/', headers: {}, body: '' },
    { region: 'us-east-1', service: 'service' },
    '2015-08-30T12:36:00Z',
    'host;x-amz-date',
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  ],
  [
    'post-vanilla',
    { method: 'POST', url: 'https://example.amazonaws.com/', headers: {}, body: '' },
    { region: 'us-east-1', service: 'service' },
    '2015-08-30T12:36:00Z',
    'host;x-amz-date',
    '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  ],
] as const)
  test(`AWS's example ${title} gets the signature that AWS prints`, async () => {
    const sign = createAwsSigner(() => Date.parse(time))
    const date = time.replaceAll(/[-:]/g, '')
    const credential = `AKIDEXAMPLE/${date.slice(0, 8)}/${scope.region}/${scope.service}/aws4_request`
    expect(await sign(request, EXAMPLE_KEYS, scope)).toEqual({
      'x-amz-date': date,
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
    })
  })

const hex = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex')
const mac = (key: string | Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()
/** RFC 3986, as AWS wants it: everything but the unreserved characters. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`)

/** The algorithm as AWS's documentation writes it, sharing nothing with the signer. */
function signatureByHand(
  request: AwsRequest,
  secretAccessKey: string,
  sessionToken: string | null,
  region: string,
  date: string,
): string {
  const url = new URL(request.url)
  const headers: Record<string, string> = {
    'content-type': request.headers['content-type'] ?? '',
    host: url.host,
    'x-amz-date': date,
    ...(sessionToken === null ? {} : { 'x-amz-security-token': sessionToken }),
  }
  const names = Object.keys(headers).sort()
  const canonical = [
    request.method,
    // The path as it is sent, encoded once more.
    url.pathname.split('/').map(escaped).join('/'),
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    hex(request.body),
  ].join('\n')
  const scope = `${date.slice(0, 8)}/${region}/bedrock/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', date, scope, hex(canonical)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>(mac, `AWS4${secretAccessKey}`)
  return mac(key, toSign).toString('hex')
}

const secretKey = fc.stringMatching(/^[A-Za-z0-9/+]{40}$/)

test('any call to Bedrock is signed as the algorithm in the documentation would', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(
        'anthropic.claude-sonnet-4-5-20250929-v1:0',
        'eu.amazon.nova-pro-v1:0',
        'arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3',
        "odd model!'()*~",
      ),
      fc.oneof(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.uint8Array({ maxLength: 200 })),
      secretKey,
      fc.option(fc.stringMatching(/^[A-Za-z0-9/+=]{1,80}$/)),
      fc.constantFrom('us-east-1', 'eu-central-1'),
      fc.date({ min: new Date('2015-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }),
      async (model, body, secretAccessKey, sessionToken, region, time) => {
        const request: AwsRequest = {
          method: 'POST',
          url: `https://bedrock-runtime.${region}.amazonaws.com/model/${encodeURIComponent(model)}/converse-stream`,
          headers: { 'content-type': 'application/json', accept: '*/*', 'user-agent': 'weir' },
          body,
        }
        const keys: AwsCredential = { type: 'keys', accessKeyId: 'AKIDEXAMPLE', secretAccessKey, sessionToken }
        const headers = await createAwsSigner(() => time.getTime())(request, keys, { region, service: 'bedrock' })
        const date = headers['x-amz-date'] ?? ''
        expect(date).toBe(time.toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, ''))
        expect(headers['x-amz-security-token']).toBe(sessionToken ?? undefined)
        expect(headers['authorization']).toEndWith(
          `Signature=${signatureByHand(request, secretAccessKey, sessionToken, region, date)}`,
        )
      },
    ),
    { numRuns: 100 },
  )
})

test('headers of AWS are signed, those that may change on their way are not', async () => {
  const request = {
    method: 'POST',
    url: 'http://127.0.0.1:9000/model/m/invoke?a=1&a=2',
    headers: { Accept: '*/*', 'X-Amzn-Bedrock-GuardrailIdentifier': 'g', 'user-agent': 'weir' },
    body: new Uint8Array([1]),
  }
  const headers = await createAwsSigner(() => 0)(request, EXAMPLE_KEYS, { region: 'r', service: 's' })
  expect(headers['authorization']).toContain('SignedHeaders=host;x-amz-date;x-amzn-bedrock-guardrailidentifier,')
})

test('an API key is sent as it is', async () => {
  const sign = createAwsSigner(() => 0)
  const request = { method: 'POST', url: 'https://x.test/', headers: {}, body: '' }
  expect(await sign(request, readAwsCredential('ABSKQmVkcm9ja0FQSUtleQ=='), { region: 'r', service: 's' })).toEqual({
    authorization: 'Bearer ABSKQmVkcm9ja0FQSUtleQ==',
  })
})

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'

for (const [title, secret, expected, parts] of [
  [
    'keys',
    `AKIDEXAMPLE:${SECRET}`,
    { type: 'keys', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: SECRET, sessionToken: null },
    [SECRET],
  ],
  [
    'keys with a session',
    `ASIAEXAMPLE1:${SECRET}:IQoJb3JpZ2lu:X2VjEA==`,
    { type: 'keys', accessKeyId: 'ASIAEXAMPLE1', secretAccessKey: SECRET, sessionToken: 'IQoJb3JpZ2lu:X2VjEA==' },
    [SECRET, 'IQoJb3JpZ2lu:X2VjEA=='],
  ],
  ['an API key', 'bedrock-api-key-YmVk', { type: 'bearer', token: 'bedrock-api-key-YmVk' }, ['bedrock-api-key-YmVk']],
] as const)
  test(`a secret that is ${title} is read as such`, () => {
    expect(readAwsCredential(secret)).toEqual(expected)
    expect(secretPartsOf(secret)).toEqual([...parts])
  })

for (const [title, environment, expected] of [
  ['nothing', {}, null],
  ['half of a pair of keys', { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE' }, null],
  ['keys', { AWS_ACCESS_KEY_ID: ' AKIDEXAMPLE ', AWS_SECRET_ACCESS_KEY: SECRET }, `AKIDEXAMPLE:${SECRET}`],
  [
    'temporary keys',
    { AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE1', AWS_SECRET_ACCESS_KEY: SECRET, AWS_SESSION_TOKEN: 'tok' },
    `ASIAEXAMPLE1:${SECRET}:tok`,
  ],
  [
    'an API key beside keys',
    { AWS_BEARER_TOKEN_BEDROCK: 'ABSK1', AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: SECRET },
    'ABSK1',
  ],
] as const)
  test(`an environment with ${title}`, () => expect(awsSecretOfEnvironment(environment)).toBe(expected))

for (const [title, baseUrl, settings, region] of [
  ['the address', 'https://bedrock-runtime.eu-central-1.amazonaws.com', { region: 'us-west-2' }, 'eu-central-1'],
  ['the address of a FIPS endpoint', 'https://bedrock-runtime-fips.us-east-1.amazonaws.com', {}, 'us-east-1'],
  ['the address in China', 'https://bedrock-runtime.cn-north-1.amazonaws.com.cn', {}, 'cn-north-1'],
  ['the setting, behind an endpoint of one’s own', 'https://vpce.test', { region: 'us-west-2' }, 'us-west-2'],
  ['the setting, where a name only looks alike', 'https://a.b.amazonaws.community', { region: 'c' }, 'c'],
  ['nowhere', 'https://vpce.test', {}, null],
] as const)
  test(`the region comes from ${title}`, () => expect(awsRegionOf({ baseUrl, settings })).toBe(region))
