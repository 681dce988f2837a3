// Whole answer of an API of somebody's own → normal form.
import type { Part } from '../../core/chat.ts'
import { ProblemError } from '../../core/chat-answer.ts'
import type { ChatAnswer } from '../../core/chat-answer.ts'
import type { JsonValue } from '../../core/json.ts'
import { readPointer } from '../../core/json-pointer.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading } from '../chat-codec.ts'
import { errorAt, finishAt, textAt, usageAt } from './places.ts'

/** Throws ProblemError when there is no answer in it. */
export function readCustomAnswer(body: unknown, { custom }: Reading = PLAIN_READING): ChatAnswer {
  if (custom === undefined) throw new Error('an answer of a custom provider without its description')
  const value = body as JsonValue
  const error = errorAt(value, custom.answer)
  if (error !== null) throw new ProblemError(`an error inside a 200: ${error}`)
  const found = readPointer(value, custom.answer.text)
  if (typeof found !== 'string' && !Array.isArray(found))
    throw new ProblemError(
      `there is no text at ${custom.answer.text === '' ? 'the top' : custom.answer.text} of the answer`,
    )
  const parts: Part[] = []
  const reasoning = textAt(value, custom.answer.reasoning)
  if (reasoning !== '')
    parts.push({ type: 'reasoning', text: reasoning, signature: null, encrypted: null, family: 'custom' })
  const text = textAt(value, custom.answer.text)
  if (text !== '') parts.push({ type: 'text', text })
  const used = usageAt(value, custom.answer)
  const finish = finishAt(value, custom.answer, custom) ?? { unified: 'stop', raw: null }
  return {
    id: null,
    model: null,
    created: null,
    choices: [{ index: 0, parts, finish, logprobs: null }],
    usage: used?.usage ?? null,
    rawUsage: used?.raw ?? null,
    serviceTier: null,
    warnings: [],
  }
}
