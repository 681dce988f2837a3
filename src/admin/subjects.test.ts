import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { GatewayError } from '../core/error.ts'
import { openTestAdmin, type TestAdmin } from './testing.ts'

let admin: TestAdmin
beforeEach(async () => {
  admin = await openTestAdmin()
})
afterEach(() => admin.store.close())

async function created(line: string, body: unknown): Promise<Record<string, unknown>> {
  const { status, json, text } = await admin.call(line, { body })
  if (status !== 201) throw new Error(`${status} ${text}`)
  return json
}

async function refusalOf(use: () => Promise<unknown>): Promise<string> {
  try {
    await use()
    return 'none'
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
}

const whole = {
  name: 'app',
  models: ['openai/*', 'chat'],
  endpoints: ['chat', 'embeddings'],
  addresses: ['10.0.0.0/8', '2001:db8::1'],
  limits: { rpm: 60, tpm: null },
  tags: ['eu'],
  forbids: ['trace', 'fallbacks'],
  require_end_user: true,
  metadata: { owner: 'ada' },
  expires_at: '2027-01-01T01:00:00+01:00',
}

describe('keys', () => {
  test('a key is created with what was asked for, and its secret works', async () => {
    const team = await created('POST /admin/teams', { name: 'search' })
    const key = await created('POST /admin/keys', { ...whole, team: team['id'] })
    expect(key).toEqual({
      ...whole,
      id: expect.stringMatching(/^key_/),
      team: team['id'],
      user: null,
      limits: { rpm: 60, tpm: null, concurrency: null },
      disabled: false,
      created_at: '2026-11-23T12:30:00.000Z',
      expires_at: '2027-01-01T00:00:00.000Z',
      secrets: [{ hint: String(key['secret']).slice(-4), expires_at: null }],
      secret: expect.stringMatching(/^sk-weir-/),
    })
    const { key: found, team: owner } = await admin.keyRing.authenticate(String(key['secret']), () => '10.1.1.1')
    expect([found.id, owner?.name]).toEqual([String(key['id']), 'search'])
  })

  test('a name is enough', async () => {
    expect(await created('POST /admin/keys', { name: 'app' })).toMatchObject({
      team: null,
      models: null,
      endpoints: null,
      addresses: null,
      limits: { rpm: null, tpm: null, concurrency: null },
      tags: [],
      require_end_user: false,
      metadata: {},
      expires_at: null,
    })
  })

  test('the secret is in the first answer only', async () => {
    const { id, secret } = await created('POST /admin/keys', { name: 'app' })
    for (const line of [`GET /admin/keys/${String(id)}`, 'GET /admin/keys']) {
      const { text } = await admin.call(line)
      expect(text).toContain(String(id))
      expect(text).not.toContain(String(secret).slice(8, -4))
      expect(text).not.toContain(admin.hash(String(secret)))
    }
  })

  test('a team may be named by its name, wherever it is in the list', async () => {
    const teams = []
    for (let index = 0; index < 205; index++) teams.push(await created('POST /admin/teams', { name: `t${index}` }))
    for (const team of [teams[0], teams[204]])
      expect((await created('POST /admin/keys', { name: 'app', team: team?.['name'] }))['team']).toBe(
        team?.['id'] ?? '',
      )
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['no name', { name: undefined }, 'name'],
    ['an empty name', { name: ' ' }, 'name'],
    ['an unknown field', { colour: 'red' }, 'colour'],
    ['an unknown limit', { limits: { rps: 1 } }, 'limits.rps'],
    ['a limit of zero', { limits: { rpm: 0 } }, 'limits.rpm'],
    ['half a limit', { limits: { tpm: 0.5 } }, 'limits.tpm'],
    ['a text for a limit', { limits: { concurrency: '3' } }, 'limits.concurrency'],
    ['an unknown endpoint', { endpoints: ['chat', 'chats'] }, 'endpoints[1]'],
    ['a wrong address', { addresses: ['10.0.0.0/99'] }, 'addresses[0]'],
    ['a number for a model', { models: [3] }, 'models[0]'],
    ['an unknown team', { team: 'nobody' }, 'team'],
    ['a number in metadata', { metadata: { cost: 3 } }, 'metadata.cost'],
    [
      'too much metadata',
      { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`m${n}`, ''])) },
      'metadata',
    ],
    ['an expiry in the past', { expires_at: '2026-11-23T12:30:00Z' }, 'expires_at'],
    ['an expiry that is no time', { expires_at: 'tomorrow' }, 'expires_at'],
    ['a text for a flag', { require_end_user: 'yes' }, 'require_end_user'],
  ])('%s is refused, naming the field', async (_, fields, param) => {
    const { status, json } = await admin.call('POST /admin/keys', { body: { name: 'app', ...fields } })
    expect([status, json['error']]).toMatchObject([400, { code: 'request_malformed', param }])
    expect((await admin.call('GET /admin/keys')).json['data']).toEqual([])
  })

  test('all that is wrong is told at once, up to a bound', async () => {
    const body = { name: 3, a: 1, b: 2, limits: { rpm: 'x', c: 3 }, tags: [1, 2, 3] }
    const { json } = await admin.call('POST /admin/keys', { body })
    const { message } = json['error'] as { message: string }
    expect(message).toContain('`name`: ')
    expect(message).toMatch(/and \d more\.$/)
  })

  test('a change touches what it names and nothing else', async () => {
    const { secret: _, ...before } = await created('POST /admin/keys', whole)
    const line = `PATCH /admin/keys/${String(before['id'])}`
    expect((await admin.call(line, { body: {} })).json).toEqual(before)
    const changed = await admin.call(line, { body: { limits: { tpm: 1000 }, tags: [], addresses: null } })
    const after = { ...before, limits: { rpm: 60, tpm: 1000, concurrency: null }, tags: [], addresses: null }
    expect(changed.json).toEqual(after)
    const more = {
      name: 'other',
      models: null,
      require_end_user: false,
      metadata: {},
      expires_at: null,
      disabled: true,
    }
    expect((await admin.call(line, { body: { ...more, endpoints: ['chat'] } })).json).toEqual({
      ...after,
      ...more,
      endpoints: ['chat'],
    })
    expect((await admin.call(line.replace('PATCH', 'GET'))).json).toMatchObject(more)
  })

  test('a key changes its team, and leaves it', async () => {
    const team = await created('POST /admin/teams', { name: 'search' })
    const key = await created('POST /admin/keys', { name: 'app' })
    const line = `PATCH /admin/keys/${String(key['id'])}`
    expect((await admin.call(line, { body: { team: 'search' } })).json['team']).toBe(String(team['id']))
    expect((await admin.call(line, { body: { name: 'still' } })).json['team']).toBe(String(team['id']))
    expect((await admin.call(line, { body: { team: null } })).json['team']).toBeNull()
  })

  test.each<[Record<string, unknown>, string]>([
    [{ id: 'key_2' }, 'id'],
    [{ created_at: '2026-01-01T00:00:00Z' }, 'created_at'],
    [{ name: null }, 'name'],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    [{ addresses: ['here'] }, 'addresses[0]'],
    [{ team: 'nobody' }, 'team'],
  ])('the change %j is refused', async (body, param) => {
    const { id } = await created('POST /admin/keys', { name: 'app' })
    const { status, json } = await admin.call(`PATCH /admin/keys/${String(id)}`, { body })
    expect([status, json['error']]).toMatchObject([400, { param }])
  })

  test('disabling is effective at once', async () => {
    const { id, secret } = await created('POST /admin/keys', { name: 'app' })
    const use = async () => admin.keyRing.authenticate(String(secret), () => null)
    expect((await use()).key.id).toBe(String(id))
    await admin.call(`PATCH /admin/keys/${String(id)}`, { body: { disabled: true } })
    expect(await refusalOf(use)).toBe('key_disabled')
    await admin.call(`PATCH /admin/keys/${String(id)}`, { body: { disabled: false } })
    expect((await use()).key.id).toBe(String(id))
  })

  test('a deleted key is unknown at once', async () => {
    const { id, secret } = await created('POST /admin/keys', { name: 'app' })
    await admin.keyRing.authenticate(String(secret), () => null)
    expect((await admin.call(`DELETE /admin/keys/${String(id)}`)).status).toBe(204)
    const use = async () => admin.keyRing.authenticate(String(secret), () => null)
    expect(await refusalOf(use)).toBe('key_unknown')
    expect((await admin.call(`GET /admin/keys/${String(id)}`)).status).toBe(404)
  })

  test('a rotated key has both secrets for the grace period, then the new one', async () => {
    const { id, secret: old } = await created('POST /admin/keys', { name: 'app' })
    const { status, json } = await admin.call(`POST /admin/keys/${String(id)}/rotate`, { body: { grace_s: 60 } })
    expect([status, json['id']]).toEqual([200, id])
    expect(json['secret']).not.toBe(String(old))
    expect(json['secrets']).toContainEqual({
      hint: String(old).slice(-4),
      expires_at: '2026-11-23T12:31:00.000Z',
    })
    const use = async (secret: unknown) => admin.keyRing.authenticate(String(secret), () => null)
    expect([(await use(old)).key.id, (await use(json['secret'])).key.id]).toEqual([String(id), String(id)])
    admin.time.now += 60_000
    expect(await refusalOf(() => use(old))).toBe('key_expired')
    expect((await use(json['secret'])).key.id).toBe(String(id))
  })

  test('a rotation without grace ends the old secret at once', async () => {
    const { id, secret } = await created('POST /admin/keys', { name: 'app' })
    const use = async () => admin.keyRing.authenticate(String(secret), () => null)
    await use()
    await admin.call(`POST /admin/keys/${String(id)}/rotate`, { body: { grace_s: 0 } })
    expect(await refusalOf(use)).toMatch(/^key_(expired|unknown)$/)
  })

  test.each([{}, { grace_s: -1 }, { grace_s: 1.5 }, { grace_s: 1e9 }, { grace: 3, grace_s: 1 }])(
    'the rotation %j is refused',
    async (body) => {
      const { id } = await created('POST /admin/keys', { name: 'app' })
      expect((await admin.call(`POST /admin/keys/${String(id)}/rotate`, { body })).status).toBe(400)
    },
  )

  test.each([
    ['GET /admin/keys/key_none', undefined],
    ['PATCH /admin/keys/key_none', { name: 'x' }],
    ['DELETE /admin/keys/key_none', undefined],
    ['POST /admin/keys/key_none/rotate', { grace_s: 0 }],
    ['GET /admin/teams/team_none', undefined],
    ['PATCH /admin/teams/team_none', { name: 'x' }],
    ['DELETE /admin/teams/team_none', undefined],
    ['DELETE /admin/tokens/token_none', undefined],
  ])('%s is not found', async (line, body) => {
    const { status, json } = await admin.call(line, { body })
    expect([status, json['error']]).toMatchObject([
      404,
      { code: 'not_found', message: expect.stringContaining('_none') },
    ])
  })

  test('a list comes in pages that leave nothing out', async () => {
    const ids = new Set<unknown>()
    for (let index = 0; index < 5; index++) ids.add((await created('POST /admin/keys', { name: `k${index}` }))['id'])
    const seen: unknown[] = []
    let cursor = ''
    for (let pages = 1; ; pages++) {
      const { json } = await admin.call(`GET /admin/keys?limit=2${cursor}`)
      seen.push(...(json['data'] as { id: string }[]).map(({ id }) => id))
      if (typeof json['next'] !== 'string') {
        expect([pages, json['next']]).toEqual([3, null])
        break
      }
      cursor = `&cursor=${encodeURIComponent(json['next'])}`
    }
    expect(seen.length).toBe(5)
    expect(new Set(seen)).toEqual(ids)
  })

  test('a list may be narrowed to a team', async () => {
    const team = await created('POST /admin/teams', { name: 'search' })
    await created('POST /admin/keys', { name: 'in', team: 'search' })
    await created('POST /admin/keys', { name: 'out' })
    const { json } = await admin.call(`GET /admin/keys?team=${String(team['id'])}`)
    expect((json['data'] as { name: string }[]).map(({ name }) => name)).toEqual(['in'])
  })

  test.each([
    ['?limit=0', 'limit'],
    ['?limit=201', 'limit'],
    ['?limit=x', 'limit'],
    ['?limit=1&limit=2', 'limit'],
    ['?cursor=invented', 'cursor'],
    ['?page=2', 'page'],
  ])('the query %s is refused', async (query, param) => {
    const { status, json } = await admin.call(`GET /admin/keys${query}`)
    expect([status, json['error']]).toMatchObject([400, { param }])
  })
})

