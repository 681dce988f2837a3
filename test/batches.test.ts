// Files and batches: OpenAI's own SDK as the client, what is wrong with a file, limits, cancelling, expiry, and a crash.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import OpenAI, { NotFoundError, toFile } from 'openai'
import { linesOf } from '../src/batches/file-content.ts'
import { lineRequestId } from '../src/core/batch.ts'
import { teamOf } from '../src/core/testing.ts'
import { BATCH_ENDPOINTS, resultLine } from '../src/dialects/openai-batches.ts'
import { matchEndpoint } from '../src/http/endpoints.ts'
import { drivenClock } from '../src/providers/simulator/driven-clock.ts'
import type { DrivenClock } from '../src/providers/simulator/driven-clock.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { completion, FAST_SIMULATOR, providerAt, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'
import { startProcess, temporaryFolder } from './process.ts'

const CHAT = '/v1/chat/completions'

/** A line of the file of a batch. */
function line(customId: string, model = 'sim/small', change: object = {}): object {
  return {
    custom_id: customId,
    method: 'POST',
    url: CHAT,
    body: { model, messages: [{ role: 'user', content: customId }] },
    ...change,
  }
}

function jsonLines(lines: readonly (object | string)[]): string {
  return lines.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n')
}

function clientOf(weir: TestGateway, apiKey = weir.key): OpenAI {
  return new OpenAI({
    apiKey,
    baseURL: 'http://gateway/v1',
    maxRetries: 0,
    fetch: (url, init) => weir.gateway.fetch(new Request(url as string, init)),
  })
}

async function upload(client: OpenAI, lines: readonly (object | string)[]): Promise<string> {
  const file = await toFile(Buffer.from(jsonLines(lines)), 'input.jsonl')
  return (await client.files.create({ file, purpose: 'batch' })).id
}

async function create(client: OpenAI, lines: readonly (object | string)[]): Promise<OpenAI.Batch> {
  const input_file_id = await upload(client, lines)
  return client.batches.create({ input_file_id, endpoint: CHAT, completion_window: '24h' })
}

/** Real time: a batch that is never over fails its test by the clock of the test runner. */
async function over(client: OpenAI, id: string): Promise<OpenAI.Batch> {
  for (;;) {
    const batch = await client.batches.retrieve(id)
    if (!['validating', 'in_progress', 'finalizing', 'cancelling'].includes(batch.status)) return batch
    await Bun.sleep(2)
  }
}

async function contentOf(client: OpenAI, id: string | null | undefined): Promise<readonly Record<string, unknown>[]> {
  const text = await (await client.files.content(id ?? '')).text()
  return text
    .trimEnd()
    .split('\n')
    .map((one) => JSON.parse(one) as Record<string, unknown>)
}

