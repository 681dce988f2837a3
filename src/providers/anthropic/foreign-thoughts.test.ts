import { describe, expect, test } from 'bun:test'
import { disguised, disguisedCall } from '../../core/formats/foreign-proofs.ts'
import type { JsonObject } from '../../core/json.ts'
import { editsOfForeignThoughts } from './foreign-thoughts.ts'

const FOREIGN = disguised({ family: 'gemini', signature: 'c2ln', encrypted: null })
const CALL = disguisedCall({ id: 'c', signature: 'c2ln', family: 'gemini' })
const OWN = { type: 'thinking', thinking: 'Mine.', signature: 'EqQBCg==' }
const TEXT = { type: 'text', text: 'Hi' }
const asks = (content: readonly object[]): object => ({ role: 'assistant', content })

/** The messages that leave; null when the request leaves as it came. */
function leaving(messages: readonly object[]): unknown {
  const text = JSON.stringify({ messages })
  const { messages: edited } = editsOfForeignThoughts({ text, body: JSON.parse(text) as JsonObject })
  return edited === undefined ? null : (JSON.parse(edited) as unknown)
}

describe('thoughts that Claude did not have stay behind on their way to Claude', () => {
  test.each([
    ['signed by another vendor', { type: 'thinking', thinking: 'Theirs.', signature: FOREIGN }],
    ['signed by nobody', { type: 'thinking', thinking: 'Theirs.', signature: '' }],
    ['that carry the proof of a call', { type: 'redacted_thinking', data: CALL }],
  ])('%s', (_what, block) => {
    const question = { role: 'user', content: 'thinking' }
    expect(leaving([asks([OWN, block, TEXT]), question])).toEqual([asks([OWN, TEXT]), question])
  })

  test('a message of nothing else goes', () =>
    expect(leaving([asks([{ type: 'redacted_thinking', data: CALL }])])).toEqual([]))

  test('Claude’s own stay, and cost no second look', () =>
    expect(leaving([asks([OWN, { type: 'redacted_thinking', data: 'EmwKAhgB' }, TEXT])])).toBeNull())
})
