// What a stranger meets: the first start, the second one, and what is said when it cannot start. Each in a real process.
import { expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { exampleModel } from '../src/first-run.ts'
import { chunks, completion, eventStream, QUESTION, startUpstream } from './gateway.ts'
import { startProcess, temporaryFolder } from './process.ts'

const SECRET = /sk-weir-[\w-]{20,}/g
/** Whoever runs the tests as root may write everywhere; `nobody` may not. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

/** The `curl` that the gateway printed, run by a shell as it stands. */
function runPrinted(stdout: string, environment: Record<string, string> = {}): Promise<string> {
  const [command] = /curl [\s\S]*?\}'/.exec(stdout) ?? ['']
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', command.replace(/^curl /, 'curl --silent --show-error ')], {
      env: { PATH: process.env['PATH'], ...environment },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', () => resolve(output))
  })
}

test('the first start prints both addresses, an admin token, a key and a curl that works as it stands', async () => {
  using folder = temporaryFolder()
  await using weir = startProcess({ folder: folder.path })
  const { url, adminUrl } = await weir.ready()
  const printed = weir.stdout()
  expect(weir.stderr()).toBe('')
  expect(printed).toContain('the built-in simulator answers')
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  const [, token = ''] = /admin token +(\S+)/.exec(printed) ?? []
  const [, key = ''] = /virtual key +(\S+)/.exec(printed) ?? []
  const keys = await fetch(`${adminUrl}/admin/keys`, { headers: { authorization: `Bearer ${token}` } })
  expect(await keys.json()).toMatchObject({ data: [{ name: 'first' }] })
  const models = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
  expect(models.status).toBe(200)
  expect((await fetch(`${adminUrl}/metrics`)).status).toBe(200)
  const answer = JSON.parse(await runPrinted(printed)) as { choices: { message: { content: string } }[] }
  expect(answer.choices[0]?.message.content).toBeTruthy()
  // The folder holds the key hashes and the request log: nobody else of the machine reads it.
  expect(statSync(path.join(folder.path, 'data')).mode & 0o077).toBe(0)
})

test('a second start prints no secret, is ready at once, and its curl works with a key of one’s own', async () => {
  using folder = temporaryFolder()
  let key = ''
  {
    await using first = startProcess({ folder: folder.path })
    await first.ready()
    key = /virtual key +(\S+)/.exec(first.stdout())?.[1] ?? ''
    expect(first.stdout().match(SECRET)?.length).toBe(3)
    first.kill('SIGTERM')
    expect(await first.ended).toBe(0)
  }
  const startedMs = performance.now()
  await using second = startProcess({ folder: folder.path })
  const { url } = await second.ready()
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  // It takes about a quarter of a second; the bound is for machines that are busy with other tests.
  expect(performance.now() - startedMs).toBeLessThan(5_000)
  expect(second.stdout().match(SECRET)).toBeNull()
  const answer = JSON.parse(await runPrinted(second.stdout(), { WEIR_KEY: key })) as { choices: object[] }
  expect(answer.choices.length).toBe(1)
})

test('an operator’s own token is taken and never printed', async () => {
  using folder = temporaryFolder()
  const token = 'an-admin-token-of-the-operator'
  await using weir = startProcess({ folder: folder.path, environment: { WEIR_ADMIN_TOKEN: token } })
  const { adminUrl } = await weir.ready()
  expect(weir.stdout()).not.toContain('admin token')
  expect(weir.stdout()).not.toContain(token)
  const health = await fetch(`${adminUrl}/admin/health`, { headers: { authorization: `Bearer ${token}` } })
  expect(health.status).toBe(200)
})

