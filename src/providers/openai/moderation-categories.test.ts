import { describe, expect, test } from 'bun:test'
import { completion, startGateway, startUpstream } from '../../../test/gateway.ts'

const SAFE = { sexual: false, hate_and_discrimination: false, violence_and_threats: false, selfharm: false, pii: false }
const SCORES = { sexual: 0.01, hate_and_discrimination: 0.02, violence_and_threats: 0.9, selfharm: 0, pii: 0.1 }

function answer(...results: readonly object[]): object {
  return { id: 'mod-1', model: 'mistral-moderation-latest', results, usage: { prompt_tokens: 7, total_tokens: 7 } }
}

async function moderate(input: unknown, told: object, provider = 'preset: mistral') {
  using up = startUpstream(() => Response.json(told))
  await using weir = await startGateway(
    `unpriced: allow\nproviders: { up: { ${provider}, base_url: "${up.url}/v1", keys: [k] } }\n`,
  )
  const response = await weir.call('/v1/moderations', { model: 'up/mod', input })
  const [record] = (await weir.store.listRequests({ cursor: null, limit: 1 })).data
  return { status: response.status, body: (await response.json()) as object, sent: up.received[0]?.body, record }
}

describe('moderations without a verdict', () => {
  test('are flagged when any category applies, in OpenAI’s names where it has them', async () => {
    const bad = { categories: { ...SAFE, violence_and_threats: true }, category_scores: SCORES }
    const { status, body, sent, record } = await moderate(
      ['hit', 'sit'],
      answer(bad, { categories: SAFE, category_scores: SCORES }),
    )
    expect([status, sent]).toEqual([200, '{"model":"mod","input":["hit","sit"]}'])
    const categories = { sexual: false, hate: false, violence: true, 'self-harm': false, pii: false }
    const category_scores = { sexual: 0.01, hate: 0.02, violence: 0.9, 'self-harm': 0, pii: 0.1 }
    expect(body).toEqual({
      id: 'mod-1',
      model: 'mistral-moderation-latest',
      results: [
        { flagged: true, categories, category_scores },
        { flagged: false, categories: { ...categories, violence: false }, category_scores },
      ],
    })
    expect(record?.usage).toMatchObject({ input: 7, requests: 1 })
  })

  test('take the texts of a list of parts as one thing', async () => {
    const { sent } = await moderate(
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      answer({ categories: SAFE }),
    )
    expect(sent).toBe('{"model":"mod","input":["a\\nb"]}')
  })

  test.each([
    [[{ type: 'image_url', image_url: { url: 'data:,' } }], 'This provider looks at texts only.'],
    [[], '`input` must be a text'],
    [[1], '`input` must be a text'],
  ])('refuse %p', async (input, words) => {
    const { status, body, sent } = await moderate(input, answer())
    expect([status, JSON.stringify(body), sent]).toEqual([400, expect.stringContaining(words) as string, undefined])
  })

  test.each([
    [answer()],
    [answer({ categories: SAFE }, { categories: SAFE })],
    [answer({ categories: { sexual: 'no' } })],
    [answer({})],
    [completion()],
  ])('that are none are no answer: %p', async (told) => {
    expect((await moderate('x', told)).status).toBe(502)
  })
})

test('moderations with a verdict go through untouched', async () => {
  const told = { id: 'm', model: 'x', results: [{ flagged: true, categories: { new_one: true }, more: 1 }] }
  expect((await moderate('x', told, 'preset: openai')).body).toEqual(told)
})

test('a provider that has none says so', async () => {
  const { status, body } = await moderate('x', {}, 'preset: anthropic')
  expect([status, JSON.stringify(body)]).toEqual([
    400,
    expect.stringContaining('has no moderations endpoint') as string,
  ])
})
