import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Part } from './chat.ts'
import type { ChatAnswer } from './chat-answer.ts'
import { ChatAssembler, EventOrderError, eventsOf } from './chat-assembler.ts'
import { ChatEventBuilder } from './chat-builder.ts'
import { isMeaningful, outputCharacters } from './chat-events.ts'
import type { ChatEvent } from './chat-events.ts'
import { NO_USAGE } from './usage.ts'

const START: ChatEvent = { type: 'start', id: 'a', model: 'm', created: 1 }
const TEXT: ChatEvent = { type: 'block_start', choice: 0, block: 0, part: { type: 'text', text: '' } }
const MORE: ChatEvent = { type: 'block_delta', choice: 0, block: 0, delta: { type: 'text', text: 'x' } }
const STOP: ChatEvent = { type: 'block_end', choice: 0, block: 0 }
const FINISH: ChatEvent = { type: 'finish', choice: 0, finish: { unified: 'stop', raw: 'stop' } }
const END: ChatEvent = { type: 'end' }
const JSON_DELTA: ChatEvent = { type: 'block_delta', choice: 0, block: 0, delta: { type: 'arguments', json: '{' } }

function assemble(events: readonly ChatEvent[]): ChatAssembler {
  const assembler = new ChatAssembler()
  for (const event of events) assembler.push(event)
  return assembler
}

const WRONG: readonly (readonly [string, readonly ChatEvent[]])[] = [
  ['a block before the start', [TEXT]],
  ['a second start', [START, START]],
  ['a delta without a block', [START, MORE]],
  ['a delta after the end of its block', [START, TEXT, STOP, MORE]],
  ['a delta of another kind of block', [START, TEXT, JSON_DELTA]],
  ['a block number twice', [START, TEXT, STOP, TEXT]],
  ['a finish while a block is open', [START, TEXT, FINISH]],
  ['a second finish', [START, FINISH, FINISH]],
  ['a block after the finish', [START, FINISH, TEXT]],
  ['an end before the finish', [START, TEXT, STOP, END]],
  ['an event after the end', [START, FINISH, END, MORE]],
]
test.each(WRONG)('%s is out of order', (_, events) => expect(() => assemble(events)).toThrow(EventOrderError))

test('an error ends the stream, which is then not complete', () => {
  const assembler = assemble([START, TEXT, MORE, { type: 'error', message: 'boom', code: null }])
  expect(assembler.error).toBe('boom')
  expect(assembler.isComplete).toBe(false)
  expect(assembler.answer().choices[0]?.parts).toEqual([{ type: 'text', text: 'x' }])
})

const text = fc.string({ minLength: 1, maxLength: 20 })
const part: fc.Arbitrary<Part> = fc.oneof(
  text.map((text): Part => ({ type: 'text', text })),
  text.map((text): Part => ({
    type: 'text',
    text,
    citations: [{ url: 'https://example.com', title: null, citedText: 'x', start: null, end: null }],
  })),
  text.map((text): Part => ({ type: 'refusal', text })),
  fc
    .tuple(text, fc.option(text))
    .map(([text, signature]): Part => ({ type: 'reasoning', text, signature, encrypted: null, family: 'gemini' })),
  text.map((data): Part => ({
    type: 'reasoning',
    text: '',
    signature: null,
    encrypted: data,
    family: 'openai-responses',
  })),
  fc.tuple(text, fc.constantFrom('function', 'custom'), fc.jsonValue()).map(([id, kind, input]): Part => ({
    type: 'tool_call',
    kind,
    id,
    name: 'f',
    arguments: JSON.stringify({ input }),
  })),
  text.map((id): Part => ({
    type: 'hosted_call',
    id,
    name: 'search',
    arguments: '{}',
    family: 'gemini',
    value: { id },
  })),
  text.map((text): Part => ({ type: 'opaque', family: 'anthropic-messages', value: { type: 'future', text } })),
  text.map((data): Part => ({ type: 'image', source: { type: 'inline', data, mediaType: 'image/png' } })),
)
const answer: fc.Arbitrary<ChatAnswer> = fc.record({
  id: fc.option(text),
  model: fc.option(text),
  created: fc.option(fc.nat()),
  choices: fc.array(fc.array(part, { maxLength: 5 }), { minLength: 1, maxLength: 3 }).map((choices) =>
    choices.map((parts, index) => ({
      index,
      parts,
      finish: { unified: 'length', raw: 'length' } as const,
      logprobs: index === 0 ? [{ token: 'x', logprob: -1, bytes: null, top: [] }] : null,
    })),
  ),
  usage: fc.constantFrom(null, { ...NO_USAGE, input: 3, output: 4 }),
  rawUsage: fc.constant(null),
  serviceTier: fc.option(text),
  warnings: fc.constant([]),
})

test('an answer played as events and put together again is the same answer', () => {
  fc.assert(
    fc.property(answer, (answer) => {
      const again = assemble(eventsOf(answer)).answer()
      expect(again).toEqual({ ...answer, rawUsage: answer.usage === null ? null : {} })
    }),
  )
})

