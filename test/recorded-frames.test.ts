// Recorded streams say the same whether their events are all read, or recognised where they differ by their text alone.
import { describe, expect, test } from 'bun:test'
import { nextOf } from '../src/providers/answer-stream.ts'
import { anthropicEventReader } from '../src/providers/anthropic/events.ts'
import { createNativeStream } from '../src/providers/native-stream.ts'
import { openaiEventReader } from '../src/providers/openai/events.ts'
import type { EventReader } from '../src/providers/wire.ts'
import { HAS_CORPUS, recordingsOf, ROWS } from './recorded/corpus.ts'
import { WIRES } from './recorded/wires.ts'

const READERS = new Map<unknown, () => EventReader>([
  [WIRES['openai-chat'], openaiEventReader],
  [WIRES.anthropic, anthropicEventReader],
])

/** What a stream says, and how many of its events had to be read for it. */
async function said(data: readonly string[], read: EventReader, countsByLength: boolean) {
  let at = 0
  let reads = 0
  const stream = createNativeStream({
    source: {
      take(waiting) {
        const event = data[at++]
        waiting.answered(event === undefined ? null : new TextEncoder().encode(`data: ${event}\n\n`))
      },
    },
    readEvent: (event) => (reads++, read(event)),
    countsByLength,
    hideUsage: false,
    endsWithFinish: true,
  })
  let bytes = 0
  const failure = await (async () => {
    await stream.open()
    for (let piece = await nextOf(stream); piece !== null; piece = await nextOf(stream)) bytes += piece.bytes.length
    return null
  })().catch(String)
  return { said: { facts: stream.facts, bytes, failure }, reads }
}

describe.skipIf(!HAS_CORPUS)('recorded streams', () => {
  const totals = { events: 0, reads: 0 }
  for (const row of ROWS)
    for (const recording of recordingsOf(row)) {
      const reader = READERS.get(row.wire)
      if (reader === undefined || recording.type === 'whole') continue
      test(`${row.folder} ${recording.name}`, async () => {
        const all = await said(recording.data, reader(), false)
        const some = await said(recording.data, reader(), true)
        expect(some.said).toEqual(all.said)
        totals.events += all.reads
        totals.reads += some.reads
      })
    }

  test('most of their events are recognised', () => {
    expect(totals.events).toBeGreaterThan(1_000)
    expect(totals.reads).toBeLessThan(totals.events / 2)
  })
})
