import { calcPrice, findProvider } from '@pydantic/genai-prices'
import { expect, test } from 'bun:test'
import { catalogueFacts, catalogueModel, catalogueModels } from './price-catalogue.ts'

test('a row found by its own id is the one that the package finds', () => {
  for (const id of ['openai', 'anthropic', 'google', 'aws', 'mistral', 'x-ai', 'deepseek', 'groq', 'fireworks']) {
    const provider = findProvider({ providerId: id })!
    for (const model of provider.models)
      expect(catalogueModel(provider, model.id)?.id).toBe(calcPrice({}, model.id, { provider })?.model.id)
  }
})

test('other names of a model are matched, and unknown ones are none', () => {
  expect(catalogueFacts('openai', 'gpt-5-2025-08-07')).toMatchObject({ title: 'GPT-5', contextTokens: 400_000 })
  expect(catalogueFacts('openai', 'no-such-model').title).toBeNull()
  expect(catalogueFacts('nobody', 'gpt-5').title).toBeNull()
  expect(catalogueModels('nobody')).toEqual([])
  expect(catalogueModels(null)).toEqual([])
})