test('a provider comes from its environment variables alone', async () => {
  using upstream = startUpstream((_request, _number, body) =>
    body.includes('"stream":true') ? eventStream(chunks(['hi']).join('')) : Response.json(completion('from upstream')),
  )
  using folder = temporaryFolder()
  await using weir = startProcess({
    folder: folder.path,
    environment: { OPENAI_API_KEY: 'sk-operators-own-key', OPENAI_BASE_URL: `${upstream.url}/v1` },
  })
  const { url } = await weir.ready()
  expect(weir.stdout()).toContain('providers  openai   (from the environment)')
  expect(weir.stdout()).not.toContain('sk-operators-own-key')
  // The printed call names a model that OpenAI has today.
  expect(weir.stdout()).toContain('"openai/gpt-5-mini"')
  expect(await runPrinted(weir.stdout())).toContain('from upstream')
  const key = /virtual key +(\S+)/.exec(weir.stdout())?.[1] ?? ''
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    // Any model of the host, whether the catalogue knows it or not.
    body: JSON.stringify({ ...QUESTION, model: 'openai/some-model-of-mine', stream: true }),
  })
  expect(await response.text()).toContain('[DONE]')
  expect(upstream.received[1]?.headers.get('authorization')).toBe('Bearer sk-operators-own-key')
  expect(JSON.parse(upstream.received[1]?.body ?? '')).toMatchObject({ model: 'some-model-of-mine' })
})

test('the config file comes from --config, and --help tells of it', async () => {
  using folder = temporaryFolder()
  const file = path.join(folder.path, 'other.yaml')
  writeFileSync(file, 'providers: { sim: { preset: simulator } }\nroutes: { helper: { targets: [sim/small] } }\n')
  await using weir = startProcess({ folder: folder.path, args: ['--config', file] })
  await weir.ready()
  expect(weir.stdout()).toContain(`from ${file}`)
  // A route of the operator's is what the printed call names.
  expect(weir.stdout()).toContain('"model": "helper"')
  await using helped = startProcess({ folder: folder.path, args: ['--help'] })
  expect(await helped.ended).toBe(0)
  expect(helped.stdout()).toContain('--config FILE')
  await using wrong = startProcess({ folder: folder.path, args: ['--cfg', file] })
  expect(await wrong.ended).toBe(2)
  expect(wrong.stderr()).toContain("Unknown option '--cfg'")
})

const WRONG_CONFIGS: readonly (readonly [title: string, text: string, message: RegExp])[] = [
  ['an unknown field', 'server:\n  lisen: :9000\n', /weir\.yaml:2:3: .*lisen.*listen/s],
  ['a wrong value', 'server:\n  body_limit: lots\n', /weir\.yaml:2:15: /],
  ['broken YAML', 'providers: [\n', /weir\.yaml:\d+:\d+: /],
  ['a preset that does not exist', 'providers:\n  up: { preset: opnai }\n', /weir\.yaml:2:\d+: .*openai/s],
  [
    'a route that leads nowhere',
    'providers: { sim: { preset: simulator } }\nroutes:\n  a: { targets: [sim/none] }\n',
    /weir\.yaml:3:\d+: /,
  ],
  [
    'a variable that is not set',
    'providers:\n  up: { preset: groq, keys: ["${NO_SUCH_KEY}"] }\n',
    /weir\.yaml:2:\d+: .*NO_SUCH_KEY/s,
  ],
]
test('metrics can be switched off', async () => {
  using folder = temporaryFolder()
  writeFileSync(path.join(folder.path, 'weir.yaml'), 'metrics: { enabled: false }\n')
  await using weir = startProcess({ folder: folder.path })
  const { adminUrl } = await weir.ready()
  const response = await fetch(`${adminUrl}/metrics`)
  expect(response.status).toBe(404)
  expect(await response.text()).toContain('metrics.enabled')
})

for (const [title, text, message] of WRONG_CONFIGS)
  test(`a config with ${title} ends the start with 1 and the place of the mistake`, async () => {
    using folder = temporaryFolder()
    writeFileSync(path.join(folder.path, 'weir.yaml'), text)
    await using weir = startProcess({ folder: folder.path })
    expect(await weir.ended).toBe(1)
    expect(weir.stderr()).toMatch(message)
    expect(weir.stderr()).not.toMatch(/^ +at /m)
    expect(weir.stdout()).toBe('')
  })

test('a config file that is named and missing is an error, not a start without it', async () => {
  using folder = temporaryFolder()
  await using weir = startProcess({ folder: folder.path, environment: { WEIR_CONFIG: 'nowhere.yaml' } })
  expect(await weir.ended).toBe(1)
  expect(weir.stderr()).toContain('nowhere.yaml')
})

