import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { ChatAnswer, FinishReason } from '../core/chat-answer.ts'
import type { ChatRequest, ChatTool, Part } from '../core/chat.ts'
import { createSchemaChecks } from './schema-checks.ts'
import { type FaultKind, faultsOf, formFaults } from './validity.ts'

const checks = createSchemaChecks()

function asked(text: string, more: Partial<ChatRequest> = {}): ChatRequest {
  return { messages: [{ role: 'user', parts: [{ type: 'text', text }] }], tools: [], sampling: {}, ...more }
}

function said(parts: string | readonly Part[], unified: FinishReason = 'stop'): ChatAnswer {
  return {
    id: null,
    model: null,
    created: null,
    choices: [
      {
        index: 0,
        parts: typeof parts === 'string' ? [{ type: 'text', text: parts }] : parts,
        finish: { unified, raw: null },
        logprobs: null,
      },
    ],
    usage: null,
    rawUsage: null,
    serviceTier: null,
    warnings: [],
  }
}

function call(name: string, text: string): Part {
  return { type: 'tool_call', kind: 'function', id: 'c1', name, arguments: text }
}

const CITY = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1 } },
  required: ['city'],
  additionalProperties: false,
}
const WEATHER: ChatTool = { type: 'function', name: 'weather', schema: CITY }
const WITH_TOOL = asked('How is the weather in Rome?', { tools: [WEATHER] })
const AS_JSON = asked('As JSON, please', { responseFormat: { type: 'json' } })
const AS_CITY = asked('As JSON', { responseFormat: { type: 'json_schema', name: 'city', schema: CITY } })
const PLAIN = asked('What is the tallest mountain in the world, and who climbed it first?')
const GERMAN = asked(
  'Was ist der höchste Berg der Welt und wer hat ihn zuerst bestiegen, und wie lange hat das nicht mit Sauerstoff gedauert?',
)
const ENGLISH_TEXT =
  'Mount Everest is the tallest of the mountains in the world, and it was first climbed by Edmund Hillary and Tenzing Norgay, who were not the only ones that tried.'
const GERMAN_TEXT =
  'Der höchste Berg der Welt ist der Mount Everest, und er wurde von Edmund Hillary und Tenzing Norgay bestiegen, die auch nicht die ersten waren, die es mit einer Seilschaft versuchten.'
const LOOP = 'I will now check the results again. '

