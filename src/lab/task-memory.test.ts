import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { promptOfText } from './prompt.ts'
import { learnTask, NEW_APPLICATION, NO_BIAS, rememberGuess, withApplication, withBias } from './task-memory.ts'
import { declaredTask, taskOf, TASKS } from './task.ts'
import { modelScores } from './task-model.ts'
import file from './task-model.json' with { type: 'json' }

const total = (shares: readonly number[]): number => shares.reduce((sum, share) => sum + share, 0)

test('the shipped model is of the tasks of this program, and its card tells its held-out accuracy', () => {
  expect(file.tasks).toEqual([...TASKS])
  expect(JSON.stringify(file).length).toBeLessThan(1_000_000)
  expect(file.card.heldOutAccuracy.both).toBeGreaterThan(file.card.heldOutAccuracy.rules)
  expect(modelScores(promptOfText(''))).toBeNull()
})

test('the wording tells what no rule knows', () => {
  const prompt = promptOfText(
    'Put the washing machine manual into plain words, with fewer words: the drum must be empty',
  )
  expect(modelScores(prompt)).toHaveLength(TASKS.length)
  expect(taskOf(prompt).shares).not.toEqual(taskOf(prompt, () => null).shares)
})

test('an application whose requests are of one kind tells the task of a vague one', () => {
  const vague = taskOf(promptOfText('The river is high today, and the mill is closed.'))
  let application = NEW_APPLICATION
  expect(withApplication(vague, application)).toBe(vague)
  for (let each = 0; each < 100; each++) application = rememberGuess(application, declaredTask('translation'))
  expect(withApplication(vague, application).task).toBe('translation')
  for (let each = 0; each < 1_000; each++) application = rememberGuess(application, declaredTask('code'))
  expect(withApplication(vague, application).task).toBe('code')
})

test('corrections of a tenant turn the guess, and stay within their bounds', () => {
  const guess = taskOf(promptOfText('Quarterly figures, as every Monday'))
  const wanted = guess.task === 'summarisation' ? 'extraction' : 'summarisation'
  let bias = NO_BIAS
  expect(withBias(guess, bias).task).toBe(guess.task)
  for (let each = 0; each < 200; each++) bias = learnTask(bias, withBias(guess, bias), wanted)
  expect(withBias(guess, bias).task).toBe(wanted)
  expect(bias.offsets.every((offset) => Math.abs(offset) <= 4)).toBe(true)
})

test('shares stay a distribution whatever is remembered', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), fc.array(fc.constantFrom(...TASKS), { maxLength: 40 }), (text, named) => {
      const guess = taskOf(promptOfText(text))
      const application = named.reduce((sofar, task) => rememberGuess(sofar, declaredTask(task)), NEW_APPLICATION)
      const bias = named.reduce((sofar, task) => learnTask(sofar, withBias(guess, sofar), task), NO_BIAS)
      expect(total(withApplication(guess, application).shares)).toBeCloseTo(1)
      expect(total(withBias(guess, bias).shares)).toBeCloseTo(1)
    }),
    { numRuns: 50 },
  )
})
