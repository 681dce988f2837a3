import { describe, expect, test } from 'bun:test'
import { factsOfAny, NO_FACTS } from '../core/model-facts.ts'
import { knownFacts, parseKnown } from './known-facts.ts'
import { KNOWN_MODELS } from './known-models.ts'
import { filterModels, usdPerMillion, usdPerUnit } from './listed-model.ts'
import { modelFacts, type ModelQuery } from './model-facts.ts'

const OPENAI: ModelQuery = { stated: {}, priceId: 'openai', vendor: 'openai', names: 'vendor', model: 'gpt-5' }

describe('the table of known models', () => {
  test('every line is one, and says what a model is for', () => {
    const vendors = parseKnown(KNOWN_MODELS)
    expect(vendors.size).toBeGreaterThan(15)
    for (const models of vendors.values())
      for (const { maxInputTokens, retiredOn } of models.values()) {
        expect(maxInputTokens ?? 1).toBeGreaterThan(0)
        if (retiredOn !== null) expect(retiredOn).toMatch(/^20\d\d-\d\d-\d\d$/)
      }
  })

  test('a line that is none is an error', () => expect(() => parseKnown('openai gpt-5 chat')).toThrow(/no line/))

  test.each([
    ['openai', 'gpt-5', 272_000],
    ['openai', 'GPT-5', 272_000],
    ['openrouter', 'openai/gpt-5', 272_000],
    ['openrouter', 'anthropic/claude-opus-4-5:free', 200_000],
    ['aws', 'us.anthropic.claude-haiku-4-5-20251001-v1:0', 200_000],
    ['google', 'models/gemini-2.5-pro', 1_048_576],
    ['google', 'claude-haiku-4-5@20251001', 200_000],
    ['somebody', 'deepseek-v4-pro', null],
    ['openai', 'no-such-model', null],
  ] as const)('%s: %s takes %p tokens', (vendor, model, tokens) =>
    expect(knownFacts(vendor, model).maxInputTokens).toBe(tokens),
  )

  test.each([
    ['openai', 'gpt-5', 'openai'],
    ['openrouter', 'anthropic/claude-opus-5', 'anthropic'],
    ['aws', 'anthropic.claude-opus-5', 'anthropic'],
    ['groq', 'openai/gpt-oss-120b', null],
    ['aws', 'amazon.nova-pro-v1:0', null],
  ] as const)('%s: %s is made by %p', (vendor, model, maker) => expect(knownFacts(vendor, model).maker).toBe(maker))

  test('what another host serves under a maker’s name has its abilities, and neither its dates nor, of an open model, its limits', () => {
    expect(knownFacts('somebody', 'deepseek-v4-pro').abilities).toMatchObject({ tools: true, vision: false })
    expect(knownFacts('openai', 'gpt-5').retiredOn).not.toBeNull()
    expect(knownFacts('somebody', 'gpt-5').retiredOn).toBeNull()
  })
})

describe('facts of a model', () => {
  test('come from the table and from the catalogue of prices', () =>
    expect(modelFacts(OPENAI)).toMatchObject({
      kind: 'chat',
      title: 'GPT-5',
      contextTokens: 400_000,
      maxOutputTokens: 128_000,
      abilities: { tools: true, vision: true, audio_in: false },
      releasedOn: '2025-08-07',
    }))

  test('the operator’s word goes before both', () => {
    const stated = { contextTokens: 1_000, abilities: { vision: false, video_in: true } }
    expect(modelFacts({ ...OPENAI, stated })).toMatchObject({
      contextTokens: 1_000,
      abilities: { tools: true, vision: false, video_in: true },
    })
  })

  test('a name that an operator gave to a deployment speaks only for it', () => {
    const facts = modelFacts({ ...OPENAI, names: 'operator' })
    expect(facts.abilities).toMatchObject({ tools: true, vision: true })
    expect(Object.values(facts.abilities)).not.toContain(false)
    expect(facts.contextTokens).toBeNull()
  })

  test('a name on somebody’s own server says nothing', () =>
    expect(modelFacts({ ...OPENAI, names: 'any' })).toEqual(NO_FACTS))

  test('of two sources the more generous limit holds', () => {
    // The catalogue of prices says 64 000.
    const query: ModelQuery = { ...OPENAI, priceId: 'deepseek', vendor: 'deepseek', model: 'deepseek-chat' }
    expect(modelFacts(query).contextTokens).toBe(131_072)
  })

  test('of several models, what one can they can, and what is unknown of one is unknown', () => {
    const one = { ...NO_FACTS, contextTokens: 8, maxOutputTokens: 4, abilities: { tools: true, vision: false } }
    const other = { ...NO_FACTS, contextTokens: 16, abilities: { vision: false, pdf: false } }
    expect(factsOfAny([one, other])).toEqual({
      ...NO_FACTS,
      contextTokens: 16,
      abilities: { tools: true, vision: false },
    })
    expect(factsOfAny([one])).toBe(one)
    expect(factsOfAny([])).toBe(NO_FACTS)
  })
})

describe('the list', () => {
  const listed = (id: string, abilities: object) =>
    ({ id, ownedBy: 'openai', facts: { ...NO_FACTS, abilities }, rates: null }) as const

  test('a filter asks for what is known to be there', () => {
    const models = [listed('a', { tools: true }), listed('b', {}), listed('c', { tools: false })]
    expect(filterModels(models, { abilities: ['tools'] }).map(({ id }) => id)).toEqual(['a'])
    expect(filterModels(models, { search: 'B' }).map(({ id }) => id)).toEqual(['b'])
    expect(filterModels(models, { provider: 'x' })).toEqual([])
  })

  test('prices are exact decimals', () => {
    const rates = { input: 150_000n, output: 10_000_000n, requests: 0n, cacheRead: 1n }
    expect(usdPerMillion(rates)).toEqual({ input: '0.15', output: '10', requests: '0', cache_read: '0.000001' })
    expect(usdPerUnit(rates)).toMatchObject({ input: '0.00000015', output: '0.00001' })
  })
})
