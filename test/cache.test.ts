// The cache, coalescing and Idempotency-Key, through the whole gateway.
import { describe, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { openTestAdmin } from '../src/admin/testing.ts'
import type { AdminRequest } from '../src/cli/admin-call.ts'
import { runWords } from '../src/cli/testing.ts'
import { systemClock } from '../src/core/clock.ts'
import type { Clock } from '../src/core/clock.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { chunks, completion, eventStream, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'
import { startProcess, temporaryFolder } from './process.ts'

const CHAT = '/v1/chat/completions'
const EXACT = 'cache: { mode: exact }'
const STREAMED = { ...QUESTION, stream: true, stream_options: { include_usage: true } }

/** Wall time that moves by hand too. */
function movedClock(): Clock & { forward(ms: number): void } {
  let addedMs = 0
  return { ...systemClock, now: () => Date.now() + addedMs, forward: (ms) => void (addedMs += ms) }
}

const numbered = () => startUpstream((_, number) => Response.json(completion(`answer ${number}`)))
const state = (response: Response): string | null => response.headers.get('x-weir-cache')

async function contentOf(response: Response): Promise<string> {
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] }
  return choices[0]?.message.content ?? ''
}

async function recordOf(weir: TestGateway, response: Response) {
  await weir.gateway.journal.flush()
  const id = response.headers.get('x-weir-request-id') ?? ''
  return { record: await weir.store.getRequest(id), entry: await weir.store.getEntry(id) }
}

