import { expect, test } from 'bun:test'
import { deploymentPrices } from './deployment-prices.ts'
import { createPriceBook } from './price-book.ts'

const DECEMBER = Date.UTC(2026, 11, 1)
const book = createPriceBook({
  overrides: { mine: { m: { input: '1', output: '2', later: [{ from: DECEMBER, input: '9' }] } } },
})
const asked: string[] = []
const priceOf = deploymentPrices(
  book,
  (id) => {
    asked.push(id)
    const [provider = '', model = ''] = id.split('/')
    return provider === 'unknown' ? null : { priceId: null, provider, model }
  },
  (model) => (model === 'guessed' ? { rates: { input: 7n }, version: 'estimate' } : null),
)

test('a deployment is taken apart once, and its price is that of the moment each time', () => {
  expect(priceOf('mine/m', DECEMBER - 1)?.rates.input).toBe(1_000_000n)
  expect(priceOf('mine/m', DECEMBER)?.rates.input).toBe(9_000_000n)
  expect(priceOf('mine/m', DECEMBER - 1)?.rates.input).toBe(1_000_000n)
  expect(asked).toEqual(['mine/m'])
})

test('a model without a price costs what is assumed of it, where anything is', () => {
  expect(priceOf('mine/guessed', DECEMBER)?.version).toBe('estimate')
  expect(priceOf('mine/other', DECEMBER)).toBeNull()
})

test('a provider that is not there has no price, whatever is assumed of the model', () =>
  expect(priceOf('unknown/guessed', DECEMBER)).toBeNull())

test('names that callers invent do not gather, and push out nothing for good', () => {
  asked.length = 0
  for (let index = 0; index <= 10_000; index++) priceOf(`mine/invented-${index}`, DECEMBER)
  expect(priceOf('mine/m', DECEMBER)?.rates.input).toBe(9_000_000n)
  expect(asked.filter((id) => id === 'mine/m')).toHaveLength(1)
})
