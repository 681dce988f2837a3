// Requests of users through the whole gateway: what they are charged, what they see of it, and what stands in the books.
import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { formatUsd } from '../src/core/money.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import {
  completion,
  providerAt,
  QUESTION,
  startGateway,
  startUpstream,
  type TestGateway,
  type Upstream,
} from './gateway.ts'
import { startProcess, temporaryFolder } from './process.ts'

/** Of one request below: 10 input tokens at 1 dollar and 50 output tokens at 2 dollars per million. */
const COST_NANO_USD = 10n * 1_000n + 50n * 2_000n
const CHARGED_NANO_USD = (COST_NANO_USD * 5n) / 4n
const ASKED = { ...QUESTION, max_tokens: 50 }
const USAGE = { prompt_tokens: 10, completion_tokens: 50, total_tokens: 60 }

function metered(): Upstream {
  return startUpstream(() => Response.json(completion('word', USAGE)))
}

/** A user of a group that charges a quarter more than it costs, with so much credited. */
async function withUser(weir: TestGateway, login: string, creditNanoUsd: bigint): Promise<{ id: string; key: string }> {
  const id = `user_${login}`
  const at = Date.now()
  const { store } = weir
  if (!(await store.listGroups()).some(({ name }) => name === 'retail'))
    await store.insertGroup({ name: 'retail', multiplierMillionths: 1_250_000n, models: null, createdAt: at })
  const user = { id, login, group: 'retail', disabled: false, createdAt: at, invitedBy: null }
  const credit = {
    id: `c-${login}`,
    userId: id,
    at,
    kind: 'topup',
    amountNanoUsd: creditNanoUsd,
    reference: login,
    note: '',
  } as const
  await store.insertUser({ user, passwordHash: null, credits: [credit], invitation: null })
  await weir.gateway.balances.refresh()
  return { id, key: await weir.issue({ userId: id }) }
}

