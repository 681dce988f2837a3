// Events of recorded streams in any order, several times or not at all: no reader throws, what it says is in order, and every
// dialect can write it.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ChatAssembler } from '../src/core/chat-assembler.ts'
import { CASES, contentOf } from './recorded/corpus.ts'
import { DIALECTS } from './recorded/dialects.ts'
import { CONTEXT } from './recorded/losses.ts'
import { eventOf, WIRES } from './recorded/wires.ts'
import type { RecordedWire } from './recorded/wires.ts'
import { MATRIX_WIRES } from './sdk/wires.ts'

/** All events that we know of a wire: those of the cases, and of a call with a thought before it. */
function knownEvents(wire: RecordedWire): readonly string[] {
  const folders = [CASES, path.join(CASES, 'made')]
  const files = folders.flatMap((folder) => readdirSync(folder).map((file) => path.join(folder, file)))
  const recorded = files
    .filter((file) => file.endsWith('.chunks.txt'))
    .map((file) => contentOf(readFileSync(file, 'utf8'), file))
    .flatMap((content) => (content.type === 'answers' && content.wire === wire ? content.recordings : []))
    .flatMap((recording) => (recording.type === 'stream' ? recording.data : []))
  const call = { type: 'call', name: 'f', input: { a: 1 }, thought: { text: 'Hm.', proof: 'c2ln' } } as const
  const spoken = MATRIX_WIRES.filter(({ framing }) => framing === wire).flatMap(({ format }) => format.stream(call))
  return [...new Set([...recorded, ...spoken])].filter((line) => !line.includes('"chunk"'))
}

test.each(Object.values(WIRES).map((wire) => [wire.name, wire] as const))('of %s', (_name, wire) => {
  const known = knownEvents(wire)
  expect(known.length).toBeGreaterThan(5)
  const some = fc.array(fc.constantFrom(...known), { maxLength: 14 })
  fc.assert(
    fc.property(some, (lines) => {
      const reader = wire.codec.streamReader()
      const events = lines.flatMap((line) => {
        const { type, data } = eventOf(wire, line)
        return [...reader.read(type, data)]
      })
      events.push(...reader.end())
      const assembler = new ChatAssembler()
      for (const event of events) assembler.push(event)
      expect(assembler.isComplete || assembler.error !== null).toBe(true)
      for (const dialect of DIALECTS) {
        const writer = dialect.translator.streamWriter(CONTEXT)
        expect(events.map((event) => writer.write(event)).join('') + writer.end()).not.toBe('')
        if (assembler.isComplete) dialect.translator.writeAnswer(assembler.answer(), CONTEXT)
      }
    }),
    { numRuns: 400 },
  )
})
