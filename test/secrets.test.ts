// Secrets are planted wherever one can stand, the gateway is put through everything that could repeat one, and then every
// output is searched for each of them, as it stands and in the forms that it takes in JSON, in URLs and in base64.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { completion, eventStream, startUpstream } from './gateway.ts'
import { ROOT, startProcess, temporaryFolder } from './process.ts'

/** What the operator brought. None looks like a key of a known vendor, except where it says so. */
const PLANTED = {
  inlineKey: 'inline-key-7Q3mXw9zLp2v',
  environmentKey: 'environment-key-B5nTr8kYc1',
  fileKey: 'file-key-W2pLq6vHs0dF',
  presetKey: 'preset-key-Zx4Cv7Bn9Mq1',
  headerValue: 'header-value-Hj5Kl8Po2Wq',
  proxyPassword: 'pr0xy-pass/Word',
  environmentProxyPassword: 'env-pr0xy-passW0rd',
  adminToken: 'operators-admin-token-8Gh3Jk',
  storeSecret: 'operators-store-secret-0Lm6Nb4Vc2Xz8',
} as const

/** What callers sent where it does not belong: keys of vendors, in forms that are known. */
let number = 0
const strayed: string[] = []
function stray(): string {
  const secret = `sk-proj-strayed${String(number++).padStart(4, '0')}Qw7Er5Ty9Ui3`
  strayed.push(secret)
  return secret
}

type Output = { readonly name: string; readonly text: string }
const outputs: Output[] = []
/** Virtual keys and admin tokens that were made on the way. */
const made: string[] = []

const folder = temporaryFolder()
const data = path.join(folder.path, 'data')
const config = path.join(folder.path, 'weir.yaml')

/** A provider that repeats whatever it was sent, in every place where providers put words. */
const upstream = startUpstream((request, _number, body) => {
  const token = request.headers.get('authorization')?.slice('Bearer '.length) ?? ''
  // Also where nothing around it says that it is a secret.
  const heard = `${token} ${JSON.stringify({ ...Object.fromEntries(request.headers), body })}`
  // `weir doctor` asks for the list of models, and is refused in as many words.
  const { model } = JSON.parse(body === '' ? '{"model": "knows-no-key"}' : body) as { model: string }
  const error = { error: { message: `I was sent ${heard}`, type: 'x', code: token } }
  const role = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hi' } }] })}\n\n`
  switch (model) {
    case 'refuses':
      return Response.json(error, { status: 400 })
    case 'knows-no-key':
      return Response.json(error, { status: 401 })
    case 'is-busy':
      return Response.json(error, { status: 429, headers: { 'retry-after': '1' } })
    case 'fails':
      return new Response(heard, { status: 500 })
    case 'fails-in-a-200':
      return Response.json(error)
    case 'answers-a-page':
      return new Response(`<html>${heard}</html>`, { headers: { 'content-type': 'text/html' } })
    case 'breaks-off':
      return eventStream(`${role}data: ${JSON.stringify(error)}\n\n`)
    case 'garbles':
      return eventStream(`${role}data: {${heard}\n\n`)
    default:
      return Response.json(completion('fine'))
  }
})
const WORDY = [
  'refuses',
  'knows-no-key',
  'is-busy',
  'fails',
  'fails-in-a-200',
  'answers-a-page',
  'breaks-off',
  'garbles',
]

afterAll(() => {
  upstream[Symbol.dispose]()
  folder[Symbol.dispose]()
})

function keep(name: string, text: string): void {
  outputs.push({ name, text })
}

async function keepAnswer(name: string, answer: Promise<Response>): Promise<string> {
  const response = await answer
  const text = await response.text()
  // What takes secrets out of an error must leave it JSON.
  if (response.status >= 400) JSON.parse(text)
  keep(name, `${response.status} ${JSON.stringify(Object.fromEntries(response.headers))}\n${text}`)
  return text
}

