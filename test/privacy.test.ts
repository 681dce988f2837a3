// What is kept of prompts and answers, through a whole gateway: by mode, by key, for how long, and for whom.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { createAdmin } from '../src/admin/admin.ts'
import { issueAdminToken } from '../src/keys/issue-key.ts'
import { PRIVACY } from '../src/lab/privacy.ts'
import { completion, providerAt, startGateway, startUpstream } from './gateway.ts'
import type { CallOptions, TestGateway } from './gateway.ts'

test('the page about privacy says what each mode keeps, and what it cannot', () => {
  const page = readFileSync('docs/privacy.md', 'utf8').replaceAll(/ +/g, ' ')
  for (const [mode, { kept, cannot }] of Object.entries(PRIVACY))
    expect(page).toContain(`| \`${mode}\` | ${kept} | ${cannot.join('; ')}${cannot.length === 0 ? '' : ' '}|`)
})

const SECRETIVE = {
  model: 'up/m',
  user: 'ada',
  messages: [
    { role: 'system', content: 'You are terse.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'My mail is ada@example.com and my key sk-abcdefghijklmnop1234.' },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${btoa('picture'.repeat(40))}` } },
      ],
    },
  ],
  tools: [
    {
      type: 'function',
      function: {
        name: 'data',
        parameters: { type: 'object', properties: { data: { type: 'string' }, raw: { type: 'object' } } },
      },
    },
  ],
}

async function ask(weir: TestGateway, body: object = SECRETIVE, options: CallOptions = {}): Promise<string> {
  const response = await weir.call('/v1/chat/completions', body, options)
  await response.text()
  await weir.gateway.quality.settled()
  return response.headers.get('x-weir-request-id') ?? ''
}

const reply = () => Response.json(completion('Write to bob@example.com.'))

test('unless somebody says so nothing is kept', async () => {
  using upstream = startUpstream(reply)
  await using weir = await startGateway(providerAt(upstream.url, 'lab: { evidence: all }'))
  expect(await weir.store.getPrompt(await ask(weir))).toBeNull()
})

test('full: request and answer as they are, without pictures', async () => {
  using upstream = startUpstream(reply)
  await using weir = await startGateway(providerAt(upstream.url, 'prompts: { keep: full }'))
  const kept = (await weir.store.getPrompt(await ask(weir)))!
  const text = JSON.stringify(kept.content)
  expect(kept).toMatchObject({ mode: 'full', endUser: 'ada', deployment: 'up/m', route: 'up/m' })
  expect(text).toContain('ada@example.com')
  expect(text).toContain('bob@example.com')
  expect(text).not.toContain(btoa('picture'.repeat(40)))
  expect(kept.content?.request.tools[0]).toMatchObject({ schema: { properties: { data: { type: 'string' } } } })
  expect(kept.content?.answer?.choices[0]?.finish).toEqual({ unified: 'stop', raw: 'stop' })
})

test('redacted: neither personal data nor secrets, and what is left can still be read', async () => {
  using upstream = startUpstream(() =>
    Response.json({
      ...completion('Write to bob@example.com.'),
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: null,
            tool_calls: [
              {
                id: 'c',
                type: 'function',
                function: { name: 'data', arguments: '{"data":"+49 151 1234 5678","n":4111111111111111}' },
              },
            ],
          },
        },
      ],
    }),
  )
  await using weir = await startGateway(providerAt(upstream.url, 'prompts: { keep: redacted }'))
  const kept = (await weir.store.getPrompt(await ask(weir)))!
  const text = JSON.stringify(kept.content)
  expect(kept.mode).toBe('redacted')
  for (const secret of ['ada@example.com', 'sk-abcdef', '1234 5678', '4111111111111111'])
    expect(text).not.toContain(secret)
  const [call] = kept.content?.answer?.choices[0]?.parts ?? []
  expect(call).toMatchObject({ type: 'tool_call', name: 'data' })
  expect(JSON.parse((call as { arguments: string }).arguments)).toEqual({ data: '[phone]', n: '[number]' })
})

test('hashed: no text, but what is the same has the same hashes', async () => {
  using upstream = startUpstream(reply)
  await using weir = await startGateway(providerAt(upstream.url, 'prompts: { keep: hashed }'))
  const kept = [
    await ask(weir),
    await ask(weir),
    await ask(weir, { ...SECRETIVE, messages: SECRETIVE.messages.slice(0, 1) }),
  ]
  const [first, again, other] = await Promise.all(kept.map((id) => weir.store.getPrompt(id)))
  expect(first).toMatchObject({ mode: 'hashed', content: null })
  expect(again!.hashes).toEqual(first!.hashes)
  expect(other!.hashes.system).toBe(first!.hashes.system)
  expect(other!.hashes.prompt).not.toBe(first!.hashes.prompt)
  expect(JSON.stringify(first)).not.toContain('ada@')
})