describe('teams', () => {
  test('a team is created, found, listed, changed and deleted', async () => {
    const body = { name: 'search', models: ['chat'], limits: { rpm: 10 }, tags: ['eu'], metadata: { floor: '3' } }
    const team = await created('POST /admin/teams', body)
    const whole = { ...body, limits: { rpm: 10, tpm: null, concurrency: null }, disabled: false }
    expect(team).toEqual({
      ...whole,
      organisation: null,
      id: expect.stringMatching(/^team_/),
      created_at: '2026-11-23T12:30:00.000Z',
    })
    const line = `/admin/teams/${String(team['id'])}`
    expect((await admin.call(`GET ${line}`)).json).toEqual(team)
    expect((await admin.call('GET /admin/teams')).json).toEqual({ data: [team], next: null })
    const changed = await admin.call(`PATCH ${line}`, { body: { name: 'find', limits: { tpm: 5 } } })
    expect(changed.json).toEqual({ ...team, name: 'find', limits: { rpm: 10, tpm: 5, concurrency: null } })
    expect((await admin.call(`DELETE ${line}`)).status).toBe(204)
    expect((await admin.call('GET /admin/teams')).json).toEqual({ data: [], next: null })
  })

  test('a name is enough', async () =>
    expect(await created('POST /admin/teams', { name: 'search' })).toMatchObject({
      models: null,
      tags: [],
      metadata: {},
    }))

  test('a name is taken once', async () => {
    await created('POST /admin/teams', { name: 'search' })
    const other = await created('POST /admin/teams', { name: 'other' })
    const again = await admin.call('POST /admin/teams', { body: { name: 'search' } })
    expect([again.status, again.json['error']]).toMatchObject([409, { code: 'conflict' }])
    const renamed = await admin.call(`PATCH /admin/teams/${String(other['id'])}`, { body: { name: 'search' } })
    expect([renamed.status, renamed.json['error']]).toMatchObject([409, { code: 'conflict' }])
  })

  test.each([
    [{ name: 'team_1' }, 'name'],
    [{ name: 'a', endpoints: ['chat'] }, 'endpoints'],
    [{ name: 'a', limits: { rpm: -1 } }, 'limits.rpm'],
  ])('%j is refused', async (body, param) => {
    const { status, json } = await admin.call('POST /admin/teams', { body })
    expect([status, json['error']]).toMatchObject([400, { param }])
  })

  test('a team with keys is not deleted', async () => {
    const { id } = await created('POST /admin/teams', { name: 'search' })
    await created('POST /admin/keys', { name: 'app', team: 'search' })
    const { status, json } = await admin.call(`DELETE /admin/teams/${String(id)}`)
    expect([status, json['error']]).toMatchObject([409, { code: 'conflict' }])
  })

  test('disabling a team stops its keys at once', async () => {
    const { id } = await created('POST /admin/teams', { name: 'search' })
    const { secret } = await created('POST /admin/keys', { name: 'app', team: 'search' })
    const use = async () => admin.keyRing.authenticate(String(secret), () => null)
    await use()
    await admin.call(`PATCH /admin/teams/${String(id)}`, { body: { disabled: true } })
    expect(await refusalOf(use)).toBe('key_disabled')
  })
})