const ENVIRONMENT = {
  WEIR_ADMIN_TOKEN: PLANTED.adminToken,
  WEIR_SECRET: PLANTED.storeSecret,
  WEIR_LOG_LEVEL: 'debug',
  PROVIDER_KEY: PLANTED.environmentKey,
  OPENAI_API_KEY: PLANTED.presetKey,
  OPENAI_BASE_URL: `${upstream.url}/v1`,
  GROQ_API_KEY: 'groq-key-behind-the-proxy',
  // A proxy that nobody listens at, for a host that is nowhere: what is said of the failure must not name its password.
  HTTPS_PROXY: `http://weir:${PLANTED.environmentProxyPassword}@127.0.0.1:1`,
}

beforeAll(async () => {
  writeFileSync(path.join(folder.path, 'key.txt'), `${PLANTED.fileKey}\n`)
  const provider = (key: string) => `{ preset: openai-compatible, base_url: "${upstream.url}/v1", keys: ["${key}"]`
  writeFileSync(
    config,
    `providers:
  inline: ${provider(PLANTED.inlineKey)}, headers: { x-provider-token: "${PLANTED.headerValue}" } }
  environment: ${provider('${PROVIDER_KEY}')} }
  file: ${provider('file:key.txt')} }
  openai:
  groq:
  behind:
    preset: openai-compatible
    base_url: https://behind.invalid/v1
    keys: [behind-key-of-the-proxy]
    proxy: "http://weir:${encodeURIComponent(PLANTED.proxyPassword)}@127.0.0.1:1"
routes:
  all: { targets: [inline/fails, environment/fails, file/fails, behind/m, groq/m] }
`,
  )
  const first = startProcess({ folder: folder.path, environment: ENVIRONMENT })
  await first.ready()
  // The one place where a key is shown on purpose; from here on it must not be seen again.
  const key = /virtual key +(\S+)/.exec(first.stdout())?.[1] ?? ''
  made.push(key)
  keep('the first lines', first.stdout().replaceAll(key, ''))
  first.kill('SIGTERM')
  await first.ended

  await using weir = startProcess({ folder: folder.path, environment: ENVIRONMENT })
  const { url, adminUrl } = await weir.ready()
  const ask = (name: string, body: unknown, headers: Record<string, string> = {}, at = '/v1/chat/completions') =>
    keepAnswer(
      name,
      fetch(url + at, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    )
  const chat = (model: string, more: object = {}) => ({ model, messages: [{ role: 'user', content: 'Hi' }], ...more })
  const admin = (method: string, at: string, body?: unknown, token: string = PLANTED.adminToken) =>
    fetch(adminUrl + at, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  for (const model of WORDY)
    for (const name of ['inline', 'environment', 'file', 'openai'])
      for (const stream of [false, true])
        await ask(`a provider that ${model}${stream ? ', streamed' : ''}`, chat(`${name}/${model}`, { stream }))
  await ask('a route of which everything fails', chat('all'))
  await ask('a provider behind a proxy', chat('behind/m'))
  await ask('a provider behind the proxy of the environment', chat('groq/m'))

  for (const header of HEADERS) await ask(`the header ${header}`, chat('inline/m'), { [header]: stray() })
  for (const field of FIELDS) await ask(`the field ${field}`, chat('inline/m', { [field]: stray() }))
  for (const field of FIELDS) await ask(`the name ${field}`, chat('inline/m', { [`${field}${stray()}`]: field }))
  await ask('a tag', chat('inline/m', { weir: { tags: [stray()] } }))
  await ask('a field of weir', chat('inline/m', { weir: { [stray()]: 1 } }))
  await ask('the user of a failing request', chat('inline/fails', { user: stray() }))
  await ask('a message', { model: 'inline/m', messages: [{ role: 'user', content: stray() }] })
  await ask('an embedding', { model: stray(), input: stray() }, {}, '/v1/embeddings')
  const twice = stray()
  for (const [name, body] of [
    ['no JSON', stray()],
    ['JSON that breaks off', `{"model": "${stray()}`],
    ['a word of no JSON', `{"model": ${stray()}}`],
    ['a member that stands twice', `{"${twice}": 1, "${twice}": 2}`],
    ['a list', JSON.stringify([stray()])],
  ] as const)
    await ask(`a body that is ${name}`, body)
  for (const at of [`/v1/${stray()}`, `/${stray()}`, `/v1/chat/completions/${stray()}`])
    await ask('a path', chat('inline/m'), {}, at)
  for (const query of ['key', 'api_key', 'token', 'q'])
    await ask(`the query ${query}`, chat('inline/m'), {}, `/v1/chat/completions?${query}=${stray()}`)
  const get = (at: string, headers: Record<string, string> = { authorization: `Bearer ${key}` }) =>
    fetch(url + at, { headers })
  await keepAnswer('a model that is a secret', get(`/v1/models/${stray()}`))
  await keepAnswer('a request that is a secret', get(`/v1/requests/${stray()}`))
  for (const header of ['authorization', 'x-api-key', 'x-goog-api-key'])
    for (const secret of [stray(), 'sk-weir-never-issued-by-anybody-at-all-0000', key]) {
      const sent = header === 'authorization' ? `Bearer ${secret}` : secret
      await keepAnswer(`${header} alone`, get('/v1/models', { [header]: sent }))
      await ask(`${header} beside another`, chat('inline/m'), { [header]: sent })
    }
  await keepAnswer('the key in the query', get(`/v1/models?key=${key}`, {}))
  // A caller that takes its key for its user name.
  for (const field of ['user', 'safety_identifier', 'model'])
    await ask(`the key as ${field}`, chat('inline/m', { [field]: key }))
  await ask('the key as a tag', chat('inline/m'), { 'x-weir-tags': key })
  await ask('the key as a request id', chat('inline/m'), { 'x-request-id': key, 'x-weir-end-user': key })

  const issued = (await (await admin('POST', '/admin/keys', { name: 'another', tags: ['a'] })).json()) as {
    id: string
    secret: string
  }
  const rotated = (await (await admin('POST', `/admin/keys/${issued.id}/rotate`, { grace_s: 60 })).json()) as {
    secret: string
  }
  const token = (await (await admin('POST', '/admin/tokens', { name: 'grafana', role: 'viewer' })).json()) as {
    secret?: string
  }
  made.push(issued.secret, rotated.secret)
  if (token.secret !== undefined) made.push(token.secret)
  await keepAnswer('admin, a wrong token', admin('GET', '/admin/keys', undefined, stray()))
  // Whoever administrates is told what they typed; nobody else is.
  await admin('POST', '/admin/keys', { name: 'x', [stray()]: stray() })
  await admin('GET', `/admin/keys/${stray()}`)
  for (const at of [
    '/admin/config',
    '/admin/health',
    '/admin/keys',
    '/admin/teams',
    '/admin/tokens',
    '/admin/prices',
    '/admin/reports/spend?by=tag,end_user,model,provider,key',
    '/metrics',
    '/',
    '/admin/openapi.json',
  ])
    await keepAnswer(`GET ${at}`, admin('GET', at))
  const lines: { readonly id: string }[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const text = await keepAnswer('GET /admin/requests', admin('GET', `/admin/requests?limit=100${cursor}`))
    const page = JSON.parse(text) as { data: { id: string }[]; next: string | null }
    lines.push(...page.data)
    cursor = page.next === null ? null : `&cursor=${page.next}`
  }
  for (const { id } of lines) {
    await keepAnswer('/admin/requests/{id}', admin('GET', `/admin/requests/${id}`))
    await keepAnswer('/v1/requests/{id}', get(`/v1/requests/${id}`))
  }
  // A reload that is refused tells why, without the values.
  const before = readFileSync(config, 'utf8')
  writeFileSync(
    config,
    before.replace('routes:', `lisen: ${stray()}\nroutes:`).replace('keys: [behind', 'keyz: [behind'),
  )
  await keepAnswer('a reload that is refused', admin('POST', '/admin/config/reload', {}))
  await runCli('check of a wrong config', 'check', '--config', config)
  writeFileSync(config, before)
  await keepAnswer('a reload', admin('POST', '/admin/config/reload', {}))
  for (const words of [
    ['check', '--config', config],
    ['check', '--json', '--config', config],
    ['doctor', '--config', config],
    ['keys', 'list'],
    ['keys', 'list', '--json'],
    ['requests', 'list'],
    ['report', '--by', 'tag'],
  ])
    await runCli(words.join(' '), ...words)
  weir.kill('SIGTERM')
  expect(await weir.ended).toBe(0)
  keep('the log', weir.stdout() + weir.stderr())
  for (const file of readdirSync(data)) keep(`the file ${file}`, readFileSync(path.join(data, file), 'latin1'))
}, 120_000)

const HEADERS = [
  'x-request-id',
  'x-client-request-id',
  'x-weir-tags',
  'x-weir-end-user',
  'x-weir-timeout-ms',
  'x-weir-session',
  'cookie',
  'user-agent',
  'referer',
  'origin',
  'accept',
  'content-type',
  'content-encoding',
  'x-forwarded-for',
  'openai-organization',
  'openai-project',
  'idempotency-key',
  'proxy-authorization',
  'x-auth-token',
]
const FIELDS = [
  'model',
  'messages',
  'user',
  'safety_identifier',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'n',
  'stop',
  'seed',
  'temperature',
  'tools',
  'tool_choice',
  'response_format',
  'metadata',
  'weir',
  'provider',
  'models',
  'route',
  'extra_body',
  'api_key',
]

async function runCli(name: string, ...words: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [path.join(ROOT, 'src/cli/main.ts'), ...words], {
    cwd: folder.path,
    env: { PATH: process.env['PATH'], HOME: folder.path, WEIR_DATA: data, ...ENVIRONMENT },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  await new Promise((resolve) => child.once('close', resolve))
  keep(`weir ${name}`, text)
}

/** A secret as it stands, and as it looks in JSON, in a URL, and in base64 wherever its first byte falls. */
function spellings(secret: string): string[] {
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.from(`${' '.repeat(shift)}${secret}`)
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  )
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), ...base64])]
}

