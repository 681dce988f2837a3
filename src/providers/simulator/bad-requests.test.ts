import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { drivenClock } from './driven-clock.ts'
import { createSimulator } from './simulator.ts'

type ErrorAnswer = { error: { message: string; type: string; param: string | null; code: string | null } }

const clock = drivenClock()
const simulator = createSimulator({ clock, seed: 1 })

async function post(path: string, body: string): Promise<Response> {
  return clock.run(simulator.fetch(new Request(`http://simulator/v1${path}`, { method: 'POST', body })))
}

async function refusal(path: string, body: unknown): Promise<ErrorAnswer['error'] & { status: number }> {
  const response = await post(path, typeof body === 'string' ? body : JSON.stringify(body))
  return { ...((await response.json()) as ErrorAnswer).error, status: response.status }
}

const user = { role: 'user', content: 'Hi' }
const chat = (more: object) => ({ model: 'small', messages: [user], ...more })
const said = (...messages: unknown[]) => ({ model: 'small', messages })
const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }
const calling = { role: 'assistant', content: null, tool_calls: [call] }
const tool = (more: object = {}) => ({ type: 'function', function: { name: 'f', ...more } })

// What is sent, the parameter that is blamed, the code, and words of the message.
const CHAT: readonly [unknown, string | null, string | null, string][] = [
  ['{"model": "small", ', null, null, 'We could not parse the JSON body'],
  ['[]', null, null, 'We could not parse the JSON body'],
  [{ messages: [user] }, null, null, 'you must provide a model parameter'],
  [{ model: 3, messages: [user] }, 'model', 'invalid_type', 'expected a string, but got an integer instead'],
  [{ model: 'nope', messages: [user] }, null, 'model_not_found', 'The model `nope` does not exist'],
  [{ model: 'small' }, 'messages', 'missing_required_parameter', "Missing required parameter: 'messages'"],
  [said(), 'messages', 'empty_array', 'minimum length 1'],
  [{ model: 'small', messages: 'Hi' }, 'messages', 'invalid_type', 'expected an array of objects, but got a string'],
  [said('Hi'), 'messages[0]', 'invalid_type', 'expected an object, but got a string'],
  [said({ content: 'Hi' }), 'messages[0].role', 'missing_required_parameter', 'messages[0].role'],
  [said({ ...user, role: 'boss' }), 'messages[0].role', 'invalid_value', "Supported values are: 'system', 'assistant'"],
  [said({ role: 'user' }), 'messages[0].content', 'missing_required_parameter', 'content'],
  [said({ role: 'user', content: 5.5 }), 'messages[0].content', 'invalid_type', 'but got a decimal number'],
  [said({ role: 'assistant', content: null }), 'messages[0].content', 'invalid_type', 'but got null'],
  [said({ role: 'user', content: ['Hi'] }), 'messages[0].content[0]', 'invalid_type', 'expected an object'],
  [said({ role: 'user', content: [{}] }), 'messages[0].content[0].type', 'missing_required_parameter', 'type'],
  [said({ role: 'user', content: [{ type: 'smell' }] }), 'messages[0].content[0].type', 'invalid_value', "'smell'"],
  [
    said({ role: 'user', content: [{ type: 'text' }] }),
    'messages[0].content[0].text',
    'missing_required_parameter',
    'text',
  ],
  [said({ role: 'tool', content: 'x' }), 'messages[0].tool_call_id', 'missing_required_parameter', 'tool_call_id'],
  [
    said(user, { role: 'tool', tool_call_id: 'a', content: 'x' }),
    'messages.[1].role',
    null,
    "role 'tool' must be a response",
  ],
  [said(user, calling), 'messages', null, 'did not have response messages: call_1'],
  [said(user, calling, user), 'messages', null, 'did not have response messages: call_1'],
  [said({ role: 'assistant', tool_calls: [7] }), 'messages[0].tool_calls[0]', 'invalid_type', 'expected an object'],
  [said({ role: 'assistant', tool_calls: [{}] }), 'messages[0].tool_calls[0].id', 'missing_required_parameter', 'id'],
  [chat({ temperature: 2.5 }), 'temperature', 'decimal_above_max_value', 'Expected a value <= 2, but got 2.5'],
  [chat({ temperature: 'hot' }), 'temperature', 'invalid_type', 'expected a decimal, but got a string'],
  [chat({ top_p: -0.1 }), 'top_p', 'decimal_below_min_value', 'Expected a value >= 0'],
  [chat({ n: 0 }), 'n', 'integer_below_min_value', 'Expected a value >= 1, but got 0'],
  [chat({ n: 129 }), 'n', 'integer_above_max_value', 'Expected a value <= 128'],
  [chat({ n: 1.5 }), 'n', 'invalid_type', 'expected an integer, but got a decimal number'],
  [chat({ max_tokens: 0 }), 'max_tokens', 'integer_below_min_value', '>= 1'],
  [chat({ max_tokens: 1, max_completion_tokens: 1 }), 'max_tokens', null, 'at the same time is not supported'],
  [chat({ stream: 'yes' }), 'stream', 'invalid_type', 'expected a boolean'],
  [chat({ stream_options: {} }), 'stream_options', null, "only allowed when 'stream' is enabled"],
  [chat({ stream: true, stream_options: [] }), 'stream_options', 'invalid_type', 'but got an array'],
  [chat({ stop: 1 }), 'stop', 'invalid_type', 'one of a string or an array of strings'],
  [chat({ stop: ['a', 'b', 'c', 'd', 'e'] }), 'stop', 'array_above_max_length', 'maximum length 4'],
  [chat({ stop: [null] }), 'stop[0]', 'invalid_type', 'but got null'],
  [chat({ tools: [] }), 'tools', 'empty_array', 'minimum length 1'],
  [chat({ tools: Array.from({ length: 129 }, () => tool()) }), 'tools', 'array_above_max_length', 'maximum length 128'],
  [chat({ tools: [null] }), 'tools[0]', 'invalid_type', 'but got null'],
  [chat({ tools: [{}] }), 'tools[0].type', 'missing_required_parameter', 'tools[0].type'],
  [chat({ tools: [{ type: 'hammer' }] }), 'tools[0].type', 'invalid_value', "Supported values are: 'function'"],
  [chat({ tools: [{ type: 'function' }] }), 'tools[0].function', 'missing_required_parameter', 'function'],
  [
    chat({ tools: [{ type: 'function', function: {} }] }),
    'tools[0].function.name',
    'missing_required_parameter',
    'name',
  ],
  [chat({ tools: [tool({ name: 'a b' })] }), 'tools[0].function.name', 'invalid_value', 'does not match pattern'],
  [
    chat({ tools: [tool({ parameters: { type: 'string' } })] }),
    'tools[0].function.parameters',
    'invalid_function_parameters',
    "function 'f'",
  ],
  [chat({ tool_choice: 'auto' }), 'tool_choice', null, "only allowed when 'tools' are specified"],
  [chat({ tools: [tool()], tool_choice: 'maybe' }), 'tool_choice', 'invalid_value', "'maybe'"],
  [chat({ tools: [tool()], tool_choice: {} }), 'tool_choice.function.name', 'missing_required_parameter', 'name'],
  [
    chat({ tools: [tool()], tool_choice: { type: 'function', function: { name: 'g' } } }),
    'tool_choice',
    null,
    "no function named 'g'",
  ],
  [chat({ response_format: 'json' }), 'response_format', 'invalid_type', 'expected an object'],
  [chat({ response_format: {} }), 'response_format.type', 'missing_required_parameter', 'type'],
  [
    chat({ response_format: { type: 'json_schema' } }),
    'response_format.json_schema',
    'missing_required_parameter',
    'json_schema',
  ],
  [
    chat({ response_format: { type: 'json_schema', json_schema: {} } }),
    'response_format.json_schema.name',
    'missing_required_parameter',
    'name',
  ],
  [
    chat({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: 1 } } }),
    'response_format.json_schema.schema',
    'invalid_type',
    'an object',
  ],
  [chat({ reasoning_effort: 'huge' }), 'reasoning_effort', 'invalid_value', "'huge'"],
  [chat({ user: 1 }), 'user', 'invalid_type', 'expected a string'],
  [said({ role: 'user', content: '[[sim fault=nope]]' }), 'messages', 'simulator_script', "no fault 'nope'"],
  [said({ role: 'user', content: '[[sim tokens=0]]' }), 'messages', 'simulator_script', 'an integer from 1'],
  [said({ role: 'user', content: '[[sim tokens=1e9]]' }), 'messages', 'simulator_script', "it was '1e9'"],
  [said({ role: 'user', content: '[[sim gap_ms=-1]]' }), 'messages', 'simulator_script', 'a number, 0 or above'],
  [said({ role: 'user', content: '[[sim colour=red]]' }), 'messages', 'simulator_script', "knows no 'colour'"],
  [said({ role: 'user', content: '[[sim cut]]' }), 'messages', 'simulator_script', 'name=value pairs'],
  [said({ role: 'user', content: '[[sim output="\\x"]]' }), 'messages', 'simulator_script', 'no JSON string'],
]

