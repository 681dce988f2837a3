import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { ChatRequest } from '../core/chat.ts'
import { type Prompt, promptOf, promptOfText, sampleOf } from './prompt.ts'
import { declaredTask, isTask, type Task, taskOf, TASKS } from './task.ts'

const withFields = (text: string, fields: Partial<Prompt>): Prompt => ({ ...promptOfText(text), ...fields })

const CASES: readonly (readonly [prompt: Prompt, task: Task])[] = [
  [promptOfText('hey! how are you today'), 'chat'],
  [promptOfText('Thanks, that helps a lot'), 'chat'],
  [promptOfText('Who was the first person on the moon?'), 'open_qa'],
  [promptOfText('What is the difference between TCP and UDP?'), 'open_qa'],
  [promptOfText('Which organ makes insulin?\nA. Liver\nB. Pancreas\nC. Spleen\nD. Kidney\nAnswer:'), 'open_qa'],
  [
    promptOfText('Based on the passage below, when did the mill burn down?\n\nPassage: The mill stood until 1871.'),
    'closed_qa',
  ],
  [promptOfText('A train leaves at 3:15 and drives 120 km at 80 km/h. How long does it take?'), 'reasoning'],
  [promptOfText('Prove that $\\sqrt{2}$ is irrational.'), 'reasoning'],
  [promptOfText('Write a function in Python that merges two sorted lists.'), 'code'],
  [promptOfText('Why does this fail?\n```js\nconst x = await y\n```\n'), 'code'],
  [promptOfText('Extract all company names mentioned in this text: Acme sued Globex.'), 'extraction'],
  [withFields('Invoice 4711, 3 chairs, 240 EUR, due 1 May', { format: 'json_schema' }), 'extraction'],
  [promptOfText('Classify the sentiment of this review: "The soup was cold."'), 'classification'],
  [promptOfText('Is this message spam? Answer yes or no: You have won!'), 'classification'],
  [promptOfText('Summarize the following article in three sentences: The dam was built …'), 'summarisation'],
  [promptOfText('Fasse den Text bitte zusammen: Der Damm wurde gebaut …'), 'summarisation'],
  [promptOfText('Rewrite this email to sound more polite: send me the file'), 'rewriting'],
  [promptOfText('Translate to French: the river is high today'), 'translation'],
  [promptOfText('请把下面的句子翻译成英文：河水很高'), 'translation'],
  [promptOfText('Write a short story about a lighthouse keeper'), 'creative'],
  [withFields('Book a table for two tonight', { tools: 3 }), 'tool_use'],
  [withFields('Book a table for two tonight', { tools: 3, isToolStep: true }), 'tool_use'],
  [promptOfText('!!!!!!!! #### ----- ====='), 'other'],
]

test.each(CASES)('the form of a request tells its task: %#', (prompt, task) => {
  expect(taskOf(prompt).task).toBe(task)
})

test('the instruction in the system message counts', () => {
  expect(taskOf(promptOfText('The river is high today.', 'Translate every message to German.')).task).toBe(
    'translation',
  )
})

test('shares are a distribution whose largest share is the task, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 6_000 }), fc.string({ maxLength: 200 }), (text, system) => {
      const { task, shares } = taskOf(promptOfText(text, system))
      expect(shares).toHaveLength(TASKS.length)
      expect(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1)).toBeLessThan(1e-9)
      expect(shares.every((share) => share > 0)).toBe(true)
      expect(shares[TASKS.indexOf(task)]).toBe(Math.max(...shares))
    }),
    { numRuns: 100 },
  )
})

test('a declared task is certain', () => {
  const { task, shares } = declaredTask('code')
  expect(task).toBe('code')
  expect(shares.filter((share) => share > 0)).toEqual([1])
  expect(isTask('code')).toBe(true)
  expect(isTask('coding')).toBe(false)
})

test('a long text is sampled at its beginning, middle and end', () => {
  const text = `begin ${'x'.repeat(500_000)} middle ${'y'.repeat(500_000)} end`
  const sample = sampleOf(text)
  expect(sample.length).toBe(3_072)
  expect(sample.startsWith('begin')).toBe(true)
  expect(sample).toContain('middle')
  expect(sample.endsWith('end')).toBe(true)
})

test('a request in the normal form is read by its last words, its system message and its fields', () => {
  const request: ChatRequest = {
    messages: [
      { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
      { role: 'user', parts: [{ type: 'text', text: 'What is in the picture?' }] },
      { role: 'assistant', parts: [{ type: 'tool_call', kind: 'function', id: '1', name: 'look', arguments: '{}' }] },
      {
        role: 'tool',
        parts: [
          {
            type: 'tool_result',
            toolCallId: '1',
            toolName: 'look',
            isError: false,
            parts: [{ type: 'image', source: { type: 'url', url: 'https://example.com/a.png', mediaType: null } }],
          },
        ],
      },
    ],
    tools: [{ type: 'function', name: 'look', schema: null }],
    responseFormat: { type: 'json' },
    sampling: {},
  }
  expect(promptOf(request)).toEqual({
    system: 'Be brief.',
    text: 'What is in the picture?',
    characters: 'Be brief.'.length + 'What is in the picture?'.length + 2,
    turns: 1,
    tools: 1,
    isToolStep: true,
    format: 'json',
    images: 1,
    sounds: 0,
    files: 0,
  })
  expect(promptOf({ ...request, toolChoice: { type: 'none' } }).tools).toBe(0)
})

const MEGABYTE = 1_000_000
const HOSTILE: readonly (readonly [name: string, text: string])[] = [
  ['one character', 'a'.repeat(MEGABYTE)],
  ['emoji', '😀'.repeat(MEGABYTE / 2)],
  ['spaces', ' '.repeat(MEGABYTE)],
  ['line breaks', '\n'.repeat(MEGABYTE)],
  ['base64', Buffer.from(Uint8Array.from({ length: 750_000 }, (_, index) => (index * 7_919) >> 3)).toString('base64')],
  ['openings of a choice', '\n(A'.repeat(MEGABYTE / 3)],
  ['dollars', '$x'.repeat(MEGABYTE / 2)],
  ['words of an instruction', 'write a the list all '.repeat(MEGABYTE / 21)],
]

test.each(HOSTILE)('a megabyte of %s costs less than 5 ms', (_, text) => {
  const request: ChatRequest = {
    messages: [{ role: 'user', parts: [{ type: 'text', text }] }],
    tools: [],
    sampling: {},
  }
  taskOf(promptOf(request))
  // The fastest of several: other work on the machine is no cost of ours.
  const times = Array.from({ length: 7 }, () => {
    const started = performance.now()
    taskOf(promptOf(request))
    return performance.now() - started
  })
  expect(Math.min(...times)).toBeLessThan(5)
})