/** Each output in which the secret stands, with what is around it. */
function seenIn(secret: string): string[] {
  return outputs.flatMap(({ name, text }) =>
    spellings(secret).flatMap((spelling) => {
      const at = text.indexOf(spelling)
      return at < 0 ? [] : [`${name}: …${text.slice(Math.max(0, at - 160), at + spelling.length + 40)}…`]
    }),
  )
}

for (const [name, secret] of Object.entries(PLANTED))
  test(`the operator’s ${name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)} is in no output`, () =>
    expect(seenIn(secret)).toEqual([]))

test('no virtual key and no admin token is in any output after it was shown once', () => {
  expect(made.length).toBeGreaterThanOrEqual(3)
  for (const secret of made) expect(seenIn(secret)).toEqual([])
})

test('no secret that a caller sent where it does not belong is in any output', () => {
  expect(strayed.length).toBeGreaterThan(70)
  expect(strayed.flatMap((secret) => seenIn(secret))).toEqual([])
})

test('the search itself finds what is there', () => {
  // Providers repeated what they were sent, and what they said is in errors and in the request log.
  expect(upstream.received.some(({ headers }) => headers.get('authorization') === `Bearer ${PLANTED.fileKey}`)).toBe(
    true,
  )
  expect(upstream.received.some(({ headers }) => headers.get('authorization') === `Bearer ${PLANTED.presetKey}`)).toBe(
    true,
  )
  expect(upstream.received.some(({ headers }) => headers.get('x-provider-token') === PLANTED.headerValue)).toBe(true)
  const said = outputs.filter(({ text }) => text.includes('I was sent'))
  expect(said.map(({ name }) => name)).toContain('a provider that refuses')
  expect(said.map(({ name }) => name)).toContain('/admin/requests/{id}')
  for (const name of [
    'the log',
    'the file weir.db',
    'GET /metrics',
    'GET /admin/config',
    'weir check --config ' + config,
  ])
    expect(outputs.find((output) => output.name === name)?.text.length).toBeGreaterThan(100)
  expect(seenIn('the built-in words of no output')).toEqual([])
  keep('a plant', Buffer.from(`xx${PLANTED.inlineKey}`).toString('base64'))
  expect(seenIn(PLANTED.inlineKey)).toEqual([expect.stringContaining('a plant')])
  outputs.pop()
})