describe('with OpenAI’s SDK', () => {
  let weir: TestGateway
  let client: OpenAI
  beforeEach(async () => {
    weir = await startGateway(FAST_SIMULATOR)
    client = clientOf(weir)
  })
  afterEach(() => weir[Symbol.asyncDispose]())

  test('a file is uploaded, listed, read byte for byte and deleted', async () => {
    const bytes = Buffer.concat(Array.from({ length: 3 }, (_, index) => Buffer.alloc(1024 * 1024 - 7, index)))
    const made = await client.files.create({
      file: await toFile(bytes, 'päper.bin'),
      purpose: 'user_data',
      expires_after: { anchor: 'created_at', seconds: 7_200 },
    })
    expect(made).toMatchObject({
      object: 'file',
      bytes: bytes.length,
      filename: 'päper.bin',
      purpose: 'user_data',
      status: 'processed',
    })
    expect((made.expires_at ?? 0) - made.created_at).toBe(7_200)
    expect(await client.files.retrieve(made.id)).toEqual(made)
    expect(Buffer.from(await (await client.files.content(made.id)).arrayBuffer()).equals(bytes)).toBe(true)
    const other = await client.files.create({ file: await toFile(Buffer.from('{}'), 'b.jsonl'), purpose: 'batch' })
    const listed: string[] = []
    for await (const { id } of client.files.list({ limit: 1 })) listed.push(id)
    expect(listed).toEqual([other.id, made.id])
    expect((await client.files.list({ purpose: 'batch' })).data.map(({ id }) => id)).toEqual([other.id])
    expect(await client.files.delete(made.id)).toEqual({ id: made.id, object: 'file', deleted: true })
    expect(await client.files.retrieve(made.id).catch((error: unknown) => error)).toBeInstanceOf(NotFoundError)
    expect(weir.gateway.load.inFlight).toBe(0)
  })

  test('a batch is executed line by line: answers in one file, errors in another, one entry for each', async () => {
    const lines = [...Array.from({ length: 40 }, (_, index) => line(`line-${index}`)), line('lost', 'sim/nothing')]
    const made = await create(client, lines)
    expect(made).toMatchObject({ object: 'batch', status: 'validating', endpoint: CHAT, completion_window: '24h' })
    const batch = await over(client, made.id)
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 41, completed: 40, failed: 1 },
    })
    const output = await contentOf(client, batch.output_file_id)
    expect(output.map((one) => one['custom_id'])).toEqual(Array.from({ length: 40 }, (_, index) => `line-${index}`))
    expect(output[0]).toMatchObject({
      id: expect.stringMatching(/^batch_req_/) as string,
      response: {
        status_code: 200,
        body: { object: 'chat.completion', usage: { prompt_tokens: expect.any(Number) as number } },
      },
      error: null,
    })
    const errors = await contentOf(client, batch.error_file_id)
    expect(errors).toMatchObject([
      { custom_id: 'lost', response: { status_code: 404, body: { error: { code: 'model_not_found' } } }, error: null },
    ])
    expect(await weir.store.countEntries()).toBe(40)
    const spend = await weir.store.spend({ by: ['tag'], bucket: null, from: 0, to: 8e15 })
    expect(spend.find(({ group }) => group.tag === `batch:${batch.id}`)?.requests).toBe(40)
    expect(await client.files.retrieve(batch.output_file_id ?? '')).toMatchObject({ purpose: 'batch_output' })
    expect((await client.batches.list()).data.map(({ id }) => id)).toEqual([batch.id])
    expect([weir.gateway.load.inFlight, weir.gateway.batches.linesInFlight]).toEqual([0, 0])
  })

  test('fields that nobody here knows reach the provider as they were written', async () => {
    using upstream = startUpstream(() => Response.json(completion()))
    await using other = await startGateway(providerAt(upstream.url))
    const sdk = clientOf(other)
    const raw = `{"custom_id":"a","method":"POST","url":"${CHAT}","body": {"model":"up/m", "messages":[{"role":"user","content":"a"}], "new_field":1.50, "big":12345678901234567890} }`
    expect((await over(sdk, (await create(sdk, [raw])).id)).status).toBe('completed')
    expect(upstream.received[0]?.body).toBe(
      '{"model":"m", "messages":[{"role":"user","content":"a"}], "new_field":1.50, "big":12345678901234567890}',
    )
  })

  test('those of another key are as unknown as those that never were; those of its team are shared', async () => {
    const batch = await over(client, (await create(client, [line('a')])).id)
    const stranger = clientOf(weir, await weir.issue({}))
    for (const call of [
      stranger.files.retrieve(batch.input_file_id),
      stranger.files.content(batch.output_file_id ?? ''),
      stranger.files.delete(batch.input_file_id),
      stranger.batches.retrieve(batch.id),
      stranger.batches.cancel(batch.id),
      stranger.batches.create({ input_file_id: batch.input_file_id, endpoint: CHAT, completion_window: '24h' }),
    ])
      expect(await call.catch((error: unknown) => error)).toBeInstanceOf(NotFoundError)
    expect((await stranger.batches.list()).data).toEqual([])
    await weir.store.insertTeam(teamOf())
    const [ada, bob] = [
      clientOf(weir, await weir.issue({ teamId: 'team_1' })),
      clientOf(weir, await weir.issue({ teamId: 'team_1' })),
    ]
    const shared = await create(ada, [line('a')])
    expect((await over(bob, shared.id)).status).toBe('completed')
  })

  test('a key that may not use an endpoint has its lines refused, and one that may not use batches makes none', async () => {
    const narrow = clientOf(weir, await weir.issue({ endpoints: ['files', 'batches', 'embeddings'] }))
    const batch = await over(narrow, (await create(narrow, [line('a')])).id)
    expect(await contentOf(narrow, batch.error_file_id)).toMatchObject([{ response: { status_code: 403 } }])
    const none = clientOf(weir, await weir.issue({ endpoints: ['chat'] }))
    expect(await none.batches.list().catch((error: unknown) => error)).toMatchObject({
      status: 403,
      code: 'endpoint_not_allowed',
    })
    expect(await none.files.list().catch((error: unknown) => error)).toMatchObject({
      status: 403,
      code: 'endpoint_not_allowed',
    })
  })

  test.each([
    ['no line', [], [{ code: 'empty_file', line: null }]],
    ['no JSON', ['{"custom_id":'], [{ code: 'invalid_json_line', line: 1 }]],
    ['no object', ['7'], [{ code: 'invalid_json_line', line: 1 }]],
    ['nesting', ['['.repeat(500)], [{ code: 'invalid_json_line', line: 1 }]],
    ['no name', [line('')], [{ code: 'invalid_custom_id', line: 1, param: 'custom_id' }]],
    ['a name twice', [line('a'), '', line('a')], [{ code: 'duplicate_custom_id', line: 3, param: 'custom_id' }]],
    ['a method', [line('a', 'm', { method: 'GET' })], [{ code: 'invalid_method', line: 1, param: 'method' }]],
    [
      'another endpoint',
      [line('a', 'm', { url: '/v1/embeddings' })],
      [{ code: 'mismatched_url', line: 1, param: 'url' }],
    ],
    ['no body', [line('a', 'm', { body: [] })], [{ code: 'invalid_body', line: 1, param: 'body' }]],
    [
      'a stream',
      [line('a', 'm', { body: { stream: true } })],
      [{ code: 'invalid_body', line: 1, param: 'body.stream' }],
    ],
  ])('a file with %s fails its batch and says where', async (_what, lines, problems) => {
    const batch = await over(client, (await create(client, lines)).id)
    expect(batch).toMatchObject({
      status: 'failed',
      errors: { object: 'list', data: problems },
      request_counts: { total: 0 },
    })
    expect(batch.failed_at).toBeNumber()
    expect(await weir.store.countEntries()).toBe(0)
  })

  test.each([
    [{ input_file_id: 'file_none', endpoint: CHAT, completion_window: '24h' }, 404, 'input_file_id'],
    [{ input_file_id: 7, endpoint: CHAT, completion_window: '24h' }, 400, 'input_file_id'],
    [{ input_file_id: 'f', endpoint: '/v1/models', completion_window: '24h' }, 400, 'endpoint'],
    [{ input_file_id: 'f', endpoint: CHAT, completion_window: '1d' }, 400, 'completion_window'],
    [{ input_file_id: 'f', endpoint: CHAT, completion_window: '24h', metadata: { a: 1 } }, 400, 'metadata.a'],
    [
      {
        input_file_id: 'f',
        endpoint: CHAT,
        completion_window: '24h',
        output_expires_after: { anchor: 'created_at', seconds: 1 },
      },
      400,
      'output_expires_after',
    ],
    [{ input_file_id: 'f', endpoint: CHAT, completion_window: '24h', surprise: 1 }, 400, 'surprise'],
  ])('a batch that cannot be is refused: %j', async (body, status, param) => {
    const response = await weir.call('/v1/batches', body)
    expect(response.status).toBe(status)
    expect(((await response.json()) as { error: { param: string } }).error.param).toBe(param)
  })
})

