import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { anthropicEventReader } from './anthropic/events.ts'
import { nextOf } from './answer-stream.ts'
import type { StreamPiece } from './answer-stream.ts'
import { charactersIn, frameOf } from './event-frame.ts'
import { createNativeStream } from './native-stream.ts'
import { openaiEventReader } from './openai/events.ts'
import type { EventReader } from './wire.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function openaiEvent(delta: object, more: object = {}): string {
  const choice = { index: 0, delta, logprobs: null, finish_reason: null }
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'm', choices: [choice], ...more })}\n\n`
}

function openaiChoice(choice: object): string {
  return `data: ${JSON.stringify({ id: 'c', choices: [choice] })}\n\n`
}

function anthropicEvent(delta: object): string {
  return `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta })}\n\n`
}

type Seen = { readonly pieces: readonly string[]; readonly facts: unknown; readonly failure: string | null }

/** Everything that a stream makes of its chunks. */
async function streamed(chunks: readonly Uint8Array[], readEvent: EventReader, countsByLength: boolean): Promise<Seen> {
  let at = 0
  const stream = createNativeStream({
    source: { take: (waiting) => waiting.answered(chunks[at++] ?? null) },
    readEvent,
    countsByLength,
    hideUsage: true,
    endsWithFinish: true,
  })
  const pieces: string[] = []
  let failure: string | null = null
  try {
    await stream.open()
    for (let piece: StreamPiece | null = await nextOf(stream); piece !== null; piece = await nextOf(stream))
      pieces.push(`${piece.last} ${Buffer.from(piece.bytes).toString('latin1')}`)
  } catch (error) {
    failure = String(error)
  }
  return { pieces, facts: stream.facts, failure }
}

const text = fc.string({
  unit: fc.constantFrom('a', ' ', 'é', '漢', '😀', '"', '\\', '\n', '\u0001', '/', '?'),
  maxLength: 9,
})
const openaiEvents = fc.oneof(
  { weight: 6, arbitrary: text.map((content) => openaiEvent({ content })) },
  text.map((content) => openaiEvent({ role: 'assistant', content })),
  fc.tuple(text, fc.nat(2)).map(([content, index]) => openaiChoice({ index, delta: { content } })),
  fc.nat(2).map((index) => openaiChoice({ index, delta: {}, finish_reason: 'stop' })),
  text.map((reasoning) => openaiEvent({ reasoning, content: 'a' })),
  text.map((words) => openaiEvent({ tool_calls: [{ index: 0, function: { arguments: words } }] })),
  text.map((words) => openaiEvent({ content: [{ type: 'text', text: words }] })),
  text.map((content) => openaiEvent({ content }, { usage: { prompt_tokens: 1, completion_tokens: 2 } })),
  text.map((message) => `data: ${JSON.stringify({ error: { message } })}\n\n`),
  fc.constant(': ping\n\n'),
  fc.constant('data: [DONE]\n\n'),
)
const anthropicEvents = fc.oneof(
  { weight: 6, arbitrary: text.map((words) => anthropicEvent({ type: 'text_delta', text: words })) },
  text.map((words) => anthropicEvent({ type: 'thinking_delta', thinking: words })),
  text.map((words) => anthropicEvent({ type: 'input_json_delta', partial_json: words })),
  text.map((words) => anthropicEvent({ type: 'signature_delta', signature: words })),
  fc.constant(`data: ${JSON.stringify({ type: 'message_start', message: { usage: { input_tokens: 3 } } })}\n\n`),
  fc.constant(`data: ${JSON.stringify({ type: 'message_delta', delta: { stop_reason: 'end_turn' } })}\n\n`),
)
/** A byte of a chunk that becomes another one, as no provider would send it. */
const slip = fc.option(fc.tuple(fc.nat(), fc.constantFrom(...Buffer.from('"\\\n\r {}:,x0\u0001\u00ff', 'latin1'))), {
  freq: 3,
})

for (const [name, events, reader] of [
  ['OpenAI', openaiEvents, openaiEventReader],
  ['Anthropic', anthropicEvents, anthropicEventReader],
] as const)
  test(`events of ${name} that are recognised say what they say when they are read, whatever came before`, async () => {
    const chunk = fc.tuple(fc.array(events, { minLength: 1, maxLength: 2 }), slip).map(([some, change]) => {
      const bytes = bytesOf(some.join(''))
      if (change !== null) bytes[change[0] % bytes.length] = change[1]
      return bytes
    })
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 16 }), async (chunks) => {
        expect(await streamed(chunks, reader(), true)).toEqual(await streamed(chunks, reader(), false))
      }),
      { numRuns: 2_000 },
    )
  })

test.each([
  ['is cut off', [], 'StreamFailure: the stream ended without its terminal event'],
  ['finishes, too, is whole', [openaiChoice({ index: 0, delta: {}, finish_reason: 'stop' })], null],
])('an answer whose one choice finishes while the other one goes on in the frame and %s', async (_, end, failure) => {
  const word = openaiChoice({ index: 0, delta: { content: 'word' } })
  const other = [{ delta: { content: 'b' } }, { delta: {}, finish_reason: 'stop' }].map((said) =>
    openaiChoice({ index: 1, ...said }),
  )
  const chunks = [word, word, word, ...other, word, word, ...end].map(bytesOf)
  expect((await streamed(chunks, openaiEventReader(), true)).failure).toBe(failure)
})

test('of a stream of words nearly no event is read', async () => {
  const read: string[] = []
  const readEvent = openaiEventReader()
  const chunks = [
    openaiEvent({ role: 'assistant', content: '' }),
    ...Array.from({ length: 100 }, (_, index) => openaiEvent({ content: ` word\n${index}` })),
    openaiEvent({}, { usage: { prompt_tokens: 1, completion_tokens: 2 } }),
    'data: [DONE]\n\n',
  ].map(bytesOf)
  const { facts } = await streamed(chunks, (data) => (read.push(data), readEvent(data)), true)
  expect(facts).toMatchObject({ outputCharacters: 790, usage: { input: 1, output: 2 } })
  // The role, two words, two trials of the frame, the usage and the end.
  expect(read.length).toBe(7)
})

test('events that are each of another form are tried a few times, and then no more', async () => {
  const read: string[] = []
  const readEvent = openaiEventReader()
  const chunks = Array.from({ length: 100 }, (_, index) =>
    bytesOf(openaiEvent({ content: 'word' }, { created: 1_000 + index })),
  )
  await streamed(chunks, (data) => (read.push(data), readEvent(data)), true)
  expect(read.length).toBe(100 + 4 * 2)
})

const WORD = openaiEvent({ content: 'word' })

test.each([
  ['a word', 'x', 1],
  ['nothing', '', 0],
  ['short escapes', '\\n\\"\\\\', 3],
  ['bytes of other alphabets', 'é', 2],
  ['a long escape, which is read', '\\u0041', -1],
  ['an escape that is none', '\\x', -1],
  ['an escape that takes the end away', '\\', -1],
  ['the end of the string', '","error":"', -1],
  ['the end of the line', 'a\nb', -1],
])('%s in the frame', (_, inside, characters) => {
  const frame = frameOf(bytesOf(WORD), 4, openaiEventReader())
  expect(frame === null ? null : charactersIn(frame, bytesOf(WORD.replace('word', inside)))).toBe(characters)
})

test.each([
  ['that counts two strings', openaiEvent({ content: 'ab', reasoning: 'cd' }), 4],
  ['that is very long', openaiEvent({ content: 'a'.repeat(5_000) }), 5_000],
  [
    'whose string may not be changed',
    `data: ${JSON.stringify({ choices: [{ delta: { content: ['abcd'] } }] })}\n\n`,
    8,
  ],
])('an event %s has no frame', (_, event, characters) => {
  expect(openaiEventReader()(event.slice(6)).outputCharacters).toBe(characters)
  expect(frameOf(bytesOf(event), characters, openaiEventReader())).toBeNull()
})
