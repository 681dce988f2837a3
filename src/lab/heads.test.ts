import { expect, test } from 'bun:test'
import { appraise } from './appraise.ts'
import { headInputOf, predict } from './heads.ts'
import { BUCKETS, ngramsOf } from './ngrams.ts'
import { promptOfText } from './prompt.ts'
import { addProduct, designOf, solveRidge } from './ridge.ts'
import { NO_EVIDENCE, scoreOf } from './score.ts'
import { TASKS, taskOf } from './task.ts'
import { type LabelledPrompt, trainHeads } from './train-heads.ts'

const WORDS = { characters: false } as const

test('n-grams are buckets, each once, and do not depend on case', () => {
  const { buckets, weights } = ngramsOf('The river, the river', WORDS)
  // the, river, the river, the mark, river-mark, mark-the
  expect(buckets).toHaveLength(6)
  expect(new Set(buckets).size).toBe(6)
  expect(buckets.every((bucket) => bucket >= 0 && bucket < BUCKETS)).toBe(true)
  expect(Math.max(...weights)).toBeCloseTo(1 + Math.log(2))
  expect(ngramsOf('THE RIVER, THE RIVER', WORDS)).toEqual({ buckets, weights })
  expect(ngramsOf('', WORDS).buckets).toHaveLength(0)
  expect(ngramsOf('水很高', WORDS).buckets).toHaveLength(5)
  expect(ngramsOf('river', { characters: true }).buckets).toHaveLength(3)
})

test('least squares with a penalty is the closed form, column by column, without the unknown targets', () => {
  const rows = [
    [2, 0],
    [1, 1],
    [0, 3],
  ].map((values) => ({ index: Int32Array.of(0, 1), value: Float32Array.from(values) }))
  const targets = Float32Array.of(2, 1, 3, Number.NaN, 3, 2)
  const weights = solveRidge(designOf(rows, 2), targets, [1, 0.5])
  // (XᵀX + I) w = Xᵀy for the first column, (X'ᵀX' + I/2) w = X'ᵀy' without the second row for the second one.
  expect(weights[0]).toBeCloseTo((7 * 11 - 1 * 12) / (6 * 11 - 1), 4)
  expect(weights[2]).toBeCloseTo((6 * 12 - 1 * 7) / (6 * 11 - 1), 4)
  expect(weights[1]).toBeCloseTo(2 / 4.5, 4)
  expect(weights[3]).toBeCloseTo(6 / 9.5, 4)
  const product = new Float64Array(2)
  addProduct(rows[0]!, weights, product)
  expect(product[0]).toBeCloseTo(2 * weights[0]!, 6)
})

/** Two models: one good at rivers, one good at trains; the second is ten times as dear, and long prompts cost more. */
function labelled(count: number): LabelledPrompt[] {
  return Array.from({ length: count }, (_, each) => {
    const about = each % 2 === 0 ? 'river' : 'train'
    const text = `Tell me about the ${about} number ${each}${' more'.repeat(each % 7)}`
    const prompt = promptOfText(text)
    return {
      input: headInputOf(prompt, taskOf(prompt).shares),
      quality: Float32Array.of(about === 'river' ? 1 : 0, each % 3 === 0 ? Number.NaN : about === 'river' ? 0 : 1),
      costNanoUsd: Float32Array.of(100 + (each % 7) * 20, 1_000 + (each % 7) * 200),
    }
  })
}

test('heads learn who is good at what, and what it costs', () => {
  const heads = trainHeads(labelled(1_200), ['cheap', 'dear'])!
  expect(heads.labels).toEqual([1_200, 800])
  const river = promptOfText('Tell me about the river number 5000')
  const train = promptOfText('Tell me about the train number 5001 more more more more more more')
  const first = predict(heads, headInputOf(river, taskOf(river).shares))
  const second = predict(heads, headInputOf(train, taskOf(train).shares))
  expect(first.quality[0]).toBeGreaterThan(0.8)
  expect(first.quality[1]).toBeLessThan(0.2)
  expect(second.quality[0]).toBeLessThan(0.2)
  expect(second.quality[1]).toBeGreaterThan(0.8)
  expect(first.costNanoUsd[1]! / first.costNanoUsd[0]!).toBeCloseTo(10, 0)
  expect(second.costNanoUsd[0]).toBeGreaterThan(1.2 * first.costNanoUsd[0]!)
})

test('a head speaks only when enough answers are labelled', () => {
  const heads = trainHeads(labelled(600), ['cheap', 'dear'])!
  const scores = TASKS.map(() => scoreOf({ mean: 0.5, strength: 2 }, NO_EVIDENCE, 0))
  const { of } = appraise(promptOfText('Tell me about the river number 5000'), { scoresOf: () => scores, heads }, null)
  const deployments = ['dear', 'cheap', 'unknown'].map(of)
  // 400 labels, 600 labels, no head.
  expect(deployments.map(({ costNanoUsd }) => costNanoUsd === null)).toEqual([true, false, true])
  expect(deployments[0]!.quality.mean).toBeCloseTo(0.5)
  expect(deployments[1]!.quality.mean).toBeGreaterThan(0.65)
})

test('nothing is learned from nothing', () => {
  expect(trainHeads([], ['a'])).toBeNull()
  const none = labelled(50).map((prompt) => ({ ...prompt, quality: Float32Array.of(Number.NaN, Number.NaN) }))
  expect(trainHeads(none, ['a', 'b'])).toBeNull()
})