test.each(CHAT.map((row) => [JSON.stringify(row[0]).slice(0, 90), ...row] as const))(
  'the chat body %s is refused as OpenAI would',
  async (_, body, param, code, words) => {
    const error = await refusal('/chat/completions', body)
    expect(error).toMatchObject({
      status: code === 'model_not_found' ? 404 : 400,
      type: 'invalid_request_error',
      param,
      code,
    })
    expect(error.message).toContain(words)
  },
)

const OTHERS: readonly [string, unknown, string | null, string | null][] = [
  ['/completions', { model: 'small' }, 'prompt', 'missing_required_parameter'],
  ['/completions', { model: 'small', prompt: {} }, 'prompt', 'invalid_type'],
  ['/completions', { model: 'small', prompt: [] }, 'prompt', 'invalid_type'],
  ['/completions', { model: 'small', prompt: ['a', 1.5] }, 'prompt[1]', 'invalid_type'],
  ['/completions', { model: 'small', prompt: 'a', echo: 'b' }, 'echo', 'invalid_type'],
  ['/embeddings', { model: 'embed' }, 'input', 'missing_required_parameter'],
  ['/embeddings', { model: 'embed', input: '' }, null, null],
  ['/embeddings', { model: 'embed', input: Array.from({ length: 2049 }, () => 'x') }, null, null],
  ['/embeddings', { model: 'embed', input: 'a', dimensions: 5000 }, 'dimensions', 'integer_above_max_value'],
  ['/embeddings', { model: 'embed', input: 'a', encoding_format: 'hex' }, 'encoding_format', 'invalid_value'],
]