const CASES: readonly (readonly [
  sentence: string,
  request: ChatRequest,
  answer: ChatAnswer,
  kinds: readonly FaultKind[],
])[] = [
  ['a plain answer has no fault', PLAIN, said(ENGLISH_TEXT), []],
  ['nothing but spaces is empty', PLAIN, said('  \n'), ['empty_answer']],
  [
    'thoughts alone are no answer',
    PLAIN,
    said([{ type: 'reasoning', text: 'Hm.', signature: null, encrypted: null, family: null }]),
    ['empty_answer'],
  ],
  [
    'a picture is an answer',
    PLAIN,
    said([{ type: 'image', source: { type: 'url', url: 'https://example.com/a.png', mediaType: null } }]),
    [],
  ],
  ['a cut at the model’s own bound counts', PLAIN, said(ENGLISH_TEXT, 'length'), ['cut_answer']],
  ['a cut that the caller asked for does not', { ...PLAIN, maxOutputTokens: 16 }, said('Mount', 'length'), []],
  ['a provider that broke is no matter of quality', PLAIN, said('', 'error'), []],
  ['a pause is not the end', PLAIN, said('', 'pause'), []],
  ['JSON that is an object is fine', AS_JSON, said('{"a": 1}'), []],
  ['words around JSON are not JSON', AS_JSON, said('Here you are: {"a": 1}'), ['invalid_format']],
  ['a fence around JSON is not JSON', AS_JSON, said('```json\n{"a": 1}\n```'), ['invalid_format']],
  ['a list is no object', AS_JSON, said('[1]'), ['invalid_format']],
  ['cut JSON is both', AS_JSON, said('{"a": ', 'length'), ['invalid_format', 'cut_answer']],
  ['what fits its schema is fine', AS_CITY, said('{"city": "Rome"}'), []],
  ['what lacks a field does not fit', AS_CITY, said('{"days": 2}'), ['invalid_format']],
  ['what has a field too many does not fit', AS_CITY, said('{"city": "Rome", "x": 1}'), ['invalid_format']],
  ['what has the wrong type does not fit', AS_CITY, said('{"city": 5}'), ['invalid_format']],
  ['a call that fits is fine', WITH_TOOL, said([call('weather', '{"city": "Rome", "days": 2}')], 'tool_calls'), []],
  ['a call of no tool', WITH_TOOL, said([call('wether', '{"city": "Rome"}')], 'tool_calls'), ['bad_tool_call']],
  ['arguments that are no JSON', WITH_TOOL, said([call('weather', '{"city": ')], 'tool_calls'), ['bad_tool_call']],
  ['arguments that lack something', WITH_TOOL, said([call('weather', '')], 'tool_calls'), ['bad_tool_call']],
  [
    'arguments of the wrong type',
    WITH_TOOL,
    said([call('weather', '{"city":"R","days":"2"}')], 'tool_calls'),
    ['bad_tool_call'],
  ],
  [
    'a tool without arguments takes none',
    asked('now', { tools: [{ type: 'function', name: 'clock', schema: null }] }),
    said([call('clock', '')], 'tool_calls'),
    [],
  ],
  [
    'a call that had to be made and was not',
    { ...WITH_TOOL, toolChoice: { type: 'required' } },
    said('It is sunny.'),
    ['bad_tool_call'],
  ],
  [
    'a call that was forbidden',
    { ...WITH_TOOL, toolChoice: { type: 'none' } },
    said([call('weather', '{"city":"R"}')]),
    ['bad_tool_call'],
  ],
  [
    'calls take the place of the form',
    { ...AS_JSON, tools: [WEATHER] },
    said([{ type: 'text', text: 'Let me see.' }, call('weather', '{"city":"R"}')], 'tool_calls'),
    [],
  ],
  ['a refusal that is told as such', PLAIN, said([{ type: 'refusal', text: 'No.' }]), ['refusal']],
  ['a refusal of a form is no broken form', AS_CITY, said([{ type: 'refusal', text: 'No.' }]), ['refusal']],
  ['the provider’s filter', PLAIN, said('', 'content_filter'), ['refusal']],
  ['a refusal by its words', PLAIN, said("I'm sorry, but I can't help with that."), ['refusal']],
  ['a German refusal', GERMAN, said('Es tut mir leid, aber dabei kann ich dir nicht helfen.'), ['refusal']],
  ['who cannot and yet does, helps', PLAIN, said(`I cannot provide advice. ${ENGLISH_TEXT.repeat(6)}`), []],
  ['a loop that was cut', PLAIN, said(`Well. ${LOOP.repeat(40)}`, 'length'), ['cut_answer', 'repetition']],
  ['a loop that stopped', PLAIN, said(`Well. ${LOOP.repeat(200)}`), ['repetition']],
  ['a ruler is no loop', PLAIN, said(`${ENGLISH_TEXT}\n${'-'.repeat(80)}\n${ENGLISH_TEXT}`), []],
  ['a loop that stands in the question', asked(LOOP.repeat(200)), said(LOOP.repeat(200)), []],
  ['marks of a template', PLAIN, said(`${ENGLISH_TEXT}<|im_end|>`), ['leaked_template']],
  ['marks that were asked about', asked('What does <|im_end|> mean?'), said('<|im_end|> ends a message.'), []],
  ['an English answer to a German question', GERMAN, said(ENGLISH_TEXT), ['wrong_language']],
  ['a German answer to a German question', GERMAN, said(GERMAN_TEXT), []],
  [
    'a Chinese answer to an English question',
    PLAIN,
    said('珠穆朗玛峰是世界上最高的山峰。埃德蒙·希拉里首先登顶。'),
    ['wrong_language'],
  ],
  [
    'a translation',
    asked('Translate into German: the tallest mountain of the world is mount Everest'),
    said(GERMAN_TEXT),
    [],
  ],
  [
    'a language that the instructions ask for',
    {
      ...PLAIN,
      messages: [{ role: 'system', parts: [{ type: 'text', text: 'Always answer in German.' }] }, ...PLAIN.messages],
    },
    said(GERMAN_TEXT),
    [],
  ],
]

