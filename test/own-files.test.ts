// Files that were uploaded to the gateway and are named in requests: every provider gets them as their content.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { JsonObject } from '../src/core/json.ts'
import { completion, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'

const PDF = Buffer.from('%PDF-1.7\n%âãÏÓ\n1 0 obj\n', 'latin1')
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==',
  'base64',
)
const NOTES = Buffer.from('The weir holds.\n')

const data = (bytes: Buffer): string => bytes.toString('base64')
const url = (bytes: Buffer, type: string): string => `data:${type};base64,${data(bytes)}`

let weir: TestGateway
let up: Upstream

const ANSWERS: Readonly<Record<string, object>> = {
  '/v1/responses': {
    id: 'resp_1',
    object: 'response',
    status: 'completed',
    model: 'm',
    output: [{ type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [] }],
    usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
  },
  '/v1/messages': {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [{ type: 'text', text: 'Read.' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 1, output_tokens: 1 },
  },
}

beforeEach(async () => {
  up = startUpstream((request) => Response.json(ANSWERS[new URL(request.url).pathname] ?? completion('Read.')))
  weir = await startGateway(`
providers:
  chat: { preset: openai-compatible, base_url: "${up.url}/v1", keys: [k], models: { m: {} } }
  responses: { preset: openai, base_url: "${up.url}/v1", keys: [k], models: { m: {} } }
  claude: { preset: anthropic, base_url: "${up.url}", keys: [k], models: { m: {} } }
media: { max_size: 1MiB, max_files: 3 }
`)
})
afterEach(async () => {
  await weir[Symbol.asyncDispose]()
  up[Symbol.dispose]()
})

async function upload(bytes: Buffer, name: string, key?: string): Promise<string> {
  const form = new FormData()
  form.set('purpose', 'user_data')
  form.set('file', new File([new Uint8Array(bytes)], name))
  const made = await weir.call('/v1/files', form, key === undefined ? {} : { key })
  return ((await made.json()) as { id: string }).id
}

async function sent(path: string, body: object): Promise<JsonObject> {
  const answer = await weir.call(path, body)
  expect([answer.status, await answer.clone().text()]).toEqual([200, expect.any(String) as string])
  await answer.text()
  return JSON.parse(up.received.at(-1)?.body ?? '') as JsonObject
}

const chat = (model: string, ...content: readonly object[]) => ({
  model,
  max_tokens: 10,
  messages: [{ role: 'user', content: [...content, { type: 'text', text: 'Read.' }] }],
})

describe('a file that is named in', () => {
  test('a chat completion goes to its own kind of provider in place, and nothing else changes', async () => {
    const id = await upload(PDF, 'plan.pdf')
    const body = `{ "model": "chat/m", "seed": 1.50, "messages": [{"role":"user","content":[{"type":"file","file":{"file_id":"${id}"}}]}], "new": 12345678901234567890 }`
    expect((await weir.call('/v1/chat/completions', body)).status).toBe(200)
    const file = { filename: 'plan.pdf', file_data: url(PDF, 'application/pdf') }
    const messages = JSON.stringify([{ role: 'user', content: [{ type: 'file', file }] }])
    expect(up.received.at(-1)?.body).toBe(
      `{ "model": "m", "seed": 1.50, "messages": ${messages}, "new": 12345678901234567890 }`,
    )
  })

  test('a chat completion goes to Anthropic as a document, and plain text as text', async () => {
    const [plan, notes] = [await upload(PDF, 'plan.pdf'), await upload(NOTES, 'notes.md')]
    const body = chat('claude/m', { type: 'file', file: { file_id: plan } }, { type: 'file', file: { file_id: notes } })
    expect((await sent('/v1/chat/completions', body))['messages']).toMatchObject([
      {
        content: [
          {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: data(PDF) },
            title: 'plan.pdf',
          },
          { type: 'document', source: { type: 'text', data: NOTES.toString() } },
          { type: 'text' },
        ],
      },
    ])
  })

  test('Anthropic’s messages goes to Anthropic and to others', async () => {
    const [picture, notes] = [await upload(PNG, 'dot'), await upload(NOTES, 'notes')]
    const content = [
      { type: 'image', source: { type: 'file', file_id: picture } },
      { type: 'document', source: { type: 'file', file_id: notes }, title: 'Notes' },
    ]
    expect((await sent('/v1/messages', chat('claude/m', ...content)))['messages']).toMatchObject([
      {
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: data(PNG) } },
          {
            type: 'document',
            source: { type: 'text', media_type: 'text/plain', data: NOTES.toString() },
            title: 'Notes',
          },
          { type: 'text' },
        ],
      },
    ])
    expect((await sent('/v1/messages', chat('chat/m', ...content)))['messages']).toMatchObject([
      {
        content: [
          { type: 'image_url', image_url: { url: url(PNG, 'image/png') } },
          { type: 'text', text: `Notes\n\n${NOTES.toString()}` },
          { type: 'text' },
        ],
      },
    ])
  })

  test('a response is kept as it was named, and sent along with each turn that goes on from it', async () => {
    const [plan, picture] = [await upload(PDF, 'plan.pdf'), await upload(PNG, 'dot.png')]
    const content = [
      { type: 'input_file', file_id: plan },
      { type: 'input_image', file_id: picture, detail: 'low' },
    ]
    const first = await weir.call('/v1/responses', { model: 'claude/m', input: [{ role: 'user', content }] })
    const { id } = (await first.json()) as { id: string }
    const items = await weir.call(`/v1/responses/${id}/input_items`)
    expect(await items.json()).toMatchObject({ data: [{ content }] })
    const next = await sent('/v1/responses', { model: 'claude/m', input: 'And?', previous_response_id: id })
    expect(next['messages']).toMatchObject([
      {
        content: [
          { type: 'document', source: { type: 'base64', data: data(PDF) } },
          { type: 'image', source: { type: 'base64', data: data(PNG) } },
        ],
      },
      { role: 'assistant' },
      { content: [{ text: 'And?' }] },
    ])
    expect(
      (await sent('/v1/responses', { model: 'responses/m', input: [{ role: 'user', content }] }))['input'],
    ).toEqual([
      {
        role: 'user',
        content: [
          { type: 'input_file', filename: 'plan.pdf', file_data: url(PDF, 'application/pdf') },
          { type: 'input_image', detail: 'low', image_url: url(PNG, 'image/png') },
        ],
      },
    ])
  })

  test('the result of a tool is put in; one that a tool was called with is not', async () => {
    const id = await upload(PNG, 'dot.png')
    const body = {
      model: 'claude/m',
      max_tokens: 10,
      messages: [
        { role: 'user', content: 'Look.' },
        {
          role: 'assistant',
          content: [{ type: 'tool_use', id: 't', name: 'f', input: { type: 'file', file_id: id } }],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 't',
              content: [{ type: 'image', source: { type: 'file', file_id: id } }],
            },
          ],
        },
      ],
    }
    const messages = (await sent('/v1/messages', body))['messages']
    expect(messages).toMatchObject([
      {},
      { content: [{ input: { file_id: id } }] },
      { content: [{ content: [{ source: { type: 'base64', data: data(PNG) } }] }] },
    ])
  })
})