type Step =
  | { readonly do: 'append'; readonly kind: 'text' | 'reasoning' | 'refusal'; readonly text: string }
  | { readonly do: 'open' | 'close'; readonly key: number }
  | { readonly do: 'delta'; readonly key: number; readonly json: string }
  | { readonly do: 'finish' | 'ping' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('append'), kind: fc.constantFrom('text', 'reasoning', 'refusal'), text: fc.string() }),
  fc.record({ do: fc.constantFrom('open', 'close'), key: fc.nat(3) }),
  fc.record({ do: fc.constant('delta'), key: fc.nat(3), json: fc.constantFrom('{', '}', '{}', '') }),
  fc.record({ do: fc.constantFrom('finish', 'ping') }),
) as fc.Arbitrary<Step>

test('whatever a wire says in whatever order, the builder makes well-ordered events of it', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1), step), { maxLength: 40 }), fc.boolean(), (steps, isSound) => {
      const builder = new ChatEventBuilder('openai-chat')
      for (const [choice, step] of steps)
        switch (step.do) {
          case 'append':
            builder.append(choice, step.kind, step.text)
            break
          case 'open':
            builder.open(choice, step.key, { type: 'tool_call', kind: 'function', id: 'i', name: 'f', arguments: '' })
            break
          case 'close':
            builder.close(choice, step.key)
            break
          case 'delta':
            builder.delta(choice, step.key, { type: 'arguments', json: step.json })
            break
          case 'finish':
            builder.finish(choice, { unified: 'stop', raw: 'stop' })
            break
          case 'ping':
            builder.ping()
            break
        }
      if (isSound) builder.end()
      else builder.cut()
      const assembler = assemble(builder.take())
      expect(assembler.isComplete || assembler.error !== null).toBe(true)
      expect(builder.take()).toEqual([])
    }),
    { numRuns: 500 },
  )
})

test('a call whose arguments are whole ends when the next block begins; one that is not stays open', () => {
  const call = { type: 'tool_call', kind: 'function', id: 'i', name: 'f', arguments: '' } as const
  const builder = new ChatEventBuilder('openai-chat')
  builder.open(0, 'a', call)
  builder.delta(0, 'a', { type: 'arguments', json: '{"x":1}' })
  builder.open(0, 'b', call)
  expect(builder.isOpen(0, 'a')).toBe(false)
  builder.delta(0, 'b', { type: 'arguments', json: '{"y":' })
  builder.open(0, 'c', call)
  builder.delta(0, 'b', { type: 'arguments', json: '2}' })
  builder.end()
  const { parts, finish } = assemble(builder.take()).answer().choices[0]!
  expect(parts.map((part) => part.type === 'tool_call' && part.arguments)).toEqual(['{"x":1}', '{"y":2}', '{}'])
  expect(finish.unified).toBe('other')
})

test('a stream that is cut off before any finish is broken; after one it is sound', () => {
  const broken = new ChatEventBuilder('openai-chat')
  broken.append(0, 'text', 'x')
  broken.cut()
  expect(assemble(broken.take()).error).toBe('the stream ended without its terminal event')
  const sound = new ChatEventBuilder('openai-chat')
  sound.append(0, 'text', 'x')
  sound.finish(0, { unified: 'stop', raw: 'stop' })
  sound.cut()
  expect(assemble(sound.take()).isComplete).toBe(true)
})

test('a stream of several choices that is cut off is sound only where each of them has finished', () => {
  const builder = new ChatEventBuilder('openai-chat')
  builder.append(0, 'text', 'x')
  builder.append(1, 'text', 'y')
  builder.finish(0, { unified: 'stop', raw: 'stop' })
  expect(builder.hasFinish).toBe(false)
  builder.finish(1, { unified: 'length', raw: 'length' })
  expect(builder.hasFinish).toBe(true)
  builder.append(2, 'text', 'z')
  builder.cut()
  expect(assemble(builder.take()).error).toBe('the stream ended without its terminal event')
})

test('pieces of base64 that end in padding are joined by their bytes', () => {
  const start: ChatEvent = {
    type: 'block_start',
    choice: 0,
    block: 0,
    part: { type: 'audio', source: { type: 'inline', data: btoa('a'), mediaType: 'audio/pcm' } },
  }
  const delta: ChatEvent = { type: 'block_delta', choice: 0, block: 0, delta: { type: 'data', data: btoa('bc') } }
  const said: ChatEvent = { type: 'block_delta', choice: 0, block: 0, delta: { type: 'transcript', text: 'hi' } }
  expect(assemble([START, start, delta, said]).answer().choices[0]?.parts).toEqual([
    { type: 'audio', source: { type: 'inline', data: btoa('abc'), mediaType: 'audio/pcm' }, transcript: 'hi' },
  ])
})

test('only what a user could see is meaningful, and only output has characters', () => {
  expect([START, TEXT, MORE, STOP, END].map(isMeaningful)).toEqual([false, false, true, false, false])
  expect([START, TEXT, MORE, JSON_DELTA, END].map(outputCharacters)).toEqual([0, 0, 1, 1, 0])
})
