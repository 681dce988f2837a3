// Every recorded answer goes through its wire into every dialect, and says there what it said.
import { describe, expect, test } from 'bun:test'
import { ChatAssembler, eventsOf } from '../src/core/chat-assembler.ts'
import type { ChatAnswer } from '../src/core/chat-answer.ts'
import type { ChatEvent } from '../src/core/chat-events.ts'
import type { JsonObject, JsonValue } from '../src/core/json.ts'
import { isObject } from '../src/core/json.ts'
import type { AnswerContext } from '../src/dialects/translator.ts'
import { createFraming } from '../src/providers/framing.ts'
import type { FramedEvent } from '../src/providers/framing.ts'
import { dataOf, DIALECTS, eventOf, HAS_CORPUS, recordingsOf, ROWS, streamBytes } from './recorded.ts'
import type { Dialect, Row } from './recorded.ts'
import type { Said } from './recorded-oracles.ts'

const CONTEXT: AnswerContext = { model: 'asked-for', id: 'req_1', created: 1_700_000_000, includeUsage: true }

function read(row: Row, data: readonly string[]): readonly ChatEvent[] {
  return readFramed(
    row,
    data.map((line) => eventOf(row, line)),
  )
}

function readFramed(row: Row, framed: readonly FramedEvent[]): readonly ChatEvent[] {
  const reader = row.codec.streamReader()
  const events = framed.flatMap(({ type, data }) => [...reader.read(type, data)])
  return [...events, ...reader.end()]
}

function assembled(events: readonly ChatEvent[]): ChatAnswer {
  const assembler = new ChatAssembler()
  for (const event of events) assembler.push(event)
  expect(assembler.error).toBeNull()
  expect(assembler.isComplete).toBe(true)
  return assembler.answer()
}

function streamed(dialect: Dialect, events: readonly ChatEvent[]): Said {
  const writer = dialect.translator.streamWriter(CONTEXT)
  const text = events.map((event) => writer.write(event)).join('') + writer.end()
  return dialect.oracle.stream(dataOf(text))
}

/** Numbers from 0 to 1, the same in each run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Unknown members in every object that is not the caller's own data. */
function withFutureFields(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((one: JsonValue) => withFutureFields(one))
  if (!isObject(value)) return value
  const result: Record<string, JsonValue> = {}
  for (const [name, member] of Object.entries(value))
    if (member !== undefined)
      result[name] = name === 'input' || name === 'arguments' || name === 'args' ? member : withFutureFields(member)
  result['future_field'] = { deep: [1, 'x', null] }
  return result
}

const FUTURE_EVENTS = [
  '{"type":"future_event","index":7,"delta":{"type":"future_delta"}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"future_delta","future":1}}',
  '{"object":"future.chunk"}',
  '{"futureEvent":{"contentBlockIndex":7,"delta":{"text":"x"}}}',
  '{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"future":1}}}',
]

for (const row of ROWS)
  describe.skipIf(!HAS_CORPUS)(`recorded ${row.folder}`, () => {
    const recordings = recordingsOf(row)

    test.skipIf(!HAS_CORPUS)('there are recordings', () => expect(recordings.length).toBeGreaterThan(0))

    for (const recording of recordings) {
      const upstream = recording.type === 'whole' ? row.oracle.whole(recording.body) : row.oracle.stream(recording.data)
      // A call asks for tools, whatever word its host ended with.
      const said: Said =
        upstream.toolCalls.length > 0 && upstream.finish === 'stop' ? { ...upstream, finish: 'tool_calls' } : upstream

      for (const dialect of DIALECTS)
        test(`${recording.name} says the same in ${dialect.name}, whole and streamed`, () => {
          const events =
            recording.type === 'whole' ? eventsOf(row.codec.readAnswer(recording.body)) : read(row, recording.data)
          const answer = assembled(events)
          expect(forTokens(dialect.oracle.whole(dialect.translator.writeAnswer(answer, CONTEXT)), said)).toEqual(said)
          expect(forTokens(streamed(dialect, events), said)).toEqual(said)
          expect(assembled(eventsOf(answer)).choices).toEqual(answer.choices)
        })

      if (recording.type === 'stream') {
        test(`${recording.name} gives the same events in 100 re-chunkings`, () => {
          const bytes = streamBytes(row, recording.data)
          const expected = recording.data.map((line) => eventOf(row, line))
          const random = seeded(bytes.length)
          const cutAt = (share: number): FramedEvent[] => {
            const framing = createFraming(row.framing ?? 'sse', 1_000_000)
            const found: FramedEvent[] = []
            let from = 0
            while (from < bytes.length) {
              const to = Math.min(bytes.length, from + 1 + Math.floor(random() * share))
              found.push(...(framing.push(bytes.slice(from, to))?.events ?? []))
              from = to
            }
            found.push(...(framing.finish()?.events ?? []))
            return found
          }
          const events = read(row, recording.data)
          for (let round = 0; round < 100; round++) {
            const found = cutAt(bytes.length / (1 + random() * 20))
            expect(found.length).toBe(expected.length)
            if (found.some(({ data }, index) => data !== expected[index]?.data)) expect(found).toEqual(expected)
            if (round < 3) expect(readFramed(row, found)).toEqual([...events])
          }
        })

        test(`${recording.name} survives fields and events that nobody knows`, () => {
          const random = seeded(recording.data.length)
          const noisy = recording.data.flatMap((line, index) => {
            const known =
              line === row.terminator ? line : JSON.stringify(withFutureFields(JSON.parse(line) as JsonValue))
            const extra = FUTURE_EVENTS[Math.floor(random() * FUTURE_EVENTS.length)] ?? ''
            return index > 0 && random() < 0.3 ? [extra, known] : [known]
          })
          for (const dialect of DIALECTS) expect(forTokens(streamed(dialect, read(row, noisy)), said)).toEqual(said)
        })
      } else {
        const other = recordings.find(
          ({ name, type }) => type === 'stream' && name === recording.name.replace('.json', '.chunks.txt'),
        )
        if (other?.type === 'stream' && row.unlike?.test(recording.name) !== true)
          test(`${recording.name} is of the same kind as its stream`, () => {
            expect(kindOf(row.codec.readAnswer(recording.body))).toEqual(kindOf(assembled(read(row, other.data))))
          })
      }
    }
  })

/** Anthropic's form always has usage: where the provider told none, its zeros are not counted. */
function forTokens(found: Said, said: Said): Said {
  return said.tokens === null && found.tokens?.every((count) => count === 0) === true
    ? { ...found, tokens: null }
    : found
}

function kindOf(answer: ChatAnswer): JsonObject {
  const parts = answer.choices.flatMap((choice) => choice.parts)
  return {
    text: parts.some((part) => part.type === 'text'),
    tools: [...new Set(parts.flatMap((part) => (part.type === 'tool_call' ? [part.name] : [])))].toSorted(),
    hosted: [...new Set(parts.flatMap((part) => (part.type === 'hosted_call' ? [part.name] : [])))].toSorted(),
    finish: answer.choices[0]?.finish.unified,
    usage: answer.usage !== null,
  }
}
