import { expect, test } from 'bun:test'
import { GatewayError } from '../src/core/error.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { completion, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'

test('a model without a price is refused where the operator says so, and booked with a mark where not', async () => {
  using upstream = startUpstream(() => Response.json(completion()))
  const unpriced = { ...QUESTION, model: 'up/other' }
  {
    await using strict = await startGateway(`unpriced: refuse\n${providerAt(upstream.url)}`)
    const refused = await strict.call('/v1/chat/completions', unpriced)
    expect(refused.status).toBe(402)
    expect(await refused.json()).toMatchObject({ error: { weir: { code: 'unpriced_model' } } })
    expect((await strict.call('/v1/chat/completions', QUESTION)).status).toBe(200)
  }
  await using lax = await startGateway(providerAt(upstream.url))
  const answered = await lax.call('/v1/chat/completions', unpriced)
  expect(answered.status).toBe(200)
  const entry = await lax.store.getEntry(answered.headers.get('x-weir-request-id') ?? '')
  expect(entry).toMatchObject({ unpriced: true, costNanoUsd: 0n })
  expect(upstream.received.length).toBe(2)
})

test('a provider at the limit that the operator knows of is left out, and the next target answers', async () => {
  using first = startUpstream(() => Response.json(completion('first')))
  using second = startUpstream(() => Response.json(completion('second')))
  await using weir = await startGateway(`
providers:
  one: { preset: openai-compatible, base_url: "${first.url}/v1", keys: [a-first-secret], limits: { rpm: 2 }, models: { m: {} } }
  two: { preset: openai-compatible, base_url: "${second.url}/v1", keys: [a-second-secret], models: { m: {} } }
routes:
  chat: { targets: [one/m, two/m] }
`)
  const targets: (string | null)[] = []
  for (let index = 0; index < 4; index++)
    targets.push((await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat' })).headers.get('x-weir-target'))
  expect(targets).toEqual(['one/m', 'one/m', 'two/m', 'two/m'])
})

for (const policy of ['refuse', 'allow'] as const)
  test(`while the store is away requests are ${policy === 'refuse' ? 'refused' : 'answered, and booked when it is back'}`, async () => {
    using upstream = startUpstream(() => Response.json(completion()))
    const store = openSqliteStore({ path: ':memory:', sync: 'process' })
    const commit = store.commit.bind(store)
    let away = false
    store.commit = (batch) => (away ? Promise.reject(new GatewayError('store_unavailable')) : commit(batch))
    await using weir = await startGateway(`limits: { on_store_failure: ${policy} }\n${providerAt(upstream.url)}`, {
      store,
    })
    expect((await weir.call('/v1/chat/completions', QUESTION)).status).toBe(200)
    away = true
    const response = await weir.call('/v1/chat/completions', QUESTION)
    expect(response.status).toBe(policy === 'refuse' ? 503 : 200)
    away = false
    await weir.gateway.journal.flush()
    expect(upstream.received.length).toBe(policy === 'refuse' ? 1 : 2)
    expect(await store.countEntries()).toBe(upstream.received.length)
  })

test('an endpoint family may have a bound of its own on bodies', async () => {
  using upstream = startUpstream(() => Response.json(completion()))
  await using weir = await startGateway(`server: { body_limits: { embeddings: 2KiB } }\n${providerAt(upstream.url)}`)
  const long = 'x'.repeat(4_000)
  const chat = await weir.call('/v1/chat/completions', { ...QUESTION, messages: [{ role: 'user', content: long }] })
  expect(chat.status).toBe(200)
  expect((await weir.call('/v1/embeddings', { model: 'up/m', input: long })).status).toBe(413)
})