test('a form that is no upload is refused, and nothing stays held', async () => {
  await using weir = await startGateway(`${FAST_SIMULATOR}files: { file_limit: 2KiB, owner_limit: 3KiB }\n`)
  const send = async (form: FormData): Promise<unknown> => {
    const request = new Request('http://gateway/v1/files', {
      method: 'POST',
      body: form,
      headers: { authorization: `Bearer ${weir.key}` },
    })
    const response = await weir.gateway.fetch(request)
    const { error } = (await response.json()) as { error?: { param: string | null; weir: { code: string } } }
    return [response.status, error?.weir.code ?? null, error?.param ?? null]
  }
  const form = (fields: Record<string, string | Blob>): FormData => {
    const data = new FormData()
    for (const [name, value] of Object.entries(fields)) data.append(name, value)
    return data
  }
  const file = new File(['x'.repeat(2_000)], 'a.jsonl')
  expect(await send(form({ purpose: 'batch' }))).toEqual([400, 'request_malformed', 'file'])
  expect(await send(form({ file }))).toEqual([400, 'request_malformed', 'purpose'])
  expect(await send(form({ file, purpose: 'batch_output' }))).toEqual([400, 'request_malformed', 'purpose'])
  expect(await send(form({ file, purpose: 'batch', surprise: '1' }))).toEqual([400, 'request_malformed', 'surprise'])
  expect(await send(form({ file, purpose: 'batch', 'expires_after[anchor]': 'created_at' }))).toEqual([
    400,
    'request_malformed',
    'expires_after',
  ])
  expect(await send(form({ file: new File(['x'.repeat(2_049)], 'b'), purpose: 'batch' }))).toEqual([
    413,
    'request_too_large',
    'file',
  ])
  expect(await send(form({ file, purpose: 'batch' }))).toEqual([200, null, null])
  expect(await send(form({ file, purpose: 'batch' }))).toEqual([413, 'request_too_large', 'file'])
  expect(await weir.gateway.metrics.text()).toContain('weir_bytes_held 0')
})

