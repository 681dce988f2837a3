import { expect, test } from 'bun:test'
import { estimateTokens } from './estimate.ts'
import { estimateInput } from './input-estimate.ts'

const FILE = Buffer.alloc(300_000, 'x1/+').toString('base64')
const QUESTION = { role: 'user', content: 'What is this? '.repeat(400) }
const plain = estimateTokens(JSON.stringify({ messages: [QUESTION] }))
const body = (part: object): string => JSON.stringify({ messages: [QUESTION, { role: 'user', content: [part] }] })

test.each([
  ['OpenAI', { type: 'image_url', image_url: { url: `data:image/png;base64,${FILE}` } }, 1_600],
  ['Anthropic', { type: 'image', source: { type: 'base64', media_type: 'image/png', data: FILE } }, 1_600],
  ['Gemini', { inlineData: { mimeType: 'image/webp', data: FILE } }, 1_600],
  ['Bedrock', { image: { format: 'png', source: { bytes: FILE } } }, 1_600],
  ['a sound', { type: 'input_audio', input_audio: { data: FILE, format: 'mp3' } }, 300_000 / 250],
  ['a PDF', { type: 'file', file: { file_data: `data:application/pdf;base64,${FILE}` } }, 300_000 / 25],
])('an inlined file counts by rule and not by its letters: %s', (_, part, tokens) => {
  const estimate = estimateInput(body(part))
  expect(estimate).toBeGreaterThanOrEqual(plain + tokens - 1)
  expect(estimate).toBeLessThan(plain + tokens + 100)
})

test('each of several files counts, and so does the text around them', () => {
  const part = { type: 'image_url', image_url: { url: `data:image/png;base64,${FILE}` } }
  const text = JSON.stringify({ messages: [QUESTION, { role: 'user', content: [part, part, part] }] })
  expect(estimateInput(text)).toBeGreaterThan(plain + 3 * 1_600)
  expect(estimateInput(text)).toBeLessThan(plain + 3 * 1_600 + 200)
})

test('what only looks like a file is counted as text', () => {
  for (const part of [
    { type: 'text', text: 'data:image/png;base64,short' },
    { data: 'These words are no file. '.repeat(400) },
    { type: 'text', text: 'no end: "data":"' },
  ]) {
    const text = body(part)
    expect(estimateInput(text)).toBe(estimateTokens(text))
  }
  expect(estimateInput('')).toBe(0)
})

test('a body of many marks is no work without end', () => {
  const text = '"data":"'.repeat(500_000)
  const startMs = performance.now()
  estimateInput(text)
  expect(performance.now() - startMs).toBeLessThan(100)
})
