// Rules that tell the task of a request by its form: a table; each row that holds adds its evidence, in log-odds.
import type { Features } from './features.ts'
import type { Task } from './task.ts'
import type { Verb } from './verbs.ts'

type TaskRule = {
  readonly holds: (features: Features) => boolean
  readonly weights: readonly (readonly [task: Task, weight: number])[]
}

const says =
  (verb: Verb) =>
  ({ verbs }: Features): boolean =>
    verbs.has(verb)

/** Reviewed by hand on the cases of task.test.ts. A verb speaks louder than a mark, and what the caller set as a field loudest. */
export const TASK_RULES: readonly TaskRule[] = [
  // Fields of the request
  { holds: ({ prompt }) => prompt.tools > 0, weights: [['tool_use', 5]] },
  { holds: ({ prompt }) => prompt.isToolStep, weights: [['tool_use', 3]] },
  {
    holds: ({ prompt }) => prompt.format !== 'text',
    weights: [
      ['extraction', 2],
      ['classification', 1],
      ['chat', -2],
      ['creative', -1.5],
    ],
  },
  {
    holds: ({ prompt }) => prompt.images > 0 || prompt.files > 0,
    weights: [
      ['closed_qa', 1.5],
      ['extraction', 1],
      ['chat', -0.5],
      ['open_qa', -0.5],
    ],
  },
  {
    holds: ({ prompt }) => prompt.sounds > 0,
    weights: [
      ['chat', 1],
      ['summarisation', 0.5],
    ],
  },
  { holds: ({ prompt }) => prompt.turns >= 3, weights: [['chat', 0.8]] },
  // Verbs
  {
    holds: says('translate'),
    weights: [
      ['translation', 4.5],
      ['chat', -1],
    ],
  },
  {
    holds: says('summarise'),
    weights: [
      ['summarisation', 4],
      ['chat', -1],
    ],
  },
  {
    holds: says('extract'),
    weights: [
      ['extraction', 4],
      ['chat', -1],
    ],
  },
  {
    holds: says('classify'),
    weights: [
      ['classification', 4],
      ['chat', -1],
    ],
  },
  {
    holds: says('rewrite'),
    weights: [
      ['rewriting', 4.5],
      ['chat', -1],
    ],
  },
  {
    holds: says('create'),
    weights: [
      ['creative', 4],
      ['chat', -0.5],
    ],
  },
  {
    holds: says('code'),
    weights: [
      ['code', 3.5],
      ['chat', -1],
    ],
  },
  {
    holds: says('solve'),
    weights: [
      ['reasoning', 2.5],
      ['chat', -1],
    ],
  },
  {
    holds: says('answerFrom'),
    weights: [
      ['closed_qa', 3.5],
      ['chat', -1],
      ['open_qa', -1.5],
    ],
  },
  { holds: says('explain'), weights: [['open_qa', 1.8]] },
  {
    holds: says('greet'),
    weights: [
      ['chat', 3],
      ['open_qa', -0.5],
    ],
  },
  // Marks
  { holds: ({ hasCodeFence }) => hasCodeFence, weights: [['code', 2.5]] },
  {
    holds: ({ looksLikeCode }) => looksLikeCode,
    weights: [
      ['code', 2.5],
      ['chat', -0.5],
    ],
  },
  {
    holds: ({ hasLatex }) => hasLatex,
    weights: [
      ['reasoning', 3],
      ['chat', -0.5],
    ],
  },
  {
    holds: ({ choices }) => choices >= 3,
    weights: [
      ['open_qa', 2.5],
      ['reasoning', 1],
      ['chat', -1.5],
      ['extraction', -1],
      ['summarisation', -1],
    ],
  },
  {
    holds: ({ digitShare, looksLikeCode }) => digitShare > 0.06 && !looksLikeCode,
    weights: [['reasoning', 1]],
  },
  {
    holds: ({ asks, isLong }) => asks && !isLong,
    weights: [
      ['open_qa', 1],
      ['chat', 0.3],
    ],
  },
  {
    holds: ({ asks, isLong }) => asks && isLong,
    weights: [['closed_qa', 1]],
  },
  {
    holds: ({ isLong }) => isLong,
    weights: [
      ['summarisation', 0.6],
      ['extraction', 0.4],
      ['closed_qa', 0.4],
      ['chat', -0.5],
      ['open_qa', -0.5],
    ],
  },
  { holds: ({ mixesScripts }) => mixesScripts, weights: [['translation', 0.8]] },
  {
    holds: ({ prompt, lengthBucket }) => lengthBucket <= 5 && prompt.turns > 1,
    weights: [['chat', 1.5]],
  },
  {
    holds: ({ script, markShare, prompt }) =>
      prompt.characters > 0 && (script === 'none' || markShare > 0.5) && prompt.images === 0,
    weights: [['other', 3]],
  },
]