describe('in driven time', () => {
  const WINDOW_MS = 24 * 3_600_000

  /** The simulator lives in driven time, which real sockets do not. */
  const simulator = (simulate: string): string =>
    `providers: { sim: { preset: simulator, models: { small: { simulate: ${simulate} } } } }`
  const FAST = '{ ttft_ms: { median: 1, p99: 2 }, tokens_per_second: 100000 }'

  test('the limits of the key hold: lines wait for room instead of failing', async () => {
    const clock = drivenClock()
    await using weir = await startGateway(simulator(FAST), { clock })
    const client = clientOf(weir, await weir.issue({ limits: { rpm: 5 } }))
    const startedMs = clock.monotonicMs()
    const made = await create(
      client,
      Array.from({ length: 12 }, (_, index) => line(String(index))),
    )
    const batch = await passing(clock, ended(weir, made.id))
    expect(batch).toMatchObject({ status: 'completed', completed: 12, failed: 0 })
    expect(await weir.store.countEntries()).toBe(12)
    expect(clock.monotonicMs() - startedMs).toBeGreaterThan(60_000)
  })

  test('a provider that has no room is asked again until it has', async () => {
    const clock = drivenClock()
    await using weir = await startGateway(
      simulator('{ ttft_ms: { median: 1, p99: 2 }, rate_limit: { rpm: 2, retry_after_s: 7 } }'),
      { clock },
    )
    const client = clientOf(weir)
    const batch = await passing(
      clock,
      ended(
        weir,
        (
          await create(
            client,
            ['a', 'b', 'c', 'd', 'e'].map((name) => line(name)),
          )
        ).id,
      ),
    )
    expect(batch).toMatchObject({ status: 'completed', completed: 5, failed: 0 })
    const entries = await Promise.all(
      Array.from({ length: 40 }, (_, tries) => weir.store.getEntry(lineRequestId(batch.id, { position: 5, tries }))),
    )
    const tried = entries.flatMap((entry) => (entry === null ? [] : [entry.status]))
    expect(tried.at(-1)).toBe('complete')
    expect(tried.slice(0, -1).every((status) => status === 'failed')).toBe(true)
  })

  test('a provider that fails is given up after three tries, each with an entry of its own', async () => {
    const clock = drivenClock()
    await using weir = await startGateway(simulator('{ ttft_ms: { median: 1, p99: 2 }, error_share: 1 }'), { clock })
    const client = clientOf(weir)
    const batch = await passing(clock, ended(weir, (await create(client, [line('a')])).id))
    expect(batch).toMatchObject({ status: 'completed', completed: 0, failed: 1 })
    expect(await contentOf(client, batch.errorFileId)).toMatchObject([{ response: { status_code: 502 } }])
    expect(await weir.store.countEntries()).toBe(3)
  })

  test('what is not done in time is not executed: the batch expires and says so line by line', async () => {
    const clock = drivenClock()
    await using weir = await startGateway(`${simulator(FAST)}\nbatches: { concurrency: 0 }\n`, { clock })
    const client = clientOf(weir)
    const made = await create(client, [line('a'), line('b')])
    const batch = await clock.run(ended(weir, made.id))
    expect(batch).toMatchObject({ status: 'expired', completed: 0, failed: 2 })
    expect(batch.dueAt - batch.createdAt).toBe(WINDOW_MS)
    expect((batch.enteredAt.expired ?? 0) - batch.dueAt).toBeLessThan(1_000)
    expect(await contentOf(client, batch.errorFileId)).toMatchObject([
      { custom_id: 'a', response: null, error: { code: 'batch_expired' } },
      { custom_id: 'b', response: null, error: { code: 'batch_expired' } },
    ])
    expect(await weir.store.countEntries()).toBe(0)
  })

  test('no line is begun while callers keep the gateway busy', async () => {
    const clock = drivenClock()
    const held = Promise.withResolvers<void>()
    using upstream = startUpstream(async (_request, _number, body) => {
      if (body.includes('urgent')) await held.promise
      return Response.json(completion())
    })
    await using weir = await startGateway(`${providerAt(upstream.url)}batches: { pause_above_in_flight: 1 }\n`, {
      clock,
    })
    const urgent = ['urgent', 'urgent'].map((content) =>
      weir.call(CHAT, { model: 'up/m', messages: [{ role: 'user', content }] }),
    )
    while (upstream.received.length < 2) await Bun.sleep(1)
    const made = await create(clientOf(weir), [line('a', 'up/m')])
    for (let turn = 0; turn < 50; turn++) {
      clock.advance(100)
      await Bun.sleep(0)
    }
    expect([upstream.received.length, (await weir.store.getBatch(made.id, null))?.status]).toEqual([2, 'in_progress'])
    held.resolve()
    await Promise.all(urgent)
    expect(await passing(clock, ended(weir, made.id))).toMatchObject({ status: 'completed', completed: 1 })
  })

  /** Lets time pass a second at a time, with turns in between for what needs none (a commit of the ledger). */
  async function passing<T>(clock: DrivenClock, promise: Promise<T>): Promise<T> {
    const state = { over: false }
    void promise.finally(() => (state.over = true))
    while (!state.over) {
      for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => void setImmediate(resolve))
      await Bun.sleep(1)
      clock.advance(1_000)
    }
    return promise
  }

  /** Asked of the store, which needs no time. */
  async function ended(
    weir: TestGateway,
    id: string,
  ): Promise<NonNullable<Awaited<ReturnType<TestGateway['store']['getBatch']>>>> {
    for (;;) {
      const batch = await weir.store.getBatch(id, null)
      if (batch !== null && ['failed', 'completed', 'expired', 'cancelled'].includes(batch.status)) return batch
      await new Promise<void>((resolve) => void setTimeout(resolve, 1))
    }
  }
})