describe('admin tokens', () => {
  test('a token is shown once, works in its role, and stops when it is deleted', async () => {
    const viewer = await created('POST /admin/tokens', { name: 'dashboard', role: 'viewer' })
    const { id, secret, ...rest } = viewer
    expect(rest).toEqual({ name: 'dashboard', role: 'viewer', created_at: '2026-11-23T12:30:00.000Z' })
    const list = await admin.call('GET /admin/tokens')
    expect(list.json).toMatchObject({ data: expect.arrayContaining([{ id, ...rest }]), next: null })
    expect(list.text).not.toContain(String(secret).slice(14, -4))
    const token = String(secret)
    expect((await admin.call('GET /admin/keys', { token })).status).toBe(200)
    expect((await admin.call('DELETE /admin/tokens/x', { token })).status).toBe(403)
    expect((await admin.call(`DELETE /admin/tokens/${String(id)}`)).status).toBe(204)
    expect((await admin.call('GET /admin/keys', { token })).status).toBe(401)
  })

  test('the last admin token stays, unless the operator has one of their own', async () => {
    const tokens = await admin.store.listAdminTokens()
    const last = tokens.find(({ role }) => role === 'admin')?.id ?? ''
    const refused = await admin.call(`DELETE /admin/tokens/${last}`)
    expect([refused.status, refused.json['error']]).toMatchObject([409, { code: 'conflict' }])
    await created('POST /admin/tokens', { name: 'second', role: 'admin' })
    expect((await admin.call(`DELETE /admin/tokens/${last}`)).status).toBe(204)

    const other = await openTestAdmin({ operatorTokenHash: admin.hash('operator') })
    const only = (await other.store.listAdminTokens()).find(({ role }) => role === 'admin')?.id ?? ''
    expect((await other.call(`DELETE /admin/tokens/${only}`, { token: 'operator' })).status).toBe(204)
    await other.store.close()
  })

  test.each([
    { name: 'x' },
    { name: 'x', role: 'root' },
    { role: 'admin' },
    { name: 'x', role: 'admin', secret: 'mine' },
  ])('%j is refused', async (body) => expect((await admin.call('POST /admin/tokens', { body })).status).toBe(400))
})
