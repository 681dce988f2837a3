// What is lost of a recorded answer on its way through a wire into a dialect, a sentence for each loss; none is good.
import { ChatAssembler, eventsOf } from '../../src/core/chat-assembler.ts'
import type { ChatAnswer } from '../../src/core/chat-answer.ts'
import type { ChatEvent } from '../../src/core/chat-events.ts'
import { isObject } from '../../src/core/json.ts'
import type { JsonValue } from '../../src/core/json.ts'
import type { AnswerContext } from '../../src/dialects/translator.ts'
import { createFraming } from '../../src/providers/framing.ts'
import type { FramedEvent } from '../../src/providers/framing.ts'
import type { Recording } from './corpus.ts'
import { dataOf, expectedIn } from './dialects.ts'
import type { Dialect } from './dialects.ts'
import type { Said } from './oracle.ts'
import { eventOf, streamBytes } from './wires.ts'
import type { RecordedWire } from './wires.ts'

export const CONTEXT: AnswerContext = { model: 'asked-for', id: 'req_1', created: 1_700_000_000, includeUsage: true }

type Streamed = Extract<Recording, { readonly type: 'stream' }>

/** What the recording says by the account of its own format. */
export function saidBy(wire: RecordedWire, recording: Recording): Said {
  return recording.type === 'whole' ? wire.oracle.whole(recording.body) : wire.oracle.stream(recording.data)
}

/** Whether it says, by the same account, that there is no answer. */
export function saysError(wire: RecordedWire, recording: Recording): boolean {
  try {
    saidBy(wire, recording)
    return false
  } catch {
    return true
  }
}

export function eventsIn(wire: RecordedWire, recording: Recording): readonly ChatEvent[] {
  if (recording.type === 'whole') return eventsOf(wire.codec.readAnswer(recording.body))
  return readFramed(
    wire,
    recording.data.map((line) => eventOf(wire, line)),
  )
}

function readFramed(wire: RecordedWire, framed: readonly FramedEvent[]): readonly ChatEvent[] {
  const reader = wire.codec.streamReader()
  const events = framed.flatMap(({ type, data }) => [...reader.read(type, data)])
  return [...events, ...reader.end()]
}

/** The answer that events make up; throws when their order is wrong, or the stream did not come to its end. */
export function assembled(events: readonly ChatEvent[]): ChatAnswer {
  const assembler = new ChatAssembler()
  for (const event of events) assembler.push(event)
  if (!assembler.isComplete) throw new Error(assembler.error ?? 'the stream did not end')
  return assembler.answer()
}

function streamed(dialect: Dialect, events: readonly ChatEvent[]): Said {
  const writer = dialect.translator.streamWriter(CONTEXT)
  const text = events.map((event) => writer.write(event)).join('') + writer.end()
  return dialect.oracle.stream(dataOf(text))
}