test.each(OTHERS.map((row) => [JSON.stringify(row).slice(0, 90), ...row] as const))(
  '%s is refused',
  async (_, path, body, param, code) => {
    expect(await refusal(path, body)).toMatchObject({ status: 400, type: 'invalid_request_error', param, code })
  },
)

test('good bodies of every shape are taken, and fields that nobody knows are left alone', async () => {
  const bodies: unknown[] = [
    chat({
      invented: { by: 'nobody' },
      temperature: null,
      n: null,
      stop: null,
      tools: null,
      seed: 4,
      stop_: 1,
      max_tokens: 2,
    }),
    chat({ stop: '', max_tokens: 2, response_format: { type: 'text' } }),
    said(
      { role: 'developer', content: 'Be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Hi' },
          { type: 'image_url', image_url: { url: 'data:,' } },
        ],
      },
    ),
    said(user, calling, { role: 'tool', tool_call_id: 'call_1', content: 'x' }, user),
    said(
      user,
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: null },
    ),
  ]
  for (const body of bodies) expect((await post('/chat/completions', JSON.stringify(body))).status).toBe(200)
  for (const prompt of ['a', ['a', 'b'], [1, 2, 3], [[1, 2], [3]]])
    expect((await post('/completions', JSON.stringify({ model: 'small', prompt }))).status).toBe(200)
})

test('an image counts 85 tokens', async () => {
  const tokensOf = async (content: unknown) => {
    const response = await post('/chat/completions', JSON.stringify(said({ role: 'user', content })))
    return ((await response.json()) as { usage: { prompt_tokens: number } }).usage.prompt_tokens
  }
  const text = { type: 'text', text: 'What is this?' }
  expect(await tokensOf([text, { type: 'image_url', image_url: { url: 'data:,' } }])).toBe(
    (await tokensOf([text])) + 85,
  )
})

test('no body at all makes it throw', async () => {
  const field = fc.constantFrom(
    'model',
    'messages',
    'tools',
    'tool_choice',
    'response_format',
    'stream',
    'n',
    'stop',
    'prompt',
    'input',
  )
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('small', 'embed', 'auto', [user], [{ role: 'tool' }], [tool()]),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('/chat/completions', '/completions', '/embeddings'),
      fc.dictionary(field, value),
      async (path, body) => {
        const response = await post(path, JSON.stringify(body))
        await response.body?.cancel()
        expect([200, 400, 404]).toContain(response.status)
      },
    ),
    { numRuns: 300 },
  )
})