describe('the exact cache', () => {
  test('gives the same answer again, costs nothing, and books what it saved', async () => {
    using up = numbered()
    await using weir = await startGateway(providerAt(up.url, EXACT))
    const first = await weir.call(CHAT, QUESTION)
    expect(state(first)).toBe('miss')
    const body = await first.text()
    const reordered = `{ "messages": [{"content":"Say hello", "role":"user"}],\n "model": "up/m", "user": "anna" }`
    const second = await weir.call(CHAT, reordered)
    expect(await second.text()).toBe(body)
    expect(state(second)).toBe('hit')
    expect(second.headers.get('age')).toBe('0')
    expect(second.headers.get('x-weir-cost-usd')).toBe('0')
    expect(second.headers.get('x-weir-target')).toBe('up/m')
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'))
    expect(up.received).toHaveLength(1)
    const { record, entry } = await recordOf(weir, second)
    expect(entry).toMatchObject({
      status: 'cached',
      provider: 'cache',
      model: 'up/m',
      costNanoUsd: 0n,
      unpriced: false,
    })
    expect(record).toMatchObject({ target: 'cache/up/m', costNanoUsd: 0n, savedNanoUsd: 20_000n, status: 200 })
    expect(await weir.store.cacheSavings({ from: 0 })).toEqual([{ route: 'up/m', requests: 1, savedNanoUsd: 20_000n }])
    const spend = await weir.store.spend({ by: ['status'], bucket: null, from: 0, to: Date.now() + 3_600_000 })
    expect(spend.map(({ group, requests, costNanoUsd }) => [group.status, requests, costNanoUsd])).toEqual([
      ['complete', 1, 20_000n],
      ['cached', 1, 0n],
    ])
    expect(await weir.store.verifyBooks()).toMatchObject({ differences: 0 })
  })

  test('gives a stream again, byte for byte', async () => {
    using up = startUpstream(() => eventStream(chunks(['Hel', 'lo', '!']).join('')))
    await using weir = await startGateway(providerAt(up.url, EXACT))
    const first = await (await weir.call(CHAT, STREAMED)).text()
    const again = await weir.call(CHAT, STREAMED)
    expect(state(again)).toBe('hit')
    expect(await again.text()).toBe(first)
    expect(first).toContain('[DONE]')
    // A whole answer is another answer.
    expect(up.received).toHaveLength(1)
    expect((await recordOf(weir, again)).record).toMatchObject({ stream: true, status: 200, savedNanoUsd: 16_000n })
  })

  test.each([
    ['at_once', 0, 60],
    ['rhythm', 150, 2_000],
  ])('replays a stream %s', async (replay, least, most) => {
    using up = startUpstream(
      () =>
        new Response(
          (async function* () {
            for (const chunk of chunks(['a', 'b', 'c'])) {
              await new Promise<void>((resolve) => void systemClock.after(40, resolve))
              yield chunk
            }
          })(),
          { headers: { 'content-type': 'text/event-stream' } },
        ),
    )
    await using weir = await startGateway(providerAt(up.url, `cache: { mode: exact, replay: ${replay} }`))
    const first = await (await weir.call(CHAT, STREAMED)).text()
    const beganMs = performance.now()
    const again = await weir.call(CHAT, STREAMED)
    expect(await again.text()).toBe(first)
    const tookMs = performance.now() - beganMs
    expect(tookMs).toBeGreaterThanOrEqual(least)
    expect(tookMs).toBeLessThan(most + 500)
  })

  test('keeps no answer that is an error, is cut, or breaks off', async () => {
    const broken = [
      () => Response.json({ error: { message: 'bad', type: 'invalid_request_error' } }, { status: 400 }),
      () => eventStream(chunks(['Hel']).slice(0, 2).join('')),
      () => eventStream(chunks(['Hel']).slice(0, 2).join('')),
      () => eventStream(chunks(['Hello']).join('')),
    ]
    using up = startUpstream((_, number) => broken[number - 1]?.() ?? Response.json({}, { status: 500 }))
    await using weir = await startGateway(
      providerAt(up.url, `${EXACT}\nroutes: { r: { targets: [up/m], retries: 0 } }`),
    )
    for (const expected of ['invalid', 'broke off', 'broke off', '[DONE]'])
      expect((await (await weir.call(CHAT, { ...STREAMED, model: 'r' })).text()).toLowerCase()).toContain(
        expected.toLowerCase(),
      )
    expect(up.received).toHaveLength(4)
  })

  test('does as its caller says', async () => {
    using up = numbered()
    await using weir = await startGateway(providerAt(up.url, EXACT))
    const ask = (cache: string) => weir.call(CHAT, QUESTION, { headers: { 'x-weir-cache': cache } })
    const missing = await ask('only')
    expect([missing.status, missing.headers.get('x-weir-error')]).toEqual([404, 'cache_miss'])
    expect(await contentOf(await weir.call(CHAT, QUESTION))).toBe('answer 1')
    const passed = await ask('off')
    expect([state(passed), await contentOf(passed)]).toEqual(['bypass', 'answer 2'])
    expect(await contentOf(await ask('only'))).toBe('answer 1')
    const fresh = await ask('refresh')
    expect([state(fresh), await contentOf(fresh)]).toEqual(['miss', 'answer 3'])
    expect(await contentOf(await weir.call(CHAT, { ...QUESTION, weir: { cache: 'only' } }))).toBe('answer 3')
    expect((await ask('sometimes')).status).toBe(400)
    const strict = await weir.issue({ forbids: ['cache'] })
    const refused = await weir.call(CHAT, QUESTION, { key: strict, headers: { 'x-weir-cache': 'off' } })
    expect([refused.status, refused.headers.get('x-weir-error')]).toEqual([403, 'option_not_allowed'])
  })

  test('never crosses its scope, nor the tags that forbid it', async () => {
    using up = numbered()
    const yaml = providerAt(
      up.url,
      `cache: { mode: exact, no_store_tags: [secret] }\nroutes:\n  mine: { targets: [up/m] }\n  ours: { targets: [up/m], cache: { scope: gateway } }\n  none: { targets: [up/m], cache: { mode: off } }`,
    )
    await using weir = await startGateway(yaml)
    const other = await weir.issue({})
    const tagged = await weir.issue({ tags: ['secret'] })
    const ask = async (model: string, key: string) => state(await weir.call(CHAT, { ...QUESTION, model }, { key }))
    expect(await ask('mine', weir.key)).toBe('miss')
    expect(await ask('mine', other)).toBe('miss')
    expect(await ask('mine', weir.key)).toBe('hit')
    expect(await ask('ours', weir.key)).toBe('miss')
    expect(await ask('ours', other)).toBe('hit')
    expect(await ask('ours', tagged)).toBe('bypass')
    expect(await ask('none', weir.key)).toBeNull()
  })

  test('counts a request that is answered again in its limits', async () => {
    using up = numbered()
    await using weir = await startGateway(providerAt(up.url, EXACT))
    const key = await weir.issue({ limits: { rpm: 2, tpm: null, concurrency: null } })
    const statuses: number[] = []
    for (let count = 0; count < 3; count++) statuses.push((await weir.call(CHAT, QUESTION, { key })).status)
    expect(statuses).toEqual([200, 200, 429])
    expect(up.received).toHaveLength(1)
  })

  test('forgets after its time, and survives a restart', async () => {
    using up = numbered()
    const clock = movedClock()
    using folder = temporaryFolder()
    const file = path.join(folder.path, 'weir.db')
    const yaml = providerAt(up.url, 'cache: { mode: exact, ttl: 1h }')
    {
      await using weir = await startGateway(yaml, { clock, store: openSqliteStore({ path: file, sync: 'process' }) })
      const key = await weir.issue({ name: 'kept' })
      await weir.call(CHAT, QUESTION, { key })
      clock.forward(30 * 60_000)
      const again = await startGateway(yaml, { clock, store: openSqliteStore({ path: file, sync: 'process' }) })
      const hit = await again.call(CHAT, QUESTION, { key })
      expect([state(hit), hit.headers.get('age')]).toEqual(['hit', '1800'])
      clock.forward(31 * 60_000)
      expect(state(await again.call(CHAT, QUESTION, { key }))).toBe('miss')
      await again[Symbol.asyncDispose]()
    }
  })

  test('an answer that is larger than the bound is given and not kept', async () => {
    using up = startUpstream(() => Response.json(completion('x'.repeat(5_000))))
    await using weir = await startGateway(providerAt(up.url, 'cache: { mode: exact, max_answer: 2KiB }'))
    for (let count = 0; count < 2; count++) expect(state(await weir.call(CHAT, QUESTION))).toBe('miss')
    expect(await weir.store.cacheShares()).toEqual([])
  })
})

