// Recorded answers through a whole gateway, over HTTP, as clients of each dialect hear them.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { CASES, contentOf, CORPUS, HAS_CORPUS, isRecording, recordingsOf, ROWS } from './recorded/corpus.ts'
import { DIALECTS } from './recorded/dialects.ts'
import { startRecordedGateway } from './recorded/gateway.ts'
import type { RecordedGateway } from './recorded/gateway.ts'
import { futureLosses, lossesIn, rechunkingLosses, saysError } from './recorded/losses.ts'

let gateway: RecordedGateway

beforeAll(async () => {
  gateway = await startRecordedGateway()
})

afterAll(() => gateway[Symbol.asyncDispose]())

describe.skipIf(!HAS_CORPUS)('a client hears all of what was recorded', () => {
  for (const row of ROWS)
    for (const dialect of DIALECTS)
      test(`of ${row.folder}${row.not === undefined ? '' : ` (${row.wire.name})`} in ${dialect.name}`, async () => {
        const losses: string[] = []
        for (const recording of recordingsOf(row)) {
          const found = await gateway.lossesFor(row.wire, recording, dialect)
          losses.push(...found.map((loss) => `${recording.name}: ${loss}`))
        }
        expect(losses).toEqual([])
      })
})

describe.skipIf(!HAS_CORPUS)('a client hears why a provider refused', () => {
  for (const file of HAS_CORPUS
    ? readdirSync(CORPUS, { recursive: true }).map(String).filter(isRecording).toSorted()
    : []) {
    const content = contentOf(readFileSync(path.join(CORPUS, file), 'utf8'), file)
    if (content.type === 'refusal')
      test.each(DIALECTS.map((dialect) => [dialect.name, dialect] as const))(`${file} in %s`, async (_name, dialect) =>
        expect(await gateway.refusalLossesFor(content.refusal, dialect)).toEqual([]),
      )
  }
})

describe('a client hears all of what hosts were seen to send', () => {
  for (const folder of [CASES, path.join(CASES, 'made')])
    for (const file of readdirSync(folder).filter(isRecording).toSorted()) {
      const content = contentOf(readFileSync(path.join(folder, file), 'utf8'), file)
      // Embeddings and the like lie here, too.
      if (content.type !== 'answers') continue
      for (const dialect of DIALECTS)
        test(`${file} in ${dialect.name}`, async () => {
          const losses: string[] = []
          for (const recording of content.recordings) {
            losses.push(...(await gateway.lossesFor(content.wire, recording, dialect)))
            if (saysError(content.wire, recording)) continue
            losses.push(...lossesIn(content.wire, recording, dialect))
            losses.push(...futureLosses(content.wire, recording, [dialect]))
            if (recording.type === 'stream') losses.push(...rechunkingLosses(content.wire, recording, 20))
          }
          expect(losses).toEqual([])
        })
    }
})