test('a cancelled batch finishes what it has begun and begins nothing more', async () => {
  const held = Promise.withResolvers<void>()
  using upstream = startUpstream(async () => {
    await held.promise
    return Response.json(completion())
  })
  await using weir = await startGateway(`${providerAt(upstream.url)}batches: { concurrency: 2 }\n`)
  const client = clientOf(weir)
  const made = await create(
    client,
    Array.from({ length: 9 }, (_, index) => line(String(index), 'up/m')),
  )
  while (upstream.received.length < 2) await Bun.sleep(1)
  expect(await client.batches.cancel(made.id)).toMatchObject({ status: 'cancelling' })
  expect(await client.batches.cancel(made.id)).toMatchObject({ status: 'cancelling' })
  held.resolve()
  const batch = await over(client, made.id)
  expect(batch).toMatchObject({ status: 'cancelled', request_counts: { total: 9, completed: 2, failed: 7 } })
  expect(await contentOf(client, batch.error_file_id)).toMatchObject(
    Array.from({ length: 7 }, () => ({ error: { code: 'batch_cancelled' } })),
  )
  expect(upstream.received).toHaveLength(2)
  expect(await client.batches.cancel(made.id).catch((error: unknown) => error)).toMatchObject({ status: 409 })
})

test('after kill -9 a batch goes on, and no line that was booked is executed again', async () => {
  using folder = temporaryFolder()
  const seen = new Map<string, number>()
  let hang = true
  using upstream = startUpstream(async (_request, _number, body) => {
    const { messages } = JSON.parse(body) as { messages: { content: string }[] }
    const name = messages[0]?.content ?? ''
    seen.set(name, (seen.get(name) ?? 0) + 1)
    if (hang && seen.size > 10) await new Promise(() => {})
    return Response.json(completion(name))
  })
  writeFileSync(path.join(folder.path, 'weir.yaml'), `${providerAt(upstream.url)}batches: { concurrency: 3 }\n`)
  const sdkOf = (url: string, apiKey: string): OpenAI => new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 })
  let key = ''
  let id = ''
  {
    await using first = startProcess({ folder: folder.path })
    const { url } = await first.ready()
    key = /virtual key +(\S+)/.exec(first.stdout())?.[1] ?? ''
    id = (
      await create(
        sdkOf(url, key),
        Array.from({ length: 30 }, (_, index) => line(`l${index}`, 'up/m')),
      )
    ).id
    while (seen.size < 12) await Bun.sleep(5)
    first.kill('SIGKILL')
    await first.ended
  }
  hang = false
  await using second = startProcess({ folder: folder.path })
  const client = sdkOf((await second.ready()).url, key)
  const batch = await over(client, id)
  expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 30 } })
  expect([...seen.values()].every((times) => times === 1)).toBe(true)
  const output = await contentOf(client, batch.output_file_id)
  const errors = await contentOf(client, batch.error_file_id)
  expect(output.length + errors.length).toBe(30)
  expect(errors.length).toBeGreaterThan(0)
  for (const one of errors) expect(one).toMatchObject({ error: { code: 'interrupted' } })
  // What was answered was asked for; what was interrupted may have been, or was booked a moment before it left.
  for (const { custom_id } of output) expect(seen.get(custom_id as string)).toBe(1)
  const store = openSqliteStore({ path: path.join(folder.path, 'data', 'weir.db'), sync: 'process' })
  expect(await store.countEntries()).toBe(30)
  await store.close()
}, 30_000)