/** An upstream that answers chats by number, and embeds a text by the words of it that it knows. */
function meaningfulUpstream(failsToEmbed = false) {
  const words = ['capital', 'france', 'germany', 'please']
  let chats = 0
  return startUpstream((request, _, body) => {
    if (!request.url.includes('embeddings')) return Response.json(completion(`answer ${++chats}`))
    if (failsToEmbed) return Response.json({ error: { message: 'no' } }, { status: 400 })
    const { input } = JSON.parse(body) as { input: string }
    const embedding = words.map((word) => (input.toLowerCase().includes(word) ? (word === 'please' ? 0.3 : 1) : 0.01))
    const usage = { prompt_tokens: 5, total_tokens: 5 }
    return Response.json({ object: 'list', model: 'e', data: [{ object: 'embedding', index: 0, embedding }], usage })
  })
}

describe('the semantic cache', () => {
  const SEMANTIC = 'cache: { mode: semantic, embedding: up/e, threshold: 0.95 }'
  const yamlAt = (url: string) =>
    providerAt(url, SEMANTIC).replace('models: {', 'models: { e: { kind: embedding, price: { input: 1 } },')
  const question = (text: string, more: object = {}) => ({
    ...QUESTION,
    messages: [{ role: 'user', content: text }],
    ...more,
  })

  test('answers a question in other words, and shows how near it is', async () => {
    using up = meaningfulUpstream()
    await using weir = await startGateway(yamlAt(up.url))
    const first = await weir.call(CHAT, question('The capital of France?'))
    expect([state(first), await contentOf(first)]).toEqual(['miss', 'answer 1'])
    const near = await weir.call(CHAT, question('Please: capital of France?'))
    expect([state(near), await contentOf(near)]).toEqual(['hit; similarity=0.98', 'answer 1'])
    const far = await weir.call(CHAT, question('The capital of Germany?'))
    expect([state(far), await contentOf(far)]).toEqual(['miss; similarity=0.51', 'answer 2'])
    const other = await weir.call(CHAT, question('Please: capital of France?', { temperature: 0 }))
    expect(state(other)).toBe('miss')
    await weir.gateway.journal.flush()
    const embedded = (await weir.store.listRequests({ cursor: null, limit: 50 })).data.filter(({ dimensions }) =>
      dimensions.tags.includes('cache:embedding'),
    )
    expect(embedded.map(({ target, costNanoUsd }) => [target, costNanoUsd])).toEqual(
      Array.from({ length: 4 }, () => ['up/e', 5_000n]),
    )
    expect(await weir.store.verifyBooks()).toMatchObject({ differences: 0 })
  })

  test('knows its questions after a restart, and forgets them with their answers', async () => {
    using up = meaningfulUpstream()
    await using weir = await startGateway(yamlAt(up.url))
    await weir.call(CHAT, question('The capital of France?'))
    const again = await startGateway(yamlAt(up.url), { store: weir.store })
    const ask = async (text: string) => state(await again.call(CHAT, question(text), { key: weir.key }))
    expect(await ask('Capital of France, please?')).toStartWith('hit; similarity')
    await weir.store.purgeAnswers({ route: null })
    expect(await ask('Capital of France, please!')).toStartWith('miss')
  })

  test('never crosses a scope, and does without a vector where there is none', async () => {
    using up = meaningfulUpstream()
    await using weir = await startGateway(yamlAt(up.url))
    await weir.call(CHAT, question('The capital of France?'))
    const key = await weir.issue({ models: ['up/m'], endpoints: ['chat'] })
    expect(state(await weir.call(CHAT, question('Capital of France, please?'), { key }))).toBe('miss')
    using silent = meaningfulUpstream(true)
    await using other = await startGateway(yamlAt(silent.url))
    expect(state(await other.call(CHAT, question('The capital of France?')))).toBe('miss')
    expect(state(await other.call(CHAT, question('The capital of France?')))).toBe('hit')
  })

  test.each([
    ['no model', 'cache: { mode: semantic }', 'cache.mode'],
    ['a model that nobody has', 'cache: { mode: semantic, embedding: nobody/e }', 'cache.embedding'],
  ])('with %s the configuration is refused', async (_, cache, path) => {
    expect(
      await startGateway(providerAt('http://127.0.0.1:9', cache)).then(
        () => null,
        (error: unknown) => (error as { path?: string }).path,
      ),
    ).toBe(path)
  })
})

