import { expect, test } from 'bun:test'
import type { AnsweredRequest } from '../core/evidence.ts'
import type { ChatRequest } from '../core/chat.ts'
import { createRetryWatch } from './retries.ts'

const NOBODY = { endUser: null, session: null }
const QUESTION = 'Explain in plain words why the sky is blue at noon, red in the evening, and black at night, please.'

function about(id: string, at: number, keyId = 'k'): AnsweredRequest {
  return { id, at, keyId, teamId: null, route: 'chat', deployment: 'a/x', shares: [] }
}

function asked(...texts: readonly string[]): ChatRequest {
  const messages = texts.map((text, at) => ({
    role: at % 2 === 0 ? ('user' as const) : ('assistant' as const),
    parts: [{ type: 'text' as const, text }],
  }))
  return { messages, tools: [], sampling: {} }
}

const CASES: readonly (readonly [
  sentence: string,
  second: ChatRequest,
  about: AnsweredRequest,
  asker: { readonly endUser: string | null; readonly session: string | null },
  again: boolean,
])[] = [
  ['the same question within minutes', asked(QUESTION), about('2', 60_000), NOBODY, true],
  ['with other spaces and capitals', asked(` ${QUESTION.toUpperCase()}\n`), about('2', 60_000), NOBODY, true],
  ['a quarter of an hour later', asked(QUESTION), about('2', 900_000), NOBODY, false],
  ['by another key', asked(QUESTION), about('2', 60_000, 'other'), NOBODY, false],
  ['by another end user', asked(QUESTION), about('2', 60_000), { ...NOBODY, endUser: 'ada' }, false],
  [
    'another question',
    asked(QUESTION.replace('blue', 'green').replace('noon', 'dawn')),
    about('2', 60_000),
    NOBODY,
    false,
  ],
  ['the same further on in a conversation', asked(QUESTION, 'Because.', QUESTION), about('2', 60_000), NOBODY, false],
]

test.each(CASES)('%s', (_sentence, second, next, asker, again) => {
  const watch = createRetryWatch()
  expect(watch.asksAgain(asked(QUESTION), about('1', 0), NOBODY)).toBeNull()
  expect(watch.asksAgain(second, next, asker)?.id ?? null).toBe(again ? '1' : null)
})

test('a program that asks the same over and over tells nothing after the second time', () => {
  const watch = createRetryWatch()
  const found = Array.from({ length: 6 }, (_, at) =>
    watch.asksAgain(asked(QUESTION), about(`${at}`, at * 1_000), NOBODY),
  )
  expect(found.map((one) => one?.id ?? null)).toEqual([null, '0', null, null, null, null])
})

test('short words are said in many places', () => {
  const watch = createRetryWatch()
  watch.asksAgain(asked('go on'), about('1', 0), NOBODY)
  expect(watch.asksAgain(asked('go on'), about('2', 1_000), NOBODY)).toBeNull()
})
