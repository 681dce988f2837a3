import { afterAll, expect, test } from 'bun:test'
import { openTestAdmin } from './testing.ts'

const admin = await openTestAdmin()
afterAll(() => admin.store.close())

test('a question reaches routing with the key that it names, and a viewer may ask it', async () => {
  const key = (await admin.call('POST /admin/keys', { body: { name: 'app' } })).json
  const body = { request: { model: 'chat' }, dialect: 'gemini', key: key['id'] }
  const { status, json } = await admin.call('POST /admin/explain', { body, token: admin.viewerToken })
  expect(status).toBe(200)
  expect(json).toMatchObject({
    request: { model: 'chat' },
    dialect: 'gemini',
    caller: { key: { name: 'app' }, team: null },
  })
  expect((await admin.call('POST /admin/explain', { body: { request: {} } })).json).toMatchObject({
    dialect: 'openai-chat',
    caller: null,
  })
})

for (const [title, body, status] of [
  ['no request', {}, 400],
  ['an unknown field', { request: {}, colour: 1 }, 400],
  ['a header without a name', { request: {}, headers: { '': 'x' } }, 400],
  ['a header whose name has a space', { request: {}, headers: { 'x tags': 'x' } }, 400],
  ['a header whose value has a line feed', { request: {}, headers: { 'x-weir-tags': 'a\nb' } }, 400],
  ['a key that is not there', { request: {}, key: 'key_none' }, 404],
] as const)
  test(`${title} is refused`, async () =>
    expect((await admin.call('POST /admin/explain', { body })).status).toBe(status))