/** An upstream whose answers wait until they are let go. */
function heldUpstream(answer: (number: number) => Response) {
  const gate = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const upstream = startUpstream(async (_, number) => {
    arrived.resolve()
    await gate.promise
    return answer(number)
  })
  return { upstream, open: () => gate.resolve(), arrived: arrived.promise }
}

const COALESCED = 'cache: { coalesce: true }'

describe('coalescing', () => {
  test.each([
    ['whole answers', QUESTION, () => Response.json(completion('one'))],
    ['streams', STREAMED, () => eventStream(chunks(['o', 'ne']).join(''))],
  ])('equal requests share one call: %s', async (_, body, answer) => {
    const { upstream, open } = heldUpstream(answer)
    using up = upstream
    await using weir = await startGateway(providerAt(up.url, COALESCED))
    const asked = Array.from({ length: 20 }, () => weir.call(CHAT, body))
    open()
    const responses = await Promise.all(asked)
    const texts = await Promise.all(responses.map((response) => response.text()))
    expect(new Set(texts).size).toBe(1)
    expect(up.received).toHaveLength(1)
    expect(
      responses.map((response) => state(response) ?? '').toSorted((one, other) => one.localeCompare(other)),
    ).toEqual([...Array.from({ length: 19 }, () => 'hit; coalesced'), 'miss'])
    const booked = await Promise.all(responses.map((response) => recordOf(weir, response)))
    const costs = booked.map(({ entry }) => entry?.costNanoUsd ?? -1n)
    expect(costs.filter((cost) => cost === 0n)).toHaveLength(19)
    const charged = costs.find((cost) => cost > 0n)
    for (const { record, entry } of booked)
      if (entry?.status === 'cached') expect(record?.savedNanoUsd).toBe(charged as bigint)
    expect(weir.gateway.limiter.inFlight('key')).toBe(0)
    await Bun.sleep(1)
    expect(await weir.gateway.metrics.text()).toContain('\nweir_bytes_held 0\n')
  })

  test('who leaves does not end it for the others, and the last one does', async () => {
    const { upstream, open, arrived } = heldUpstream(() => Response.json(completion('one')))
    using up = upstream
    await using weir = await startGateway(providerAt(up.url, COALESCED))
    const leaver = new AbortController()
    const left = weir.call(CHAT, QUESTION, { signal: leaver.signal })
    await arrived
    const stayed = weir.call(CHAT, QUESTION)
    await Bun.sleep(1)
    leaver.abort()
    open()
    expect(await contentOf(await stayed)).toBe('one')
    await left
    expect(up.received).toHaveLength(1)
    expect(weir.gateway.load.inFlight).toBe(0)
  })

  test('who has less time waits no longer for the others', async () => {
    const { upstream, open, arrived } = heldUpstream(() => Response.json(completion('one')))
    using up = upstream
    await using weir = await startGateway(providerAt(up.url, COALESCED))
    const patient = weir.call(CHAT, QUESTION)
    await arrived
    const hurried = await weir.call(CHAT, QUESTION, { headers: { 'x-weir-timeout-ms': '20' } })
    expect([hurried.status, hurried.headers.get('x-weir-error')]).toEqual([504, 'all_targets_timed_out'])
    open()
    expect(await contentOf(await patient)).toBe('one')
    expect(up.received).toHaveLength(1)
  })

  test('with nobody left the provider’s call is cancelled', async () => {
    const { upstream, arrived } = heldUpstream(() => Response.json(completion('one')))
    using up = upstream
    await using weir = await startGateway(providerAt(up.url, COALESCED))
    const leaver = new AbortController()
    const left = weir.call(CHAT, QUESTION, { signal: leaver.signal })
    await arrived
    leaver.abort()
    expect((await left).status).toBe(499)
    expect(weir.gateway.load.inFlight).toBe(0)
  })

  test('what one was refused with is not the others’ answer', async () => {
    const { upstream, open } = heldUpstream((number) =>
      number === 1 ? Response.json({ error: { message: 'no' } }, { status: 400 }) : Response.json(completion('two')),
    )
    using up = upstream
    await using weir = await startGateway(providerAt(up.url, COALESCED))
    const asked = [weir.call(CHAT, QUESTION), weir.call(CHAT, QUESTION)]
    open()
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([400, 200])
  })
})