test.each(CASES)('%s', async (_sentence, request, answer, kinds) => {
  expect((await faultsOf(request, answer, checks)).map(({ kind }) => kind)).toEqual([...kinds])
})

test('what makes an answer useless to a program is told apart from what is a matter of reading', async () => {
  const refused = said("I'm sorry, but I can't help with that.").choices[0]!
  expect((await formFaults(AS_JSON, refused, checks)).map(({ kind }) => kind)).toEqual(['invalid_format'])
  expect(await formFaults(PLAIN, refused, checks)).toEqual([])
})

test('a schema that cannot be used says nothing: one that is none, that refers elsewhere, that is endless', async () => {
  const schemas = [
    { type: 'nonsense' },
    { $ref: 'https://example.com/elsewhere.json' },
    { enum: Array.from({ length: 40_000 }, (_, index) => index) },
  ]
  for (const schema of schemas) expect(await checks.problem(schema, { a: 1 })).toBeNull()
})

test('a pattern that would take for ever is not looked at', async () => {
  const schema = { type: 'string', pattern: '^(a+)+$', minLength: 2 }
  expect(await checks.problem(schema, `${'a'.repeat(60)}!`)).toBeNull()
  expect(await checks.problem(schema, 'a')).toBe('`minLength` does not hold')
})

test('a schema that refers to itself, and a value nested deeper than the stack', async () => {
  const schema = { type: 'object', properties: { next: { $ref: '#' } } }
  let value: object = { next: 5 }
  expect(await checks.problem(schema, value)).toBe('`type` does not hold')
  for (let depth = 0; depth < 50_000; depth++) value = { next: value }
  expect(['`type` does not hold', null]).toContain(await checks.problem(schema, value))
})

const MEGABYTE = 1_000_000
const LARGE: readonly (readonly [name: string, text: string])[] = [
  ['one character', 'a'.repeat(MEGABYTE)],
  ['spaces', ' '.repeat(MEGABYTE)],
  ['emoji', '🙂'.repeat(MEGABYTE / 2)],
  ['lines', 'a line of text that goes on for a while, and then ends\n'.repeat(MEGABYTE / 55)],
  [
    'base64',
    btoa(String.fromCharCode(...Array.from({ length: 750 }, (_, index) => (index * 89) % 256))).repeat(
      MEGABYTE / 1_000,
    ),
  ],
  ['opening brackets', '['.repeat(MEGABYTE)],
]

test.each(LARGE)('an answer of a megabyte of %s takes less than 50 ms', async (_name, text) => {
  for (const request of [PLAIN, AS_JSON]) {
    let leastMs = Number.POSITIVE_INFINITY
    for (let run = 0; run < 3; run++) {
      const startMs = performance.now()
      await faultsOf(request, said(text), checks)
      leastMs = Math.min(leastMs, performance.now() - startMs)
    }
    expect(leastMs).toBeLessThan(50)
  }
})

test('whatever an answer holds, it is looked at without a throw, and no word of it comes out', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.jsonValue(), async (text, schema) => {
      const format = { type: 'json_schema', name: 'x', schema: { properties: { a: schema } } as never } as const
      for (const { detail } of await faultsOf({ ...PLAIN, responseFormat: format }, said(text), checks))
        expect(detail).toMatch(/^[\w ,:`’$]+$/)
    }),
    { numRuns: 200 },
  )
})