test('files that the provider keeps are named as they were', async () => {
  for (const file_id of ['file-6F2ksmvXxt4VdoqmHRw6kL', 'file_011CNha8iCJcU1wXNR6q4V8w'])
    expect(
      (await sent('/v1/chat/completions', chat('chat/m', { type: 'file', file: { file_id } })))['messages'],
    ).toMatchObject([{ content: [{ file: { file_id } }, {}] }])
})

test('a file that is not there, is somebody else’s or is too much is refused before anything leaves', async () => {
  const own = await upload(NOTES, 'a.txt')
  const other = await upload(NOTES, 'b.txt', await weir.issue({ name: 'other' }))
  const large = await upload(Buffer.alloc(1024 * 1024 + 1), 'c.bin')
  const four = await Promise.all(['a', 'b', 'c', 'd'].map((name) => upload(NOTES, name)))
  const named = (...ids: readonly string[]) =>
    chat('chat/m', ...ids.map((file_id) => ({ type: 'file', file: { file_id } })))
  for (const [body, status, words] of [
    [named(own.replace(/..$/, 'zz')), 404, 'There is no file'],
    [named(other), 404, 'There is no file'],
    [named(own, large), 413, '1048577 bytes; 1048576 may be sent along'],
    [named(...four), 413, 'names 4 files; 3 may be sent along'],
  ] as const) {
    const answer = await weir.call('/v1/chat/completions', body)
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(words) as string])
  }
  expect(up.received).toEqual([])
})
