// `/user` through the whole gateway: registering, logging in, keys, money, and what nobody may see or do.
import { describe, expect, test } from 'bun:test'
import { Webhook } from 'standardwebhooks'
import type { Clock } from '../src/core/clock.ts'
import { makeCodes } from '../src/users/codes.ts'
import { completion, providerAt, QUESTION, startGateway, startUpstream, type TestGateway } from './gateway.ts'

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
const PASSWORD = 'correct horse battery'
const USAGE = { prompt_tokens: 10, completion_tokens: 50, total_tokens: 60 }

type Settings = {
  readonly registration?: string
  readonly more?: string
  readonly upstream?: string
  readonly clock?: Clock
}

async function start({
  registration = 'open',
  more = '',
  upstream = 'http://127.0.0.1:1',
  clock,
}: Settings = {}): Promise<TestGateway> {
  return startGateway(
    `users: { enabled: true, registration: ${registration}, topup_secret: ${SECRET}, ${more} }\n${providerAt(upstream)}`,
    clock === undefined ? {} : { clock },
  )
}

type Answer = { readonly status: number; readonly body: Record<string, unknown>; readonly headers: Headers }

/** A program at the JSON API: it keeps the cookie and the token that it was given. */
function client(weir: TestGateway) {
  let cookie = ''
  let token = ''
  async function send(line: string, fields: unknown, headers: Record<string, string>): Promise<Answer> {
    const [method = 'GET', path = ''] = line.split(' ')
    const response = await weir.call(`/user/api/${path}`, fields, {
      key: null,
      method,
      headers: {
        ...(fields === undefined ? {} : { 'content-type': 'application/json' }),
        cookie,
        'x-csrf-token': token,
        ...headers,
      },
    })
    const set = response.headers.get('set-cookie')
    if (set !== null) cookie = set.split(';')[0] ?? ''
    const text = await response.text()
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
    if (typeof body['csrf_token'] === 'string') token = body['csrf_token']
    return { status: response.status, body, headers: response.headers }
  }
  return {
    send: (line: string, fields?: unknown, headers: Record<string, string> = {}) => send(line, fields, headers),
    register: (login: string, more: object = {}) => send('POST register', { login, password: PASSWORD, ...more }, {}),
    get cookie() {
      return cookie
    },
  }
}

function codeOf({ status, body }: Answer): unknown {
  return [status, (body['error'] as { code?: unknown } | undefined)?.code]
}

async function pay(
  weir: TestGateway,
  payment: object,
  change: { secret?: string; at?: Date; id?: string; headers?: object } = {},
): Promise<Answer> {
  const id = change.id ?? 'msg_1'
  const at = change.at ?? new Date()
  const text = JSON.stringify(payment)
  const signature = new Webhook(change.secret ?? SECRET).sign(id, at, text)
  const response = await weir.call('/user/topups', text, {
    key: null,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': signature,
      ...change.headers,
    },
  })
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  }
}

async function makeCode(weir: TestGateway, kind: 'redemption' | 'invitation', amountNanoUsd: bigint): Promise<string> {
  const input = { kind, count: 1, amountNanoUsd, group: null, note: '', madeBy: null, expiresAt: null }
  const made = makeCodes(input, { hash: weir.hash, now: Date.now() })
  await weir.store.insertCodes(made.map(({ row }) => row))
  return made[0]?.code ?? ''
}