function lost(what: string, check: () => readonly string[]): readonly string[] {
  try {
    return check().map((loss) => `${what}: ${loss}`)
  } catch (error) {
    return [`${what}: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/** Losses on the way into a dialect, told whole and told as a stream. */
export function lossesIn(wire: RecordedWire, recording: Recording, dialect: Dialect): readonly string[] {
  return lost('recording', () => {
    const said = expectedIn(dialect, saidBy(wire, recording))
    const events = eventsIn(wire, recording)
    return [
      ...lost('whole', () => {
        const written = dialect.translator.writeAnswer(assembled(events), CONTEXT)
        return differences(dialect.oracle.whole(JSON.parse(JSON.stringify(written)) as typeof written), said)
      }),
      ...lost('streamed', () => differences(streamed(dialect, events), said)),
    ]
  })
}

/** Losses when the bytes of a stream come in other pieces; the pieces are the same in each run. */
export function rechunkingLosses(wire: RecordedWire, recording: Streamed, rounds: number): readonly string[] {
  const bytes = streamBytes(wire, recording.data)
  const expected = recording.data.map((line) => eventOf(wire, line))
  const events = JSON.stringify(eventsIn(wire, recording))
  const random = seeded(bytes.length)
  for (let round = 1; round <= rounds; round++) {
    const found = framedIn(wire, bytes, bytes.length / (1 + random() * 20), random)
    const isSame =
      found.length === expected.length && found.every((one, index) => one.data.trim() === expected[index]?.data.trim())
    if (!isSame) return [`cut at random (round ${round}): ${found.length} events instead of ${expected.length}`]
    if (round <= 3 && JSON.stringify(readFramed(wire, found)) !== events)
      return [`cut at random (round ${round}): the events say something else`]
  }
  return []
}

function framedIn(wire: RecordedWire, bytes: Uint8Array, share: number, random: () => number): FramedEvent[] {
  const framing = createFraming(wire.framing ?? 'sse', 8_000_000)
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

/** Losses when objects have members, and streams have events, that nobody knows yet. */
export function futureLosses(
  wire: RecordedWire,
  recording: Recording,
  dialects: readonly Dialect[],
): readonly string[] {
  return lost('with unknown fields and events', () => {
    const events = eventsIn(wire, ofTheFuture(recording))
    const said = saidBy(wire, recording)
    return dialects.flatMap((dialect) =>
      lost(dialect.name, () => differences(streamed(dialect, events), expectedIn(dialect, said))),
    )
  })
}

const FUTURE_EVENTS = [
  '{"type":"future_event","index":7,"delta":{"type":"future_delta"}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"future_delta","future":1}}',
  '{"type":"response.future.delta","output_index":0,"delta":"future"}',
  '{"object":"future.chunk"}',
  '{"futureEvent":{"contentBlockIndex":7,"delta":{"text":"x"}}}',
  '{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"future":1}}}',
]

function ofTheFuture(recording: Recording): Recording {
  if (recording.type === 'whole') {
    const body = withFutureFields(recording.body)
    return isObject(body) ? { ...recording, body } : recording
  }
  const random = seeded(recording.data.length)
  const data = recording.data.flatMap((line, index) => {
    const known = line === '[DONE]' ? line : JSON.stringify(withFutureFields(JSON.parse(line) as JsonValue))
    const extra = FUTURE_EVENTS[Math.floor(random() * FUTURE_EVENTS.length)] ?? ''
    return index > 0 && random() < 0.3 ? [extra, known] : [known]
  })
  return { ...recording, data }
}

/** Members that hold the caller's own data: what is added there would change what was said. */
const OWN_DATA = new Set(['input', 'arguments', 'args'])

/** Unknown members in every object that is not the caller's own data. */
function withFutureFields(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((one: JsonValue) => withFutureFields(one))
  if (!isObject(value)) return value
  const result: Record<string, JsonValue> = {}
  for (const [name, member] of Object.entries(value))
    if (member !== undefined) result[name] = OWN_DATA.has(name) ? member : withFutureFields(member)
  result['future_field'] = { deep: [1, 'x', null] }
  return result
}

/** How a dialect's account differs from what should be said. */
export function differences(found: Said, said: Said): readonly string[] {
  const losses: string[] = []
  if (found.text !== said.text && found.text !== said.text + (said.spoken ?? ''))
    losses.push(`text is ${shown(found.text)} instead of ${shown(said.text)}`)
  if (found.reasoning !== said.reasoning)
    losses.push(`reasoning is ${shown(found.reasoning)} instead of ${shown(said.reasoning)}`)
  const [calls, due] = [JSON.stringify(found.toolCalls.map(inOrder)), JSON.stringify(said.toolCalls.map(inOrder))]
  if (calls !== due) losses.push(`tool calls are ${shown(calls)} instead of ${shown(due)}`)
  if (found.finish !== said.finish) losses.push(`the end is ${found.finish} instead of ${said.finish}`)
  // Some formats cannot leave usage out: where the provider told none, their zeros are not counted.
  const isUntold = said.tokens === null && found.tokens?.every((count) => count === 0) === true
  if (!isUntold && JSON.stringify(found.tokens) !== JSON.stringify(said.tokens))
    losses.push(`tokens are ${JSON.stringify(found.tokens)} instead of ${JSON.stringify(said.tokens)}`)
  return losses
}

function inOrder({ id, name, arguments: given }: Said['toolCalls'][number]): unknown {
  return { id, name, arguments: sorted(given) }
}

/** The same data with the members of its objects in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([first], [second]) => (first < second ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  )
}

function shown(text: string): string {
  return text.length > 160 ? `${JSON.stringify(text.slice(0, 160))}… (${text.length})` : JSON.stringify(text)
}

/** Numbers from 0 to 1, the same in each run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