test('every endpoint of batches is one that relays', () => {
  for (const endpoint of BATCH_ENDPOINTS)
    expect(matchEndpoint('POST', endpoint)).toMatchObject({ type: 'found', endpoint: { kind: 'relay' } })
})

test('property: lines are the same however the bytes are cut, and a result is always one line', async () => {
  const texts = fc.array(
    fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\n', ' ')),
    { maxLength: 12 },
  )
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 7 }), async (lines, size) => {
      const bytes = new TextEncoder().encode(lines.join('\n'))
      async function* cut(): AsyncGenerator<Uint8Array> {
        for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
      }
      const read = await Array.fromAsync(linesOf(cut()))
      const expected = lines.flatMap((text, index) => (text.trim() === '' ? [] : [{ number: index + 1, text }]))
      expect(read).toEqual(expected)
    }),
  )
  fc.assert(
    fc.property(fc.string(), fc.json(), fc.integer({ min: 100, max: 599 }), (name, value, status) => {
      const body = JSON.stringify(JSON.parse(value), null, 2)
      const text = resultLine('req_1', name, { type: 'answered', status, body })
      expect(text).not.toContain('\n')
      expect(JSON.parse(text)).toMatchObject({
        custom_id: name,
        response: { status_code: status, body: JSON.parse(value) },
      })
    }),
  )
})