describe('a user', () => {
  test('registers, tops up, makes a key, asks, and sees what it was charged', async () => {
    using upstream = startUpstream(() => Response.json(completion('word', USAGE)))
    await using weir = await start({ upstream: upstream.url })
    await weir.store.updateGroup('default', { multiplierMillionths: 2_000_000n })
    const ada = client(weir)
    expect(await ada.register('Ada@example.com')).toMatchObject({
      status: 201,
      body: { login: 'ada@example.com', balance_usd: '0' },
    })
    const paid = await pay(weir, { payment_id: 'pay-1', user: 'ada@example.com', amount_usd: '1.50', note: 'card' })
    expect(paid).toMatchObject({ status: 201, body: { amount_usd: '1.5', is_new: true } })
    const { body: key } = await ada.send('POST keys', { name: 'laptop', limit_usd: '0.5', window: 'month' })
    const asked = await weir.call(
      '/v1/chat/completions',
      { ...QUESTION, max_tokens: 50 },
      { key: String(key['secret']) },
    )
    expect(asked.status).toBe(200)
    expect((await ada.send('GET me')).body).toMatchObject({
      balance_usd: '1.49978',
      charged_usd: '0.00022',
      multiplier: '2',
    })
    expect((await ada.send('GET usage?by=model&bucket=day')).body).toMatchObject({
      rows: [{ model: 'up/m', requests: 1, input_tokens: 10, output_tokens: 50, charged_usd: '0.00022' }],
    })
    const { body: requests } = await ada.send(`GET requests?key=${String(key['id'])}`)
    expect(requests).toMatchObject({ data: [{ status: 200, model: 'up/m', charged_usd: '0.00022' }], next: null })
    expect(JSON.stringify(requests)).not.toContain('0.00011')
    expect((await ada.send('GET credits')).body).toMatchObject({
      data: [{ kind: 'topup', amount_usd: '1.5', note: 'card' }],
    })
    expect(await ada.send(`DELETE keys/${String(key['id'])}`)).toMatchObject({ status: 204 })
    expect((await weir.call('/v1/models', undefined, { key: String(key['secret']) })).status).toBe(401)
    expect((await weir.store.listBudgets({ cursor: null, limit: 9 })).data).toEqual([])
    expect(await weir.store.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
  })

  test('has keys that cannot ask what a request costs the operator', async () => {
    using upstream = startUpstream(() => Response.json(completion('word', USAGE)))
    await using weir = await start({ upstream: upstream.url, more: 'welcome_usd: 1' })
    const ada = client(weir)
    await ada.register('ada')
    const { body: key } = await ada.send('POST keys', { name: 'laptop' })
    for (const headers of [{ 'x-weir-trace': 'full' }, { 'x-weir-max-cost-usd': '0.0001' }]) {
      const refused = await weir.call('/v1/chat/completions', QUESTION, { key: String(key['secret']), headers })
      expect([refused.status, refused.headers.get('x-weir-error')]).toEqual([403, 'option_not_allowed'])
    }
  })

  test('has keys that share limits and files, and cannot reach the provider’s own API', async () => {
    using upstream = startUpstream(() => Response.json(completion('word', USAGE)))
    await using weir = await startGateway(
      `users: { enabled: true, registration: open, welcome_usd: 1 }\nlimits: { user: { rpm: 2 } }\n${providerAt(upstream.url)}`,
    )
    const ada = client(weir)
    await ada.register('ada')
    const keys = await Promise.all(
      ['one', 'two'].map(async (name) => String((await ada.send('POST keys', { name })).body['secret'])),
    )
    const passed = await weir.call('/pass/up/v1/files', undefined, { key: keys[0] ?? '' })
    expect([passed.status, passed.headers.get('x-weir-error')]).toEqual([403, 'endpoint_not_allowed'])
    const form = new FormData()
    form.set('purpose', 'batch')
    form.set('file', new File(['{}'], 'lines.jsonl'))
    expect((await weir.call('/v1/files', form, { key: keys[0] ?? '' })).status).toBe(200)
    const names = async (key: string): Promise<unknown> =>
      ((await (await weir.call('/v1/files', undefined, { key })).json()) as { data: { filename: string }[] }).data.map(
        ({ filename }) => filename,
      )
    expect([await names(keys[1] ?? ''), await names(weir.key)]).toEqual([['lines.jsonl'], []])
    const statuses: number[] = []
    for (const place of [0, 1, 0])
      statuses.push((await weir.call('/v1/chat/completions', QUESTION, { key: keys[place] ?? '' })).status)
    expect(statuses).toEqual([200, 200, 429])
  })

  test('comes in again with the password, which can be changed and then ends every other log-in', async () => {
    await using weir = await start()
    const ada = client(weir)
    const elsewhere = client(weir)
    await ada.register('ada')
    expect((await elsewhere.send('POST login', { login: 'ADA', password: PASSWORD })).status).toBe(200)
    expect(codeOf(await ada.send('POST password', { current: 'wrong', password: 'another horse battery' }))).toEqual([
      401,
      'login_failed',
    ])
    expect((await ada.send('POST password', { current: PASSWORD, password: 'another horse battery' })).status).toBe(200)
    expect(codeOf(await elsewhere.send('GET me'))).toEqual([401, 'login_required'])
    expect((await ada.send('GET me')).status).toBe(200)
    expect(codeOf(await elsewhere.send('POST login', { login: 'ada', password: PASSWORD }))).toEqual([
      401,
      'login_failed',
    ])
    expect((await ada.send('POST logout')).status).toBe(204)
    expect(codeOf(await ada.send('GET me'))).toEqual([401, 'login_required'])
  })

  test('sees nothing of another user', async () => {
    await using weir = await start()
    const ada = client(weir)
    const eve = client(weir)
    await ada.register('ada')
    await eve.register('eve')
    const { body: key } = await ada.send('POST keys', { name: 'laptop' })
    const id = String(key['id'])
    expect(codeOf(await eve.send(`GET requests?key=${id}`))).toEqual([404, 'not_found'])
    expect(codeOf(await eve.send(`DELETE keys/${id}`))).toEqual([404, 'not_found'])
    const nobodys = await weir.issue({ name: 'the operator’s' })
    const operators = (await weir.store.findKeyByHash(weir.hash(nobodys)))?.key.id ?? ''
    expect(codeOf(await eve.send(`GET requests?key=${operators}`))).toEqual([404, 'not_found'])
    expect((await eve.send('GET keys')).body).toEqual({ data: [], next: null })
    expect((await eve.send('GET usage')).body).toEqual({ rows: [] })
    expect((await eve.send('GET credits')).body).toMatchObject({ data: [] })
    expect((await ada.send('GET keys')).body).toMatchObject({ data: [{ id, name: 'laptop' }] })
    expect(JSON.stringify((await ada.send('GET keys')).body)).not.toContain(String(key['secret']))
  })

  test('who is disabled is out at once, and so are the keys', async () => {
    await using weir = await start()
    const ada = client(weir)
    const { body } = await ada.register('ada')
    const { body: key } = await ada.send('POST keys', { name: 'laptop' })
    await weir.store.updateUser(String(body['id']), { disabled: true })
    weir.gateway.keyRing.invalidate()
    expect(codeOf(await ada.send('GET me'))).toEqual([401, 'login_required'])
    expect(codeOf(await ada.send('POST login', { login: 'ada', password: PASSWORD }))).toEqual([403, 'user_disabled'])
    expect((await weir.call('/v1/models', undefined, { key: String(key['secret']) })).headers.get('x-weir-error')).toBe(
      'key_disabled',
    )
  })

  test('has as many keys as there may be', async () => {
    await using weir = await start({ more: 'max_keys: 1' })
    const ada = client(weir)
    await ada.register('ada')
    expect((await ada.send('POST keys', { name: 'one' })).status).toBe(201)
    expect(codeOf(await ada.send('POST keys', { name: 'two' }))).toEqual([409, 'conflict'])
    const eve = client(weir)
    await eve.register('eve')
    await Promise.all(Array.from({ length: 5 }, () => eve.send('POST keys', { name: 'at once' })))
    expect(((await eve.send('GET keys')).body['data'] as unknown[]).length).toBeLessThanOrEqual(1)
  })
})

describe('registering', () => {
  test('needs an invitation by default, which works once', async () => {
    await using weir = await start({ registration: 'invitation' })
    const invitation = await makeCode(weir, 'invitation', 2_000_000_000n)
    expect(codeOf(await client(weir).register('ada'))).toEqual([403, 'registration_closed'])
    const both = await Promise.all(['ada', 'bob'].map((login) => client(weir).register(login, { invitation })))
    expect(both.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([201, 400])
    expect(both.find(({ status }) => status === 201)?.body).toMatchObject({ balance_usd: '2' })
    expect(codeOf(await client(weir).register('eve', { invitation: 'AAAAA-AAAAA-AAAAA-AAAAA-AAAAA' }))).toEqual([
      400,
      'code_invalid',
    ])
  })

  test('is closed where the operator says so', async () => {
    await using weir = await start({ registration: 'closed' })
    const invitation = await makeCode(weir, 'invitation', 0n)
    expect(codeOf(await client(weir).register('ada', { invitation }))).toEqual([403, 'registration_closed'])
  })

  test('by an invitation of a user credits both, as far as the operator is generous', async () => {
    await using weir = await start({ more: 'max_invitations: 1, welcome_usd: 0.5, inviter_usd: 0.25' })
    const ada = client(weir)
    await ada.register('ada')
    const { body } = await ada.send('POST invitations')
    expect(codeOf(await ada.send('POST invitations'))).toEqual([409, 'conflict'])
    const bob = await client(weir).register('bob', { invitation: body['code'] })
    expect(bob.body).toMatchObject({ balance_usd: '0.5' })
    expect((await ada.send('GET me')).body).toMatchObject({ balance_usd: '0.75' })
    expect((await ada.send('GET invitations')).body).toMatchObject({ data: [{ used_at: expect.any(String) }] })
    await Promise.all(Array.from({ length: 5 }, () => ada.send('POST invitations')))
    const open = ((await ada.send('GET invitations')).body['data'] as { used_at: unknown }[]).filter(
      ({ used_at }) => used_at === null,
    )
    expect(open.length).toBeLessThanOrEqual(1)
  })

  test.each([
    [{ login: 'ada' }, 409, 'conflict'],
    [{ login: 'a b' }, 400, 'request_malformed'],
    [{ login: 'bob', password: 'short' }, 400, 'request_malformed'],
    [{ login: 'bob', role: 'admin' }, 400, 'request_malformed'],
  ])('%p is refused with %p', async (fields, status, code) => {
    await using weir = await start()
    await client(weir).register('ada')
    expect(codeOf(await client(weir).send('POST register', { password: PASSWORD, ...fields }))).toEqual([status, code])
  })
})

describe('codes and payments', () => {
  test('of many redemptions of one code at once, by anybody, one is credited', async () => {
    await using weir = await start()
    const code = await makeCode(weir, 'redemption', 5_000_000_000n)
    const users = await Promise.all(
      ['ada', 'bob', 'eve'].map(async (login) => {
        const user = client(weir)
        await user.register(login)
        return user
      }),
    )
    const answers = await Promise.all([...users, ...users].map((user) => user.send('POST redeem', { code })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const balances = await Promise.all(
      users.map(async (user) => String((await user.send('GET me')).body['balance_usd'])),
    )
    expect(balances.toSorted()).toEqual(['0', '0', '5'])
  })

  test('a payment that is told again is credited once; another of its id is refused', async () => {
    await using weir = await start()
    const ada = client(weir)
    const { body } = await ada.register('ada')
    const payment = { payment_id: 'pay-1', user: body['id'], amount_usd: 20 }
    const told = await Promise.all([pay(weir, payment), pay(weir, payment, { id: 'msg_2' }), pay(weir, payment)])
    expect(told.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 200, 201])
    expect((await ada.send('GET me')).body).toMatchObject({ balance_usd: '20' })
    expect(codeOf(await pay(weir, { ...payment, amount_usd: 21 }))).toEqual([409, 'conflict'])
    expect((await pay(weir, { payment_id: 'refund-1', user: 'ada', amount_usd: '-5' })).status).toBe(201)
    expect((await ada.send('GET me')).body).toMatchObject({ balance_usd: '15' })
    expect(codeOf(await pay(weir, { ...payment, payment_id: 'pay-2', user: 'nobody' }))).toEqual([404, 'not_found'])
    expect(codeOf(await pay(weir, { ...payment, payment_id: 'pay-2', amount_usd: 0 }))).toEqual([
      400,
      'request_malformed',
    ])
  })

  test.each([
    ['of another secret', { secret: `whsec_${Buffer.alloc(32, 6).toString('base64')}` }],
    ['that is too old', { at: new Date(Date.now() - 6 * 60_000) }],
    ['from the future', { at: new Date(Date.now() + 6 * 60_000) }],
    ['for another message', { headers: { 'webhook-id': 'msg_2' } }],
    ['without a signature', { headers: { 'webhook-signature': '' } }],
    ['without a time', { headers: { 'webhook-timestamp': '' } }],
  ])('a message %s is refused', async (_, change) => {
    await using weir = await start()
    const { body } = await client(weir).register('ada')
    expect(codeOf(await pay(weir, { payment_id: 'p', user: body['id'], amount_usd: 1 }, change))).toEqual([
      401,
      'signature_invalid',
    ])
    expect((await weir.store.creditsSince(0)).totals).toEqual([])
  })

  test('none is taken without a secret', async () => {
    await using weir = await startGateway(
      `users: { enabled: true, registration: open }\n${providerAt('http://127.0.0.1:1')}`,
    )
    await client(weir).register('ada')
    expect(codeOf(await pay(weir, { payment_id: 'p', user: 'ada', amount_usd: 1 }))).toEqual([401, 'signature_invalid'])
  })
})

describe('strangers', () => {
  function drivenClock(): Clock & { ms: number } {
    const clock = { ms: 0, now: () => NOON + clock.ms, monotonicMs: () => clock.ms, after: () => () => {} }
    return clock
  }
  const NOON = Date.UTC(2026, 10, 28, 12)

  test('try a password so often, from one address or many, and no more', async () => {
    const clock = drivenClock()
    await using weir = await start({ clock, more: 'welcome_usd: 0' })
    await client(weir).register('ada')
    const guess = (password: string) => client(weir).send('POST login', { login: 'ada', password })
    const first = await Promise.all(Array.from({ length: 30 }, (_, place) => guess(`wrong guess ${place}`)))
    expect(first.filter(({ status }) => status === 401)).toHaveLength(10)
    expect(first.filter(({ status }) => status === 429)).toHaveLength(20)
    // The right one is not told apart any more.
    expect(codeOf(await guess(PASSWORD))).toEqual([429, 'rate_limited'])
    clock.ms += 61_000
    for (let place = 0; place < 10; place++) await guess('wrong guess again')
    clock.ms += 61_000
    // The address may, the name may not.
    const locked = await guess(PASSWORD)
    expect(codeOf(locked)).toEqual([429, 'rate_limited'])
    expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(60)
    clock.ms += 15 * 60_000
    expect((await guess(PASSWORD)).status).toBe(200)
  })

  test('register twenty times in an hour from one address', async () => {
    const clock = drivenClock()
    await using weir = await start({ clock })
    const register = (place: number) => client(weir).register(`robot-${place}`)
    for (let place = 0; place < 20; place++) expect((await register(place)).status).toBe(201)
    const refused = await register(20)
    expect(codeOf(refused)).toEqual([429, 'rate_limited'])
    expect(refused.body['error']).toMatchObject({ message: 'Too many registrations came from this address.' })
    clock.ms += 3_600_000
    expect((await register(20)).status).toBe(201)
  })

  test('a session lasts as long as it may', async () => {
    const clock = drivenClock()
    await using weir = await start({ clock, more: 'session: 1h' })
    const ada = client(weir)
    const { headers } = await ada.register('ada')
    expect(headers.get('set-cookie')).toMatch(
      /^weir_user=[\w-]{43}; Path=\/user; Max-Age=3600; HttpOnly; SameSite=Lax; Secure$/,
    )
    const answer = await weir.call('/user/login', undefined, { key: null, headers: { 'x-forwarded-proto': 'http' } })
    expect(answer.headers.get('set-cookie')).toEndWith('; Secure')
    const local = async (headers: Record<string, string>): Promise<string | null> =>
      (await weir.gateway.fetch(new Request('http://127.0.0.1/user/login', { headers }))).headers.get('set-cookie')
    expect(await local({})).toEndWith('; SameSite=Lax')
    expect(await local({ 'x-forwarded-proto': 'https' })).toEndWith('; Secure')
    clock.ms += 3_599_000
    expect((await ada.send('GET me')).status).toBe(200)
    clock.ms += 1_000
    expect(codeOf(await ada.send('GET me'))).toEqual([401, 'login_required'])
  })

  test('cannot make a user’s browser do anything', async () => {
    await using weir = await start()
    const ada = client(weir)
    await ada.register('ada')
    const { cookie } = ada
    const forged = (path: string, body: string, headers: Record<string, string>) =>
      weir.call(`/user/${path}`, body, { key: null, method: 'POST', headers: { cookie, ...headers } })
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const json = { 'content-type': 'application/json' }
    const token = String((await ada.send('GET me')).body['csrf_token'])
    expect((await forged('keys', 'name=evil', form)).status).toBe(403)
    expect((await forged('keys', 'name=evil&csrf_token=AAAA', form)).status).toBe(403)
    expect(
      (await forged('keys', `name=evil&csrf_token=${token}`, { ...form, 'sec-fetch-site': 'cross-site' })).status,
    ).toBe(403)
    expect((await forged('api/keys', '{"name":"evil"}', json)).status).toBe(403)
    expect(
      (await forged('api/keys', '{"name":"evil"}', { 'content-type': 'text/plain', 'x-csrf-token': token })).status,
    ).toBe(400)
    expect(
      (await forged('api/login', `{"login":"ada","password":"${PASSWORD}"}`, { 'content-type': 'text/plain' })).status,
    ).toBe(400)
    // The token of another visitor is none.
    const eve = client(weir)
    await eve.register('eve')
    const stolen = String((await eve.send('GET me')).body['csrf_token'])
    expect((await forged('keys', `name=evil&csrf_token=${stolen}`, form)).status).toBe(403)
    expect((await ada.send('GET keys')).body).toMatchObject({ data: [] })
    expect((await forged('keys', `name=mine&csrf_token=${token}`, form)).status).toBe(200)
  })

  test('find nothing where there are no users', async () => {
    await using weir = await startGateway(providerAt('http://127.0.0.1:1'))
    for (const path of ['/user', '/user/login', '/user/api/me', '/user/topups'])
      expect((await weir.call(path, undefined, { key: null })).status).toBe(404)
  })

  test.each([
    ['GET', 'nothing', 404],
    ['PUT', 'keys', 405],
    ['GET', 'login', 405],
    ['DELETE', 'keys/a/b', 404],
  ])('%s /user/api/%s is %p', async (method, path, status) => {
    await using weir = await start()
    expect((await client(weir).send(`${method} ${path}`)).status).toBe(status)
  })
})

describe('pages', () => {
  /** A browser without scripts: it keeps cookies, follows redirects and sends the forms that it is shown. */
  function browser(weir: TestGateway) {
    const cookies = new Map<string, string>()
    async function open(
      path: string,
      body?: URLSearchParams,
    ): Promise<{ status: number; text: string; headers: Headers }> {
      const response = await weir.call(path, body?.toString(), {
        key: null,
        headers: {
          cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          'sec-fetch-site': 'same-origin',
          ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        },
      })
      for (const set of response.headers.getSetCookie()) {
        const [name = '', value = ''] = (set.split(';')[0] ?? '').split('=')
        if (value === '') cookies.delete(name)
        else cookies.set(name, value)
      }
      const to = response.headers.get('location')
      if (to !== null) return open(to)
      return { status: response.status, text: await response.text(), headers: response.headers }
    }
    let shown = ''
    return {
      async open(path: string) {
        const page = await open(path)
        shown = page.text
        return page
      },
      async submit(action: string, fields: Record<string, string>) {
        const token = /name="csrf_token" value="([^"]+)"/.exec(shown)?.[1] ?? ''
        const page = await open(`/user/${action}`, new URLSearchParams({ csrf_token: token, ...fields }))
        shown = page.text
        return page
      },
    }
  }

  test('a user registers, makes a key, redeems a code and logs out without a script', async () => {
    const shop = 'https://shop.example.com/credit?plan=a'
    await using weir = await start({ registration: 'invitation', more: `max_invitations: 3, topup_url: "${shop}"` })
    const invitation = await makeCode(weir, 'invitation', 0n)
    const ada = browser(weir)
    expect((await ada.open('/user')).text).toContain('<h1>Log in</h1>')
    expect((await ada.open(`/user/register?invitation=${invitation}`)).text).toContain(`value="${invitation}"`)
    const wrong = await ada.submit('register', { login: 'ada', password: 'short', invitation })
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('role="alert"')])
    const home = await ada.submit('register', { login: 'ada', password: PASSWORD, invitation })
    expect([home.status, home.text]).toEqual([200, expect.stringContaining('<h1>Your account</h1>')])
    expect(home.text).toMatch(/href="https:\/\/shop\.example\.com\/credit\?plan=a&amp;user=user_\w+"/)
    const made = await ada.submit('keys', { name: '<script>alert(1)</script>', limit_usd: '', window: 'once' })
    expect(made.text).toMatch(/<code>sk-weir-[\w-]{43}<\/code>/)
    expect(made.text).not.toContain('<script')
    expect(made.text).toContain('&lt;script&gt;')
    expect((await ada.open('/user')).text).not.toContain('sk-weir-')
    const code = await makeCode(weir, 'redemption', 5_000_000_000n)
    expect((await ada.submit('redeem', { code: code.toLowerCase() })).text).toContain('$5')
    const again = await ada.submit('redeem', { code })
    expect([again.status, again.text]).toEqual([400, expect.stringContaining('was used already')])
    expect((await ada.submit('invitations', {})).text).toMatch(/<code>[0-9A-Z-]{29}<\/code>/)
    const [key] = (await weir.store.listKeys({ cursor: null, limit: 9 })).data.filter(
      ({ userId }) => userId !== undefined,
    )
    expect((await ada.submit('revoke', { id: key?.id ?? '' })).text).toContain('You have no keys yet')
    expect((await ada.submit('logout', {})).text).toContain('<h1>Log in</h1>')
    const back = await ada.submit('login', { login: 'ada', password: 'not the password' })
    expect([back.status, back.text]).toEqual([401, expect.stringContaining('is wrong')])
    expect((await ada.submit('login', { login: 'ada', password: PASSWORD })).text).toContain('<h1>Your account</h1>')
    expect((await ada.open('/user/nothing')).status).toBe(404)
    const other = await ada.open(`/user/requests?key=${key?.id}`)
    expect([other.status, other.text]).toEqual([404, expect.stringContaining('You have no key')])
  })

  test('list the requests of a key, fifty at a time', async () => {
    using upstream = startUpstream(() => Response.json(completion('word', USAGE)))
    await using weir = await start({ upstream: upstream.url, more: 'welcome_usd: 1' })
    const ada = browser(weir)
    expect((await ada.open('/user/requests?key=x')).text).toContain('<h1>Log in</h1>')
    await ada.open('/user/register')
    await ada.submit('register', { login: 'ada', password: PASSWORD })
    const made = await ada.submit('keys', { name: 'laptop' })
    const secret = /sk-weir-[\w-]{43}/.exec(made.text)?.[0] ?? ''
    const id = /requests\?key=(key_\w+)/.exec(made.text)?.[1] ?? ''
    expect((await ada.open(`/user/requests?key=${id}`)).text).toContain('There are none.')
    for (let place = 0; place < 51; place++)
      await weir.call('/v1/chat/completions', { ...QUESTION, max_tokens: 50 }, { key: secret })
    await weir.call('/v1/chat/completions', { ...QUESTION, model: 'none' }, { key: secret })
    await weir.gateway.journal.flush()
    const page = await ada.open(`/user/requests?key=${id}`)
    expect(page.text.includes('<code>model_unknown</code>')).toBe(true)
    expect(page.text.match(/0\.00011/g)).toHaveLength(49)
    const older = /href="(\/user\/requests\?[^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    expect((await ada.open(older)).text.match(/0\.00011/g)).toHaveLength(2)
  })

  test('run no script, are kept by nobody, and stand in no frame', async () => {
    await using weir = await start()
    const { headers } = await browser(weir).open('/user/login')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('cache-control')).toBe('no-store')
    const style = await weir.call('/user/style.css', undefined, { key: null })
    expect(style.headers.get('content-type')).toBe('text/css; charset=utf-8')
  })

  test('each field has a label, each table its heads, and each page a language, a title and one heading', async () => {
    await using weir = await start({ more: 'welcome_usd: 1, max_invitations: 1' })
    const ada = browser(weir)
    for (const path of ['/user/login', '/user/register', '/user']) {
      if (path === '/user') {
        await ada.submit('register', { login: 'ada', password: PASSWORD })
        await ada.submit('keys', { name: 'laptop' })
      }
      const { text } = await ada.open(path)
      const seen = { lang: '', title: 0, h1: 0, unlabelled: 0, headless: 0 }
      let labels = 0
      await new HTMLRewriter()
        .on('html', { element: (element) => void (seen.lang = element.getAttribute('lang') ?? '') })
        .on('title', { element: () => void seen.title++ })
        .on('h1', { element: () => void seen.h1++ })
        .on('label', {
          element(element) {
            labels++
            element.onEndTag(() => void labels--)
          },
        })
        .on('input, select', {
          element: (element) => void (element.getAttribute('type') !== 'hidden' && labels === 0 && seen.unlabelled++),
        })
        .on('th', { element: (element) => void (element.getAttribute('scope') === null && seen.headless++) })
        .transform(new Response(text))
        .text()
      expect({ path, ...seen }).toEqual({ path, lang: 'en', title: 1, h1: 1, unlabelled: 0, headless: 0 })
    }
  })
})
