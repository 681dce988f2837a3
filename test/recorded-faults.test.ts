// What is plainly wrong with real answers: nothing, but for the few that were cut or refused.
import { expect, test } from 'bun:test'
import type { ChatTool, Part } from '../src/core/chat.ts'
import { createSchemaChecks } from '../src/lab/schema-checks.ts'
import { faultsOf } from '../src/lab/validity.ts'
import { HAS_CORPUS, recordingsOf, ROWS } from './recorded/corpus.ts'
import { assembled, eventsIn } from './recorded/losses.ts'

const QUESTION = 'Please do what I asked you for, and be so kind as to answer in full: it is for my friends.'

test.skipIf(!HAS_CORPUS)('of all recorded answers only those that were cut or refused have a fault', async () => {
  const checks = createSchemaChecks()
  const faulty: string[] = []
  let answers = 0
  for (const { wire, ...row } of ROWS)
    for (const recording of recordingsOf({ ...row, wire })) {
      const answer = assembled(eventsIn(wire, recording))
      const tools = (answer.choices[0]?.parts ?? []).flatMap(toolOf)
      const request = {
        messages: [{ role: 'user' as const, parts: [{ type: 'text' as const, text: QUESTION }] }],
        tools,
        sampling: {},
      }
      answers++
      for (const { kind } of await faultsOf(request, answer, checks))
        faulty.push(`${recording.name.replace(/\..*$/, '')} ${kind}`)
    }
  expect(answers).toBeGreaterThan(150)
  expect([...new Set(faulty)].toSorted()).toEqual(['anthropic-refusal refusal', 'deepseek-text cut_answer'])
})

/** What was called was there to be called. */
function toolOf(part: Part): readonly ChatTool[] {
  if (part.type !== 'tool_call') return []
  const { kind, name } = part
  return [kind === 'custom' ? { type: kind, name, grammar: null } : { type: kind, name, schema: null }]
}
