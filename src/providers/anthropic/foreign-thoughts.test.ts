import { describe, expect, test } from 'bun:test'
import { disguised, disguisedCall } from '../../core/formats/foreign-proofs.ts'
import { mayHoldForeignThoughts, withoutForeignThoughts } from './foreign-thoughts.ts'

const FOREIGN = disguised({ family: 'gemini', signature: 'c2ln', encrypted: null })
const CALL = disguisedCall({ id: 'c', signature: 'c2ln', family: 'gemini' })
const OWN = { type: 'thinking', thinking: 'Mine.', signature: 'EqQBCg==' }
const TEXT = { type: 'text', text: 'Hi' }
const asks = (content: readonly object[]): object => ({ role: 'assistant', content })

describe('thoughts that Claude did not have stay behind on their way to Claude', () => {
  test.each([
    ['signed by another vendor', { type: 'thinking', thinking: 'Theirs.', signature: FOREIGN }],
    ['signed by nobody', { type: 'thinking', thinking: 'Theirs.', signature: '' }],
    ['that carry the proof of a call', { type: 'redacted_thinking', data: CALL }],
  ])('%s', (_what, block) => {
    const messages = [asks([OWN, block, TEXT]), { role: 'user', content: 'thinking' }]
    expect(mayHoldForeignThoughts(JSON.stringify(messages))).toBe(true)
    expect(withoutForeignThoughts(messages as never)).toEqual([asks([OWN, TEXT]), messages[1]] as never)
  })

  test('a message of nothing else goes', () =>
    expect(withoutForeignThoughts([asks([{ type: 'redacted_thinking', data: CALL }])] as never)).toEqual([]))

  test('Claude’s own stay, and cost no second look', () => {
    const messages = [asks([OWN, { type: 'redacted_thinking', data: 'EmwKAhgB' }, TEXT])]
    expect(mayHoldForeignThoughts(JSON.stringify(messages))).toBe(false)
    expect(withoutForeignThoughts(messages as never)).toEqual(messages as never)
  })
})
