// Every recorded answer goes through its wire into every dialect, and says there what it said.
import { describe, expect, test } from 'bun:test'
import type { ChatAnswer } from '../src/core/chat-answer.ts'
import type { JsonObject } from '../src/core/json.ts'
import { HAS_CORPUS, recordingsOf, ROWS } from './recorded/corpus.ts'
import { DIALECTS } from './recorded/dialects.ts'
import { assembled, eventsIn, futureLosses, lossesIn, rechunkingLosses } from './recorded/losses.ts'

for (const { folder, wire, ...row } of ROWS)
  describe.skipIf(!HAS_CORPUS)(`recorded ${folder}`, () => {
    const recordings = recordingsOf({ folder, wire, ...row })

    test.skipIf(!HAS_CORPUS)('there are recordings', () => expect(recordings.length).toBeGreaterThan(0))

    for (const recording of recordings) {
      const { name } = recording
      for (const dialect of DIALECTS)
        test(`${name} says the same in ${dialect.name}, whole and streamed`, () =>
          expect(lossesIn(wire, recording, dialect)).toEqual([]))

      test(`${name} survives fields and events that nobody knows`, () =>
        expect(futureLosses(wire, recording, DIALECTS)).toEqual([]))

      if (recording.type === 'stream')
        test(`${name} gives the same events in 100 re-chunkings`, () =>
          expect(rechunkingLosses(wire, recording, 100)).toEqual([]))

      const other = recordings.find(
        (one) => one.type === 'stream' && one.name === name.replace(/\.json$/, '.chunks.txt'),
      )
      if (recording.type === 'whole' && other !== undefined && row.unlike?.test(name) !== true)
        test(`${name} is of the same kind as its stream`, () =>
          expect(kindOf(assembled(eventsIn(wire, recording)))).toEqual(kindOf(assembled(eventsIn(wire, other)))))
    }
  })

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