test('sampled: about its share as it is, always the same ones, the others hashed', async () => {
  using upstream = startUpstream(reply)
  await using weir = await startGateway(
    providerAt(upstream.url, 'prompts: { keep: sampled, share: 0.3 }\nlab: { cpu_share: 1 }'),
  )
  const ids: string[] = []
  for (let count = 0; count < 120; count++) ids.push(await ask(weir, { ...SECRETIVE, seed: count }))
  const modes = await Promise.all(ids.map(async (id) => (await weir.store.getPrompt(id))?.mode))
  const full = modes.filter((mode) => mode === 'full').length
  expect(full).toBeGreaterThan(15)
  expect(full).toBeLessThan(60)
  expect(modes.filter((mode) => mode === 'hashed')).toHaveLength(120 - full)
}, 15_000)

test('what is too large is hashed', async () => {
  using upstream = startUpstream(reply)
  await using weir = await startGateway(providerAt(upstream.url, 'prompts: { keep: full, max_size: 1KiB }'))
  const kept = await weir.store.getPrompt(
    await ask(weir, { ...SECRETIVE, messages: [{ role: 'user', content: 'x'.repeat(1_100) }] }),
  )
  expect(kept).toMatchObject({ mode: 'hashed', content: null, characters: 0 })
})

test('the key has the last word, then its team; what is no mode, and a no-store request, keep nothing', async () => {
  using upstream = startUpstream(reply)
  await using weir = await startGateway(
    providerAt(upstream.url, 'prompts: { keep: hashed }\ncache: { no_store_tags: [private] }'),
  )
  const team = {
    id: 'team_1',
    name: 'quiet',
    limits: { rpm: null, tpm: null, concurrency: null },
    models: null,
    tags: [],
    metadata: { prompts: 'off' },
    disabled: false,
    createdAt: 0,
  }
  await weir.store.insertTeam(team)
  const rows: readonly (readonly [
    metadata: Record<string, string>,
    teamId: string | null,
    options: CallOptions,
    mode: string | null,
  ])[] = [
    [{ prompts: 'full' }, null, {}, 'full'],
    [{}, null, {}, 'hashed'],
    [{}, 'team_1', {}, null],
    [{ prompts: 'full' }, 'team_1', {}, 'full'],
    [{ prompts: 'ful' }, null, {}, null],
    [{ prompts: 'full' }, null, { headers: { 'cache-control': 'no-store' } }, null],
    [{ prompts: 'full' }, null, { headers: { 'x-weir-tags': 'private' } }, null],
  ]
  for (const [metadata, teamId, options, mode] of rows) {
    const key = await weir.issue({ metadata, teamId })
    expect((await weir.store.getPrompt(await ask(weir, SECRETIVE, { ...options, key })))?.mode ?? null).toBe(
      mode as never,
    )
  }
})

test('only admins see what people wrote; a viewer and the caller’s key do not', async () => {
  using upstream = startUpstream(reply)
  await using weir = await startGateway(providerAt(upstream.url, 'prompts: { keep: full }'))
  const { clock, keyRing } = weir.gateway
  const admin = createAdmin({
    store: weir.store,
    hash: weir.hash,
    keys: keyRing,
    clock,
    operatorTokenHash: weir.hash('an-admin-token'),
    onInternalError: () => {},
  } as never)
  const viewer = issueAdminToken({ name: 'v', role: 'viewer' }, { hash: weir.hash, clock })
  await weir.store.insertAdminToken(viewer.token)
  const id = await ask(weir)
  const call = async (path: string, token: string, method = 'GET') => {
    const response = await admin.fetch(
      new Request(`http://admin${path}`, { method, headers: { authorization: `Bearer ${token}` } }),
      { address: null },
    )
    return { status: response.status, text: await response.text() }
  }
  const shown = await call(`/admin/requests/${id}/prompt`, 'an-admin-token')
  expect(shown.status).toBe(200)
  expect(shown.text).toContain('ada@example.com')
  expect((await call(`/admin/requests/${id}/prompt`, viewer.secret)).status).toBe(403)
  expect((await call(`/admin/requests/${id}/prompt/`, viewer.secret)).status).toBe(403)
  for (const path of [`/admin/requests/${id}`, '/admin/requests'])
    expect((await call(path, 'an-admin-token')).text).not.toContain('ada@')
  expect(await (await weir.call(`/v1/requests/${id}`)).text()).not.toContain('ada@')
  expect((await call('/admin/prompts', 'an-admin-token', 'DELETE')).status).toBe(400)
  expect((await call('/admin/prompts?end_user=ada', 'an-admin-token', 'DELETE')).text).toBe('{"deleted":1}')
  expect((await call(`/admin/requests/${id}/prompt`, 'an-admin-token')).status).toBe(404)
})