test('the command line and the admin API tell what is held and saved, and forget it', async () => {
  using up = numbered()
  await using weir = await startGateway(providerAt(up.url, EXACT))
  for (let count = 0; count < 3; count++) await weir.call(CHAT, QUESTION)
  await weir.gateway.journal.flush()
  const admin = await openTestAdmin({ store: weir.store, clock: weir.gateway.clock })
  const run = async (...words: string[]) => {
    const { code, out, err } = await runWords(words, {
      environment: { WEIR_ADMIN_TOKEN: admin.adminToken },
      outside: {
        askAdmin: async ({ method, url, token }: AdminRequest) => {
          const { pathname, search } = new URL(url)
          const { status, json } = await admin.call(`${method} ${pathname}${search}`, { token })
          return { status, body: json }
        },
      },
    })
    return [code, out + err]
  }
  const [, text] = await run('cache', 'stats')
  expect(text).toMatch(/^1 answers, \d+ bytes; saved \$0\.00004 in 30 days\nroute /)
  expect(text).toMatch(/\nup\/m +1 +\d+ +2 +2 +\$0\.00004\n/)
  expect(await run('cache', 'purge', '--route', 'nowhere')).toEqual([0, '0 answers forgotten.\n'])
  expect(await run('cache', 'purge')).toEqual([0, '1 answers forgotten.\n'])
  expect((await admin.call('DELETE /admin/cache', { token: admin.viewerToken })).status).toBe(403)
  expect((await admin.call('DELETE /admin/cache?rout=x')).status).toBe(400)
})