for (const variable of ['WEIR_LISTEN', 'WEIR_ADMIN_LISTEN'])
  test(`an address in use is said, with the variable that changes it (${variable})`, async () => {
    using folder = temporaryFolder()
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
    try {
      await using weir = startProcess({ folder: folder.path, environment: { [variable]: `127.0.0.1:${port}` } })
      expect(await weir.ended).toBe(1)
      expect(weir.stderr()).toContain(`cannot listen on 127.0.0.1:${port}: it is in use by another process`)
      expect(weir.stderr()).toContain(variable)
      // No key was made that nobody was told of.
      await using next = startProcess({ folder: folder.path })
      await next.ready()
      expect(next.stdout()).toContain('virtual key')
    } finally {
      server.close()
    }
  })

test('a data folder that cannot be made is said, with its path', async () => {
  using folder = temporaryFolder()
  writeFileSync(path.join(folder.path, 'file'), '')
  const data = path.join(folder.path, 'file', 'data')
  await using weir = startProcess({ folder: folder.path, environment: { WEIR_DATA: data } })
  expect(await weir.ended).toBe(1)
  expect(weir.stderr()).toContain(`The data folder ${data} cannot be made`)
  expect(weir.stderr()).not.toMatch(/^ +at /m)
})

for (const filled of [false, true])
  test(`a read-only data folder is said, with its path (${filled ? 'with data of an earlier start' : 'empty'})`, async () => {
    using folder = temporaryFolder()
    const data = path.join(folder.path, 'data')
    if (filled) {
      await using first = startProcess({ folder: folder.path })
      await first.ready()
      first.kill('SIGTERM')
      await first.ended
      for (const file of ['weir.db', 'weir.key']) chmodSync(path.join(data, file), 0o444)
    } else mkdirSync(data)
    chmodSync(data, 0o555)
    chmodSync(folder.path, 0o755)
    try {
      await using weir = startProcess({ folder: folder.path, ...(isRoot ? { uid: NOBODY } : {}) })
      expect(await weir.ended).toBe(1)
      expect(weir.stderr()).toContain(data)
      expect(weir.stderr()).toMatch(/permission denied|read-?only|cannot be/i)
      expect(weir.stderr()).not.toMatch(/^ +at /m)
    } finally {
      chmodSync(data, 0o755)
    }
    expect(existsSync(data)).toBe(true)
  })

test('a second gateway on the same data folder is refused and leaves the requests of the first alone', async () => {
  using folder = temporaryFolder()
  const token = 'an-admin-token-of-the-operator'
  await using first = startProcess({ folder: folder.path, environment: { WEIR_ADMIN_TOKEN: token } })
  const { url, adminUrl } = await first.ready()
  const key = /virtual key +(\S+)/.exec(first.stdout())?.[1] ?? ''
  const asked = fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({
      model: 'sim/small',
      messages: [{ role: 'user', content: '[[sim ttft_ms=1500 tokens=1]]' }],
    }),
  })
  await using second = startProcess({ folder: folder.path })
  expect(await second.ended).toBe(1)
  expect(second.stderr()).toContain(`Another gateway runs on the data folder ${path.join(folder.path, 'data')}`)
  const response = await asked
  const detail = await fetch(`${adminUrl}/admin/requests/${response.headers.get('x-weir-request-id')}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(await detail.json()).toMatchObject({ entry: { status: 'complete', usage_source: 'reported' } })
  // A crash leaves no lock behind.
  first.kill('SIGKILL')
  await first.ended
  await using third = startProcess({ folder: folder.path })
  await third.ready()
})

for (const [title, ids, expected] of [
  [
    'a route before any model',
    [
      ['openai/gpt-5-mini', 'openai'],
      ['mine', 'weir'],
    ],
    'mine',
  ],
  [
    'a small chat model before an old one',
    [
      ['openai/ada', 'openai'],
      ['openai/gpt-5-mini', 'openai'],
    ],
    'openai/gpt-5-mini',
  ],
  [
    'nothing that does not chat',
    [
      ['openai/text-embedding-3-small', 'openai'],
      ['openai/o9', 'openai'],
    ],
    'openai/o9',
  ],
  ['a placeholder where nothing is known', [], 'provider/model'],
] as const)
  test(`the first call names ${title}`, () => {
    expect(exampleModel(ids.map(([id, ownedBy]) => ({ id, ownedBy })))).toBe(expected)
  })
