// `npm run train:task-model`: trains the task model on the seeds, tells its held-out accuracy, and writes `src/lab/task-model.json`.
import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { BUCKETS, ngramsOf } from '../src/lab/ngrams.ts'
import { promptOfText } from '../src/lab/prompt.ts'
import { addProduct, designOf, solveRidge, type SparseRow } from '../src/lab/ridge.ts'
import { modelRow, modelText } from '../src/lab/task-model.ts'
import { type Task, taskOf, TASKS } from '../src/lab/task.ts'
import { FILLINGS, TEMPLATES } from './task-seeds.ts'

type Example = { readonly task: Task; readonly text: string; readonly template: number }

const FOLDS = 4
/** Prompts made of each template; those without a place to fill in are made once. */
const FILLS = 10
const PENALTY = 0.3
const FILE = new URL('../src/lab/task-model.json', import.meta.url)

const examples = makeExamples()
const rows = examples.map(({ text }) => modelRow(ngramsOf(modelText(promptOfText(text)), { characters: true })))
const heldOut = crossValidate()
const weights = fit(examples.map((_, position) => position))
const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0)
const quantised = Int8Array.from(weights, (weight) => Math.round((weight / largest) * 127))
const file = {
  card: {
    trainedOn: 'scripts/task-seeds.ts, written by hand for this purpose',
    templates: Object.values(TEMPLATES).reduce((sum, list) => sum + list.length, 0),
    prompts: examples.length,
    heldOutBy: `template, ${FOLDS} folds`,
    heldOutAccuracy: heldOut,
  },
  tasks: TASKS,
  buckets: BUCKETS,
  scale: largest / 127,
  /** Int8, a row of tasks for each bucket, gzip, base64. */
  weights: gzipSync(quantised, { level: 9 }).toString('base64'),
}
writeFileSync(FILE, `${JSON.stringify(file, null, 2)}\n`)
console.log(JSON.stringify(file.card, null, 2))
console.log(`${Math.round(JSON.stringify(file).length / 1024)} KiB`)

/** Prompts of all templates, the same on every run. */
function makeExamples(): Example[] {
  let state = 20_261_128
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 0) / 4_294_967_296
  }
  const made: Example[] = []
  for (const task of TASKS)
    for (const [template, words] of TEMPLATES[task].entries())
      for (let fill = 0; fill < (words.includes('{') ? FILLS : 1); fill++) {
        const text = words.replace(/\{(\w+)\}/g, (place, name: string) => {
          const choices = FILLINGS[name]
          return choices === undefined ? place : choices[Math.floor(random() * choices.length)]!
        })
        made.push({ task, text, template })
      }
  return made
}

/** One against the rest, all tasks in one go. Every template weighs the same, however often it was filled in. */
function fit(positions: readonly number[]): Float32Array {
  const targets = new Float32Array(positions.length * TASKS.length)
  positions.forEach((position, row) => (targets[row * TASKS.length + TASKS.indexOf(examples[position]!.task)] = 1))
  const design = designOf(
    positions.map((position) => rows[position]!),
    BUCKETS,
  )
  return solveRidge(
    design,
    targets,
    TASKS.map(() => PENALTY),
  )
}

/** Accuracy on prompts whose template was not trained on: of the rules alone, of the model alone, and of both as `taskOf` joins them. */
function crossValidate(): { rules: number; model: number; both: number } {
  const right = { rules: 0, model: 0, both: 0 }
  let weight = 0
  for (let fold = 0; fold < FOLDS; fold++) {
    const trained = fit(examples.flatMap(({ template }, position) => (template % FOLDS === fold ? [] : [position])))
    for (const [position, { task, text, template }] of examples.entries()) {
      if (template % FOLDS !== fold) continue
      const scores = scoresOf(rows[position]!, trained)
      const share = 1 / (TEMPLATES[task][template]!.includes('{') ? FILLS : 1)
      const prompt = promptOfText(text)
      const model = TASKS[scores.indexOf(Math.max(...scores))]
      weight += share
      if (model === task) right.model += share
      if (taskOf(prompt, () => null).task === task) right.rules += share
      if (taskOf(prompt, () => scores).task === task) right.both += share
    }
  }
  const rounded = (sum: number): number => Math.round((1_000 * sum) / weight) / 1_000
  return { rules: rounded(right.rules), model: rounded(right.model), both: rounded(right.both) }
}

function scoresOf(row: SparseRow, trained: Float32Array): number[] {
  const scores = new Float64Array(TASKS.length)
  addProduct(row, trained, scores)
  return Array.from(scores)
}
