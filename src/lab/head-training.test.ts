import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { LabelledAnswer } from '../core/evidence.ts'
import { trainInThread } from '../head-thread.ts'
import { bytesOfHeadInput, headInputOfBytes } from './head-input-bytes.ts'
import { createHeadTraining } from './head-training.ts'
import { headInputOf, type Heads, predict } from './heads.ts'
import { labelledPrompts } from './labelled-prompts.ts'
import { promptOfText } from './prompt.ts'
import { taskOf } from './task.ts'

function inputOf(text: string): Uint8Array {
  const prompt = promptOfText(text)
  return bytesOfHeadInput(headInputOf(prompt, taskOf(prompt).shares))
}

/** One deployment is good at rivers, the other at trains. */
function answers(count: number): LabelledAnswer[] {
  return Array.from({ length: count }, (_, each) => {
    const isRiver = each % 2 === 0
    const input = inputOf(`Tell me about the ${isRiver ? 'river' : 'train'} number ${each}`)
    return [
      { deployment: 'a/rivers', input, quality: isRiver ? 1 : 0 },
      { deployment: 'a/trains', input, quality: isRiver ? 0 : 1 },
    ]
  }).flat()
}

test('what a head sees of a prompt comes back from its bytes, whatever the prompt', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 600 }), (text) => {
      const prompt = promptOfText(text)
      const input = headInputOf(prompt, taskOf(prompt).shares)
      const back = headInputOfBytes(bytesOfHeadInput(input))!
      expect([...back.words.buckets]).toEqual([...input.words.buckets])
      back.words.weights.forEach((weight, at) => expect(weight).toBeCloseTo(input.words.weights[at]!, 5))
      back.form.forEach((value, at) => expect(value).toBeCloseTo(input.form[at]!, 5))
    }),
    { numRuns: 100 },
  )
  expect(headInputOfBytes(new Uint8Array([255, 255, 1]))).toBeNull()
  expect(headInputOfBytes(new Uint8Array())).toBeNull()
})

test('answers to the same words are answers to one prompt, and the newest grade counts', () => {
  const input = inputOf('Why?')
  const prompts = labelledPrompts(
    [
      { deployment: 'a/x', input, quality: 1.4 },
      { deployment: 'a/y', input, quality: 0.25 },
      { deployment: 'a/x', input, quality: 0 },
      { deployment: 'a/unknown', input, quality: 0 },
    ],
    ['a/x', 'a/y'],
  )
  expect(prompts.map(({ quality }) => [...quality])).toEqual([[1, 0.25]])
})

/** A store of pages, and a clock whose timers run at once. */
function setup(all: { answers: readonly LabelledAnswer[] }, train: typeof trainInThread) {
  const trained: number[] = []
  const training = createHeadTraining({
    store: {
      labelledAnswers: ({ cursor, limit }) => {
        const from = Number(cursor ?? 0)
        const data = all.answers.slice(from, from + limit)
        return Promise.resolve({ data, next: from + limit < all.answers.length ? String(from + limit) : null })
      },
    },
    clock: {
      now: () => 0,
      monotonicMs: () => 0,
      after: (_delayMs, run) => {
        queueMicrotask(run)
        return () => {}
      },
    },
    train,
    onTrained: (_heads, count) => trained.push(count),
    onError: (error) => {
      throw error
    },
  })
  return { training, trained }
}

test('with enough grades a thread trains heads that tell who is good at what', async () => {
  const { training, trained } = setup({ answers: answers(520) }, trainInThread)
  await training.look()
  expect(trained).toEqual([1_040])
  const { heads } = training
  expect(heads?.deployments).toEqual(['a/rivers', 'a/trains'])
  const prompt = promptOfText('Is the river high?')
  const [rivers, trains] = predict(heads!, headInputOf(prompt, taskOf(prompt).shares)).quality
  expect(rivers! - trains!).toBeGreaterThan(0.3)
}, 20_000)

test('with few grades nothing is trained, and again only when there are a tenth more', async () => {
  const all = { answers: answers(499) }
  const jobs: (readonly string[])[] = []
  const heads = { deployments: [] } as unknown as Heads
  const { training, trained } = setup(all, (_answers, deployments) => {
    jobs.push(deployments)
    return Promise.resolve(heads)
  })
  await training.look()
  expect([jobs.length, training.heads]).toEqual([0, null])
  for (const count of [500, 540, 560]) {
    all.answers = answers(count)
    await training.look()
  }
  expect(trained).toEqual([1_000, 1_120])
  expect(jobs[0]).toEqual(['a/rivers', 'a/trains'])
})
