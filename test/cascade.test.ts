// A cascade through a whole gateway: an answer in the wrong form is set aside, the next target asked, and both are paid for.
import { expect, test } from 'bun:test'
import { completion, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway } from './gateway.ts'

const USAGE = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 }
const SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}
const AS_JSON = {
  response_format: { type: 'json_schema', json_schema: { name: 'place', strict: true, schema: SCHEMA } },
}
const TOOLS = { tools: [{ type: 'function', function: { name: 'look', parameters: SCHEMA } }] }

function call(args: string): object {
  const [choice] = (completion('', USAGE) as { choices: object[] }).choices
  const tool_calls = [{ id: 'c1', type: 'function', function: { name: 'look', arguments: args } }]
  return {
    ...completion('', USAGE),
    choices: [{ ...choice, message: { role: 'assistant', content: null, tool_calls }, finish_reason: 'tool_calls' }],
  }
}

/** `small` says one thing, `large` another. */
async function withAnswers(
  answers: { readonly small: object | 'down'; readonly large: object | 'down' },
  run: (weir: TestGateway) => Promise<void>,
  quality = '{ floor: 0, cascade: true }',
): Promise<void> {
  using upstream = startUpstream((_, __, body) => {
    const answer = body.includes('"small"') ? answers.small : answers.large
    return answer === 'down' ? new Response('gone', { status: 404 }) : Response.json(answer)
  })
  await using weir = await startGateway(`
log: { requests: false }
lab: { evidence: all }
providers:
  up:
    preset: openai-compatible
    base_url: ${upstream.url}/v1
    keys: [a-key-of-the-test]
    models: { small: { price: { input: 1, output: 1 } }, large: { price: { input: 10, output: 10 } } }
routes: { chat: { targets: [up/large, up/small], strategy: quality, quality: ${quality} } }`)
  await run(weir)
}

async function asked(weir: TestGateway, more: object) {
  const response = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat', ...more })
  const body = (await response.json()) as { choices?: { message: { content: string | null } }[] }
  const id = response.headers.get('x-weir-request-id')!
  const [record, entry] = [await weir.store.getRequest(id), await weir.store.getEntry(id)]
  return {
    id,
    status: response.status,
    text: body.choices?.[0]?.message.content,
    target: response.headers.get('x-weir-target'),
    tried: record?.attempts.map(({ target, outcome }) => `${target} ${outcome.type}`),
    costNanoUsd: entry?.costNanoUsd,
  }
}

const GOOD = completion('{"city": "Ulm"}', USAGE)
/** 1 100 tokens at $1 and at $10 a million. */
const SMALL_NANO = 1_100_000n
const LARGE_NANO = 11_000_000n

for (const [title, small, more, isFit] of [
  ['JSON that is none', completion('Ulm, of course', USAGE), AS_JSON, false],
  ['JSON of another schema', completion('{"town": "Ulm"}', USAGE), AS_JSON, false],
  ['JSON of the schema', GOOD, AS_JSON, true],
  ['nothing at all', completion('', USAGE), {}, false],
  ['a tool with wrong arguments', call('{"city": 7}'), TOOLS, false],
  ['a tool with arguments that break off', call('{"city": "U'), TOOLS, false],
  ['a tool as it wants to be called', call('{"city": "Ulm"}'), TOOLS, true],
  ['words where nobody asked for a form', completion('Ulm', USAGE), {}, true],
] as const)
  test(`the cheaper one answers ${title}: ${isFit ? 'that is the answer' : 'the next one is asked, and both are paid for'}`, () =>
    withAnswers({ small, large: GOOD }, async (weir) => {
      expect(await asked(weir, more)).toMatchObject(
        isFit
          ? { status: 200, target: 'up/small', tried: ['up/small answered'], costNanoUsd: SMALL_NANO }
          : {
              status: 200,
              target: 'up/large',
              tried: ['up/small unfit', 'up/large answered'],
              costNanoUsd: SMALL_NANO + LARGE_NANO,
            },
      )
    }))

test('where nobody has an answer that fits, the last one is the answer', () =>
  withAnswers({ small: completion('no', USAGE), large: completion('neither', USAGE) }, async (weir) => {
    expect(await asked(weir, AS_JSON)).toMatchObject({
      text: 'neither',
      target: 'up/large',
      tried: ['up/small unfit', 'up/large answered'],
      costNanoUsd: SMALL_NANO + LARGE_NANO,
    })
  }))

test('where the others fail, what was set aside is the answer after all, and paid for once', () =>
  withAnswers({ small: completion('no', USAGE), large: 'down' }, async (weir) => {
    expect(await asked(weir, AS_JSON)).toMatchObject({
      status: 200,
      text: 'no',
      target: 'up/small',
      costNanoUsd: SMALL_NANO,
    })
  }))

test('nothing is set aside where the route does not want it', () =>
  withAnswers(
    { small: completion('no', USAGE), large: GOOD },
    async (weir) => {
      expect(await asked(weir, AS_JSON)).toMatchObject({ text: 'no', tried: ['up/small answered'] })
    },
    '{ floor: 0 }',
  ))

test('an answer that was set aside speaks against who gave it, and not against its health', () =>
  withAnswers({ small: completion('no', USAGE), large: GOOD }, async (weir) => {
    for (let request = 0; request < 5; request++) await asked(weir, AS_JSON)
    // Five failures in a row would have benched it.
    const { tried, id } = await asked(weir, AS_JSON)
    expect(tried).toEqual(['up/small unfit', 'up/large answered'])
    await weir.gateway.quality.settled()
    expect(await weir.store.evidenceOf(id)).toMatchObject([
      { deployment: 'up/small', kind: 'invalid_format', quality: 0, comment: expect.any(String) },
    ])
  }))
