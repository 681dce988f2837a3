import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Call } from '../core/call.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { NO_MEMBERS } from '../core/json.ts'
import { NO_OPTIONS } from '../dialects/read-options.ts'
import { canonicalJson, fingerprint, isCacheable } from './fingerprint.ts'

function callOf(text: string, change: Partial<Call> = {}): Call {
  const body = JSON.parse(text) as JsonObject
  return {
    dialect: 'openai-chat',
    operation: 'chat',
    facts: {
      model: typeof body['model'] === 'string' ? body['model'] : '',
      stream: body['stream'] === true,
      wantsStreamUsage: false,
      maxOutputTokens: null,
      endUser: null,
      options: NO_OPTIONS,
    },
    text,
    members: NO_MEMBERS,
    body,
    headers: {},
    chat: null,
    ...change,
  }
}

const OWN = ['weir', 'models', 'provider', 'route']
const print = (text: string, change?: Partial<Call>, within = 'key:a chat'): string =>
  fingerprint(callOf(text, change), { ownFields: OWN, routing: null, within })

const ASKED = { model: 'm', temperature: 0.5, messages: [{ role: 'user', content: 'Hi' }] }

/** The same value, its members in the order that `pick` gives and with white space in between. */
function written(value: JsonValue, pick: (count: number) => number): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const space = ' '.repeat(pick(3))
  if (Array.isArray(value))
    return `[${space}${value.map((item) => written(item as JsonValue, pick)).join(`${space},`)}]`
  const left = Object.entries(value as JsonObject)
  const members: string[] = []
  while (left.length > 0) {
    const [[name, member]] = left.splice(pick(left.length), 1) as [[string, JsonValue]]
    members.push(`${space}${JSON.stringify(name)}\n:${space}${written(member, pick)}`)
  }
  return `{${members.join(',')}}`
}

describe('the same request', () => {
  test('has one fingerprint, whatever the order of its members and the white space between them', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.infiniteStream(fc.nat()), (more, numbers) => {
        const value = { ...more, ...ASKED } as JsonObject
        // Of numbers beyond 2^53 only what was written tells them apart.
        fc.pre(canonicalJson(value) !== null)
        const plain = JSON.stringify(value)
        const pick = (count: number): number => (count === 0 ? 0 : (numbers.next().value as number) % count)
        const other = written(JSON.parse(plain) as JsonObject, pick)
        expect(print(other)).toBe(print(plain))
      }),
    )
  })
  test.each([
    ['the gateway’s own fields', { weir: { tags: ['a'] }, provider: { sort: 'price' } }],
    ['who asks', { user: 'anna', safety_identifier: 'x', prompt_cache_key: 'y' }],
  ])('is told neither by %s', (_, more) => {
    expect(print(JSON.stringify({ ...ASKED, ...more }))).toBe(print(JSON.stringify(ASKED)))
  })
  test('may spell its numbers and characters in another way', () => {
    expect(print('{"model":"m","temperature":5e-1,"stop":"\\u00e9"}')).toBe(
      print('{"model":"m","temperature":0.50,"stop":"é"}'),
    )
  })
})

describe('another request', () => {
  test('has another fingerprint, whatever the value that differs', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        fc.pre(canonicalJson(one) !== canonicalJson(other))
        expect(print(JSON.stringify({ ...ASKED, extra: one }))).not.toBe(
          print(JSON.stringify({ ...ASKED, extra: other })),
        )
      }),
    )
  })
  const plain = JSON.stringify(ASKED)
  test.each<[string, string]>([
    ['temperature', print(JSON.stringify({ ...ASKED, temperature: 0.6 }))],
    ['a field that nobody knows', print(JSON.stringify({ ...ASKED, future: 1 }))],
    ['the order of messages', print(JSON.stringify({ ...ASKED, messages: [...ASKED.messages, ...ASKED.messages] }))],
    ['stream', print(JSON.stringify({ ...ASKED, stream: true }))],
    ['the dialect', print(plain, { dialect: 'anthropic-messages' })],
    ['a header of the dialect', print(plain, { headers: { 'anthropic-beta': 'x' } })],
    ['the scope', print(plain, {}, 'key:b chat')],
    [
      'who may answer',
      fingerprint(callOf(plain), {
        ownFields: OWN,
        within: 'key:a chat',
        routing: {
          fallbacks: null,
          isAlone: false,
          providers: null,
          region: 'eu',
          session: null,
          task: null,
          qualityFloor: null,
          hedgeAfterMs: null,
        },
      }),
    ],
  ])('differs by %s', (_, other) => {
    expect(other).not.toBe(print(plain))
  })
  test('differs by what is in a file of the same name and length', () => {
    const form = (text: string): Partial<Call> => {
      const bytes = new TextEncoder().encode(text)
      return { form: [{ type: 'file', name: 'file', filename: 'a.mp3', mediaType: 'audio/mpeg', bytes }] }
    }
    expect(print(plain, form('one'))).toBe(print(plain, form('one')))
    expect(print(plain, form('one'))).not.toBe(print(plain, form('two')))
  })
  test('differs by a seed beyond what a number holds', () => {
    expect(print('{"model":"m","seed":9007199254740993}')).not.toBe(print('{"model":"m","seed":9007199254740992}'))
  })
})

test.each<[boolean, string, Partial<Call>]>([
  [true, 'a chat', {}],
  [true, 'a response that is not stored', { operation: 'responses', body: { store: false } }],
  [false, 'a response that is stored', { operation: 'responses', body: {} }],
  [
    false,
    'a response that goes on from another',
    { operation: 'responses', body: { store: false, previous_response_id: 'r' } },
  ],
  [false, 'a picture', { operation: 'images' }],
  [false, 'a form', { form: [] }],
])('%p: %s can be given again', (expected, _, change) => {
  expect(isCacheable(callOf('{"model":"m"}', change))).toBe(expected)
})
