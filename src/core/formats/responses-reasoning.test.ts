import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { Family, ReasoningPart } from '../chat.ts'
import { encryptedForClient, partsOfReasoning, reasoningTexts, signaturesOfReasoning } from './responses-reasoning.ts'

test('another vendor’s proof survives the way through a client, with the text that it proves', () => {
  const thought = fc.record({
    type: fc.constant('reasoning' as const),
    text: fc.string({ unit: 'grapheme' }),
    signature: fc.option(fc.string()),
    encrypted: fc.option(fc.string()),
    family: fc.constantFrom<Family>('anthropic-messages', 'gemini', 'bedrock-converse'),
  })
  fc.assert(
    fc.property(thought, (part: ReasoningPart) => {
      const encrypted = encryptedForClient([part])
      if (part.signature === null && part.encrypted === null) return expect(encrypted).toBeNull()
      // What a client sends back may have lost the texts.
      const item = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: encrypted }
      expect(partsOfReasoning(item)).toEqual([{ ...part, id: 'rs_1' }])
    }),
  )
})

test('summaries and contents are parts of one item, what is encrypted another', () => {
  const parts = partsOfReasoning({
    type: 'reasoning',
    id: 'rs_1',
    status: 'completed',
    summary: [{ type: 'summary_text', text: 'short' }],
    content: [{ type: 'reasoning_text', text: 'long' }],
    encrypted_content: 'gAAA',
  })
  expect(parts.map(({ text, isSummary, encrypted }) => [text, isSummary, encrypted])).toEqual([
    ['short', true, null],
    ['long', undefined, null],
    ['', undefined, 'gAAA'],
  ])
  expect(reasoningTexts(parts)).toEqual({
    summary: [{ type: 'summary_text', text: 'short' }],
    content: [{ type: 'reasoning_text', text: 'long' }],
  })
  expect(encryptedForClient(parts)).toBe('gAAA')
  expect(partsOfReasoning({ type: 'reasoning', id: 'rs_1', summary: [] })).toEqual([])
})

test.each(['weir:', 'weir:{', 'weir:{"family":"nobody"}', 'weir:{"family":"__proto__"}', 'weir:[1]'])(
  'what only looks like our mark is a thought of this family: %s',
  (encrypted) => {
    const item = { type: 'reasoning', id: 'rs_1', encrypted_content: encrypted }
    expect(partsOfReasoning(item)).toMatchObject([{ encrypted, family: 'openai-responses' }])
    expect(signaturesOfReasoning(item).size).toBe(0)
  },
)

test('calls without an id or a signature carry none', () => {
  const calls = [{ id: 'a' }, { signature: 's' }, { id: 'b', signature: 's' }]
  const encrypted_content = `weir:${JSON.stringify({ family: 'gemini', calls })}`
  expect([...signaturesOfReasoning({ encrypted_content })]).toEqual([['b', { signature: 's', family: 'gemini' }]])
  expect(partsOfReasoning({ encrypted_content })).toEqual([])
})
