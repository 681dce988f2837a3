import { expect, test } from 'bun:test'
import { CARDS, priorFromCards } from './benchmark-cards.ts'
import { TASKS } from './task.ts'

test.each([
  ['openai/gpt-4o-mini-2024-07-18', 0.82],
  ['gpt-4o', 0.887],
  ['gpt-4-0613', 0.864],
  ['claude-3-5-sonnet-20241022', 0.887],
  ['meta-llama/Meta-Llama-3_1-70B-Instruct', 0.836],
  ['mistralai/Mixtral-8x7B-Instruct-v0.1', 0.706],
  ['llama3.1-8b', 0.694],
] as const)('%s has the card of its family', (model, mmlu) => {
  expect(priorFromCards(model, 'open_qa')).toEqual({ mean: mmlu, strength: 12 })
})

test.each(['gpt-4.1', 'gpt-4oo', 'my-own-model', ''])('%s has no card, so nothing is claimed of it', (model) => {
  for (const task of TASKS) expect(priorFromCards(model, task)).toBeNull()
})

test('a prior is of benchmarks that say something about the task, and worth 2 to 12 observations', () => {
  expect(priorFromCards('llama-3-8b-instruct', 'reasoning')).toEqual({
    mean: expect.closeTo((0.796 + 0.3) / 2),
    strength: 12,
  })
  expect(priorFromCards('deepseek-v3', 'code')).toBeNull()
  for (const { family, source, date, ...scores } of CARDS) {
    expect(source.length).toBeGreaterThan(10)
    expect(date).toMatch(/^20\d\d-\d\d$/)
    for (const score of Object.values(scores)) expect(score > 0 && score < 1).toBe(true)
    for (const task of TASKS) {
      const prior = priorFromCards(family, task)
      if (prior !== null) expect(prior.strength >= 2 && prior.strength <= 12).toBe(true)
    }
  }
})