describe('a request of a user', () => {
  test('is charged at the price of the group, and costs what it costs', async () => {
    using upstream = metered()
    await using weir = await startGateway(`users: { enabled: true }\n${providerAt(upstream.url)}`)
    const { id, key } = await withUser(weir, 'ada', 10n * CHARGED_NANO_USD)
    const answer = await weir.call('/v1/chat/completions', ASKED, { key })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-weir-cost-usd')).toBe(formatUsd(CHARGED_NANO_USD))
    const request = await weir.call(`/v1/requests/${answer.headers.get('x-weir-request-id')}`, undefined, { key })
    expect(await request.json()).toMatchObject({ cost_nano_usd: String(CHARGED_NANO_USD) })
    expect(await (await weir.call('/v1/budget', undefined, { key })).json()).toMatchObject({
      data: [
        {
          scope: 'user',
          window: 'once',
          spent_usd: formatUsd(CHARGED_NANO_USD),
          remaining_usd: formatUsd(9n * CHARGED_NANO_USD),
        },
      ],
    })
    for (const base of ['', '/v1']) {
      const subscription = await weir.call(`${base}/dashboard/billing/subscription`, undefined, { key })
      expect(await subscription.json()).toMatchObject({ hard_limit_usd: 0.001375, access_until: 0 })
      const usage = await weir.call(`${base}/dashboard/billing/usage?start_date=2026-01-01`, undefined, { key })
      expect(await usage.json()).toEqual({ object: 'list', total_usage: 0.01375 })
    }
    expect(await (await weir.call('/v1/dashboard/billing/subscription')).json()).toMatchObject({
      hard_limit_usd: 100_000_000,
    })
    const range = { from: 0, to: Date.now() + 3_600_000 }
    expect(await weir.store.sales({ by: ['user', 'group', 'model'], bucket: null, ...range })).toMatchObject([
      {
        group: { user: id, group: 'retail', model: 'm' },
        requests: 1,
        costNanoUsd: COST_NANO_USD,
        chargedNanoUsd: CHARGED_NANO_USD,
      },
    ])
    expect(await weir.store.spend({ by: [], bucket: null, ...range })).toMatchObject([{ costNanoUsd: COST_NANO_USD }])
    expect(await weir.store.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
  })

  test('sees the prices of the group in the list of models, and only its models', async () => {
    using upstream = metered()
    await using weir = await startGateway(`users: { enabled: true }\n${providerAt(upstream.url)}`)
    const { key } = await withUser(weir, 'ada', 0n)
    const models = (await (await weir.call('/v1/models', undefined, { key })).json()) as {
      data: { id: string; pricing: unknown }[]
    }
    expect(models.data.find(({ id: name }) => name === 'up/m')?.pricing).toMatchObject({
      prompt: '0.00000125',
      completion: '0.0000025',
    })
    await weir.store.updateGroup('retail', { models: ['chat'] })
    weir.gateway.keyRing.invalidate()
    expect(await (await weir.call('/v1/models', undefined, { key })).json()).toMatchObject({ data: [] })
    const refused = await weir.call('/v1/chat/completions', ASKED, { key })
    expect([refused.status, refused.headers.get('x-weir-error')]).toEqual([403, 'model_not_allowed'])
  })

  test('is refused when the balance is used up, and never another user’s', async () => {
    // Input is free here, so that a request holds what it is charged.
    const outputNanoUsd = 50n * 2_500n
    using upstream = metered()
    await using weir = await startGateway(
      `users: { enabled: true }\n${providerAt(upstream.url).replace('input: 1', 'input: 0')}`,
    )
    const ada = await withUser(weir, 'ada', 3n * outputNanoUsd)
    const bob = await withUser(weir, 'bob', outputNanoUsd * 2n)
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, place) =>
        weir.call('/v1/chat/completions', ASKED, { key: place % 2 === 0 ? ada.key : bob.key }),
      ),
    )
    const passed = (parity: number): number =>
      answers.filter(({ status }, place) => place % 2 === parity && status === 200).length
    expect([passed(0), passed(1)]).toEqual([3, 2])
    const refused = answers.find(({ status }) => status === 402)
    expect(await refused?.json()).toMatchObject({
      error: { message: expect.stringContaining('The balance is 0 dollars'), weir: { code: 'budget_exhausted' } },
    })
    await weir.store.addCredit({
      id: 'c',
      userId: ada.id,
      at: 0,
      kind: 'topup',
      amountNanoUsd: outputNanoUsd,
      reference: 'p2',
      note: '',
    })
    await weir.gateway.balances.refresh()
    expect((await weir.call('/v1/chat/completions', ASKED, { key: ada.key })).status).toBe(200)
    expect((await weir.call('/v1/chat/completions', ASKED, { key: bob.key })).status).toBe(402)
  })

  test('is refused where users are switched off; a key of the operator’s is not touched', async () => {
    using upstream = metered()
    await using weir = await startGateway(providerAt(upstream.url))
    const { key } = await withUser(weir, 'ada', 10n * CHARGED_NANO_USD)
    const refused = await weir.call('/v1/chat/completions', ASKED, { key })
    expect([refused.status, refused.headers.get('x-weir-error')]).toEqual([401, 'key_disabled'])
    const passed = await weir.call('/v1/chat/completions', ASKED)
    expect([passed.status, passed.headers.get('x-weir-cost-usd')]).toEqual([200, formatUsd(COST_NANO_USD)])
    expect(weir.gateway.budgets.any).toBe(false)
  })

  test('finds its balance again where users were switched off for a while', async () => {
    using upstream = metered()
    await using weir = await startGateway(`users: { enabled: true }\n${providerAt(upstream.url)}`)
    const { id, key } = await withUser(weir, 'ada', 2n * CHARGED_NANO_USD)
    const ask = async (): Promise<number> => (await weir.call('/v1/chat/completions', ASKED, { key })).status
    const { config } = weir.gateway.snapshot
    expect(await ask()).toBe(200)
    weir.gateway.configure({ ...config, users: { ...config.users, enabled: false } })
    expect(await ask()).toBe(401)
    weir.gateway.configure(config)
    expect(weir.gateway.budgets.balance(id)).toMatchObject({
      limitNanoUsd: 2n * CHARGED_NANO_USD,
      spentNanoUsd: CHARGED_NANO_USD,
    })
  })

  test('counts in budgets of the user and of the key at what it is charged, in others at what it costs', async () => {
    using upstream = metered()
    await using weir = await startGateway(
      `users: { enabled: true }
budgets:
  - { scope: user, window: day, limit_usd: 1 }
  - { scope: key, window: month, limit_usd: 1 }
  - { scope: provider, window: month, limit_usd: 1 }
${providerAt(upstream.url)}`,
    )
    const { key } = await withUser(weir, 'ada', 10n * CHARGED_NANO_USD)
    await weir.call('/v1/chat/completions', ASKED, { key })
    const spent = weir.gateway.budgets
      .state()
      .map(({ budget, spentNanoUsd }) => [budget.scope, budget.window.type, spentNanoUsd])
    expect(
      Object.fromEntries(spent.map(([scope, window, nano]) => [`${String(scope)} ${String(window)}`, nano])),
    ).toEqual({
      'user once': CHARGED_NANO_USD,
      'user calendar': CHARGED_NANO_USD,
      'key calendar': CHARGED_NANO_USD,
      'provider calendar': COST_NANO_USD,
    })
    expect(await weir.store.verifyBooks()).toMatchObject({ differences: 0, examples: [] })
  })
})