describe('Idempotency-Key', () => {
  const NAMED = { headers: { 'idempotency-key': 'order-7' } }

  test.each([
    ['a whole answer', QUESTION, () => Response.json(completion('one'))],
    ['a stream', STREAMED, () => eventStream(chunks(['o', 'ne']).join(''))],
  ])('gives the first answer again and charges once: %s', async (_, body, answer) => {
    using up = startUpstream(answer)
    await using weir = await startGateway(providerAt(up.url))
    const first = await weir.call(CHAT, body, NAMED)
    const text = await first.text()
    const again = await weir.call(CHAT, body, NAMED)
    expect([again.status, await again.text(), again.headers.get('idempotency-replayed')]).toEqual([200, text, 'true'])
    expect(up.received).toHaveLength(1)
    expect((await recordOf(weir, again)).entry).toMatchObject({ status: 'cached', costNanoUsd: 0n })
    const stranger = await weir.issue({})
    expect((await weir.call(CHAT, body, { ...NAMED, key: stranger })).headers.get('idempotency-replayed')).toBeNull()
  })

  test('is refused for another body, and free again after a day', async () => {
    using up = numbered()
    const clock = movedClock()
    await using weir = await startGateway(providerAt(up.url), { clock })
    await weir.call(CHAT, QUESTION, NAMED)
    const other = await weir.call(CHAT, { ...QUESTION, temperature: 0.1 }, NAMED)
    expect([other.status, other.headers.get('x-weir-error')]).toEqual([409, 'idempotency_conflict'])
    clock.forward(24 * 3_600_000 + 1)
    expect(await contentOf(await weir.call(CHAT, QUESTION, NAMED))).toBe('answer 2')
    expect((await weir.call(CHAT, QUESTION, { headers: { 'idempotency-key': 'x'.repeat(256) } })).status).toBe(400)
  })

  test('requests at the same time wait for the first', async () => {
    const { upstream, open } = heldUpstream((number) => Response.json(completion(`answer ${number}`)))
    using up = upstream
    await using weir = await startGateway(providerAt(up.url))
    const asked = Array.from({ length: 5 }, () => weir.call(CHAT, QUESTION, NAMED))
    open()
    const texts = await Promise.all((await Promise.all(asked)).map(contentOf))
    expect(texts).toEqual(Array.from({ length: 5 }, () => 'answer 1'))
    expect(up.received).toHaveLength(1)
  })

  test('a client that went away finds its answer when it asks again', async () => {
    const { upstream, open, arrived } = heldUpstream((number) => Response.json(completion(`answer ${number}`)))
    using up = upstream
    await using weir = await startGateway(providerAt(up.url))
    const leaver = new AbortController()
    const left = weir.call(CHAT, QUESTION, { ...NAMED, signal: leaver.signal })
    await arrived
    leaver.abort()
    open()
    await left
    expect(await contentOf(await weir.call(CHAT, QUESTION, NAMED))).toBe('answer 1')
    expect(up.received).toHaveLength(1)
  })

  test('a stream whose client went away in the middle is there, whole, when it asks again', async () => {
    const { upstream, open } = heldUpstream(() => eventStream(chunks(['o', 'ne']).join('')))
    using up = upstream
    await using weir = await startGateway(providerAt(up.url))
    const leaver = new AbortController()
    open()
    const first = await weir.call(CHAT, STREAMED, { ...NAMED, signal: leaver.signal })
    const reader = first.body?.getReader()
    await reader?.read()
    leaver.abort()
    await reader?.cancel()
    const again = await weir.call(CHAT, STREAMED, NAMED)
    expect(await again.text()).toEndWith('data: [DONE]\n\n')
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(up.received).toHaveLength(1)
    expect(weir.gateway.load.inFlight).toBe(0)
  })

  test('what came to nothing may be tried again under the same name', async () => {
    using up = startUpstream((_, number) =>
      number === 1 ? Response.json({ error: { message: 'no' } }, { status: 400 }) : Response.json(completion('two')),
    )
    await using weir = await startGateway(providerAt(up.url))
    expect((await weir.call(CHAT, QUESTION, NAMED)).status).toBe(400)
    expect(await contentOf(await weir.call(CHAT, QUESTION, NAMED))).toBe('two')
  })

  test('what was charged and has no answer is told, and not charged again', async () => {
    using up = startUpstream(() => eventStream(chunks(['Hel', 'lo']).slice(0, 3).join('')))
    await using weir = await startGateway(providerAt(up.url))
    expect(await (await weir.call(CHAT, STREAMED, NAMED)).text()).toContain('broke off')
    const again = await weir.call(CHAT, STREAMED, NAMED)
    expect([again.status, again.headers.get('x-weir-error')]).toEqual([409, 'idempotency_conflict'])
    expect(up.received).toHaveLength(1)
  })

  test('survives the end of the process: answered is replayed, charged is told, unsent is sent', async () => {
    using up = numbered()
    await using weir = await startGateway(providerAt(up.url))
    const { store } = weir
    await weir.call(CHAT, QUESTION, NAMED)
    const after = await startGateway(providerAt(up.url), { store })
    // What a process leaves behind that ended before the answer, with and without a recovered entry.
    const cut = { ...NAMED, headers: { 'idempotency-key': 'cut' } }
    const first = await after.call(CHAT, QUESTION, { ...cut, key: weir.key })
    const id = first.headers.get('x-weir-request-id') ?? ''
    await after.gateway.journal.flush()
    expect(await contentOf(await after.call(CHAT, QUESTION, { ...NAMED, key: weir.key }))).toBe('answer 1')
    const { createHash } = await import('node:crypto')
    const caller = (await store.listKeys({ cursor: null, limit: 10 })).data
    const owner = caller.find(({ secrets }) => secrets.some(({ hash }) => hash === weir.hash(weir.key)))
    const name = createHash('sha256').update(`${owner?.id}\ncut`).digest('base64url')
    const held = await store.claimRequest(
      { id: name, fingerprint: '', requestId: 'x', createdAt: 0, expiresAt: 1 },
      Date.now(),
    )
    await store.releaseRequest(name, id)
    const left = {
      id: name,
      fingerprint: held?.fingerprint ?? '',
      createdAt: Date.now(),
      expiresAt: Date.now() + 60_000,
    }
    await store.claimRequest({ ...left, requestId: id }, Date.now())
    expect((await after.call(CHAT, QUESTION, { ...cut, key: weir.key })).status).toBe(409)
    await store.releaseRequest(name, id)
    await store.claimRequest({ ...left, requestId: 'req_never_sent' }, Date.now())
    expect(await contentOf(await after.call(CHAT, QUESTION, { ...cut, key: weir.key }))).toBe('answer 3')
  })

  test('after kill -9 in the middle it is told and not charged again, and what was answered is given again', async () => {
    const { upstream, open, arrived } = heldUpstream(() => Response.json(completion('one')))
    using up = upstream
    using folder = temporaryFolder()
    await writeFile(path.join(folder.path, 'weir.yaml'), providerAt(up.url))
    const ask = async (url: string, key: string, body: object, name: string) =>
      fetch(`${url}${CHAT}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': name },
        body: JSON.stringify(body),
      })
    await using first = startProcess({ folder: folder.path })
    const { url } = await first.ready()
    const [, key = ''] = /virtual key +(\S+)/.exec(first.stdout()) ?? []
    const cut = ask(url, key, QUESTION, 'cut').catch(() => null)
    await arrived
    first.kill('SIGKILL')
    await first.ended
    expect(await cut).toBeNull()
    open()
    await using second = startProcess({ folder: folder.path })
    const again = await second.ready()
    const told = await ask(again.url, key, QUESTION, 'cut')
    expect([told.status, told.headers.get('x-weir-error')]).toEqual([409, 'idempotency_conflict'])
    expect(up.received).toHaveLength(1)
    const text = await (await ask(again.url, key, QUESTION, 'whole')).text()
    second.kill('SIGKILL')
    await second.ended
    await using third = startProcess({ folder: folder.path })
    const replayed = await ask((await third.ready()).url, key, QUESTION, 'whole')
    expect([await replayed.text(), replayed.headers.get('idempotency-replayed')]).toEqual([text, 'true'])
    expect(up.received).toHaveLength(2)
  }, 30_000)
})