test('a kill -9 in the middle of many clients of one user neither loses money nor makes any', async () => {
  using upstream = startUpstream(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return Response.json(completion('word', USAGE))
  })
  using folder = temporaryFolder()
  // Input is free here, so that a request that the kill cut off is booked at what it would have been charged.
  const chargedNanoUsd = 50n * 2_500n
  const config = path.join(folder.path, 'weir.yaml')
  writeFileSync(config, `users: { enabled: true }\n${providerAt(upstream.url).replace('input: 1', 'input: 0')}`)
  const token = 'a-token-of-the-operator'
  const environment = { WEIR_CONFIG: config, WEIR_ADMIN_TOKEN: token }
  const statuses: number[] = []
  let secret = ''
  async function life(clients: number, killAfter: number | null): Promise<void> {
    await using weir = startProcess({ folder: folder.path, environment })
    const { url, adminUrl } = await weir.ready()
    const admin = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const made = await fetch(`${adminUrl}/admin/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      return (await made.json()) as Record<string, unknown>
    }
    if (secret === '') {
      await admin('groups', { name: 'retail', multiplier: '1.25' })
      await admin('users', { login: 'ada', group: 'retail', credit_usd: formatUsd(20n * chargedNanoUsd) })
      secret = String((await admin('keys', { name: 'laptop', user: 'ada' }))['secret'])
    } else await admin('users/ada/credits', { amount_usd: formatUsd(10n * chargedNanoUsd), reference: 'second life' })
    let answered = 0
    await Promise.all(
      Array.from({ length: clients }, async () => {
        try {
          const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
          const body = JSON.stringify(ASKED)
          const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })
          await response.text()
          statuses.push(response.status)
          if (response.status === 200 && ++answered === killAfter) weir.kill('SIGKILL')
        } catch {
          // Cut off by the kill.
        }
      }),
    )
  }
  await life(40, 5)
  await life(60, null)
  expect(statuses.every((status) => status === 200 || status === 402)).toBe(true)
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(30)
  const store = openSqliteStore({ path: path.join(folder.path, 'data', 'weir.db'), sync: 'process' })
  const { totals } = await store.creditsSince(0)
  const [sold] = await store.sales({ by: [], bucket: null, from: 0, to: Date.now() + 1 })
  const accounts = await store.budgetAccounts({ endsAfter: 0 })
  const check = await store.verifyBooks()
  await store.close()
  expect(totals.map(({ creditedNanoUsd }) => creditedNanoUsd)).toEqual([30n * chargedNanoUsd])
  // All of it was spent: what was cut off is booked, and nothing beside it.
  expect(sold?.chargedNanoUsd).toBe(30n * chargedNanoUsd)
  expect(accounts).toMatchObject([{ budgetId: 'balance', spentNanoUsd: 30n * chargedNanoUsd }])
  expect(check).toMatchObject({ differences: 0, examples: [] })
}, 60_000)
