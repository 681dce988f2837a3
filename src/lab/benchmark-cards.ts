// Published benchmark results of model families, as priors of their scores. A prior lets a model be tried; it never promotes one.
import type { Prior } from './score.ts'
import { type Task, TASKS } from './task.ts'

type Benchmark = 'mmlu' | 'gsm8k' | 'math' | 'humaneval'

/** Scores are shares of right answers, as the maker published them. Questions: MMLU 14 042, GSM8K 1 319, MATH 5 000, HumanEval 164. */
type Card = { readonly family: string; readonly source: string; readonly date: string } & {
  readonly [benchmark in Benchmark]?: number
}

const GPT4_REPORT = 'GPT-4 Technical Report, arXiv:2303.08774'
const SIMPLE_EVALS = 'OpenAI, GPT-4o mini announcement'
const CLAUDE_3 = 'Anthropic, Claude 3 model card'
const LLAMA_31 = 'Meta, The Llama 3 Herd of Models, arXiv:2407.21783'
const LLAMA_3 = 'Meta, Llama 3 model card'

/** A model belongs to the longest family that its id begins with. */
export const CARDS: readonly Card[] = [
  { family: 'gpt-4', mmlu: 0.864, gsm8k: 0.92, humaneval: 0.67, source: GPT4_REPORT, date: '2023-03' },
  { family: 'gpt-3.5-turbo', mmlu: 0.7, gsm8k: 0.571, humaneval: 0.481, source: GPT4_REPORT, date: '2023-03' },
  { family: 'gpt-4o', mmlu: 0.887, math: 0.766, humaneval: 0.902, source: SIMPLE_EVALS, date: '2024-07' },
  { family: 'gpt-4o-mini', mmlu: 0.82, math: 0.702, humaneval: 0.872, source: SIMPLE_EVALS, date: '2024-07' },
  {
    family: 'claude-3-opus',
    mmlu: 0.868,
    gsm8k: 0.95,
    math: 0.601,
    humaneval: 0.849,
    source: CLAUDE_3,
    date: '2024-03',
  },
  {
    family: 'claude-3-sonnet',
    mmlu: 0.79,
    gsm8k: 0.923,
    math: 0.431,
    humaneval: 0.73,
    source: CLAUDE_3,
    date: '2024-03',
  },
  {
    family: 'claude-3-haiku',
    mmlu: 0.752,
    gsm8k: 0.889,
    math: 0.389,
    humaneval: 0.759,
    source: CLAUDE_3,
    date: '2024-03',
  },
  {
    family: 'claude-3-5-sonnet',
    mmlu: 0.887,
    gsm8k: 0.964,
    math: 0.711,
    humaneval: 0.92,
    source: 'Anthropic, Claude 3.5 Sonnet announcement',
    date: '2024-06',
  },
  { family: 'llama-3-8b', mmlu: 0.684, gsm8k: 0.796, math: 0.3, humaneval: 0.622, source: LLAMA_3, date: '2024-04' },
  { family: 'llama-3-70b', mmlu: 0.82, gsm8k: 0.93, math: 0.504, humaneval: 0.817, source: LLAMA_3, date: '2024-04' },
  {
    family: 'llama-3.1-8b',
    mmlu: 0.694,
    gsm8k: 0.845,
    math: 0.519,
    humaneval: 0.726,
    source: LLAMA_31,
    date: '2024-07',
  },
  {
    family: 'llama-3.1-70b',
    mmlu: 0.836,
    gsm8k: 0.951,
    math: 0.68,
    humaneval: 0.805,
    source: LLAMA_31,
    date: '2024-07',
  },
  {
    family: 'llama-3.1-405b',
    mmlu: 0.873,
    gsm8k: 0.968,
    math: 0.738,
    humaneval: 0.89,
    source: LLAMA_31,
    date: '2024-07',
  },
  {
    family: 'mixtral-8x7b',
    mmlu: 0.706,
    gsm8k: 0.744,
    math: 0.284,
    humaneval: 0.402,
    source: 'Mistral AI, Mixtral of Experts, arXiv:2401.04088',
    date: '2024-01',
  },
  {
    family: 'deepseek-v3',
    mmlu: 0.885,
    source: 'DeepSeek-AI, DeepSeek-V3 Technical Report, arXiv:2412.19437',
    date: '2024-12',
  },
  { family: 'deepseek-r1', mmlu: 0.908, source: 'DeepSeek-AI, DeepSeek-R1, arXiv:2501.12948', date: '2025-01' },
]

/** What each benchmark says about a task, in pseudo-observations. Exams say little about work that they do not contain. */
const WORTH: { readonly [task in Task]: { readonly [benchmark in Benchmark]?: number } } = {
  open_qa: { mmlu: 12 },
  closed_qa: { mmlu: 6 },
  reasoning: { gsm8k: 6, math: 6 },
  code: { humaneval: 12 },
  extraction: { mmlu: 4 },
  classification: { mmlu: 4 },
  summarisation: { mmlu: 4 },
  rewriting: { mmlu: 4 },
  translation: { mmlu: 4 },
  chat: { mmlu: 4 },
  creative: { mmlu: 2 },
  tool_use: { humaneval: 4 },
  other: { mmlu: 2 },
}

/** The prior of a model (its vendor's id, with or without a vendor's prefix) on a task; null when no card says anything. */
export function priorFromCards(model: string, task: Task): Prior | null {
  const card = cardOf(model)
  if (card === null) return null
  let strength = 0
  let sum = 0
  let benchmark: Benchmark
  for (benchmark in WORTH[task]) {
    const score = card[benchmark]
    const worth = WORTH[task][benchmark]
    if (score === undefined || worth === undefined) continue
    strength += worth
    sum += worth * score
  }
  return strength === 0 ? null : { mean: sum / strength, strength }
}

/** The mean of what the cards say of a model over all tasks, 0–1; null when they say nothing. */
export function reputationFromCards(model: string): number | null {
  const known = TASKS.flatMap((task) => priorFromCards(model, task)?.mean ?? [])
  return known.length === 0 ? null : known.reduce((sum, mean) => sum + mean, 0) / known.length
}

function cardOf(model: string): Card | null {
  const id = normal(model.slice(model.lastIndexOf('/') + 1))
  let found: Card | null = null
  for (const card of CARDS)
    if (isOfFamily(id, normal(card.family)) && card.family.length > (found?.family.length ?? 0)) found = card
  return found
}

/** The family itself, or what goes on with a date or a variant: `gpt-4-0613` is of `gpt-4`, and `gpt-4o` or `gpt-4.1` is not. */
function isOfFamily(id: string, family: string): boolean {
  return id === family || id.startsWith(`${family}-`)
}

/** Hosts spell ids differently: `Meta-Llama-3_1-70B-Instruct`, `llama-3.1-70b-instruct`, `llama3.1-70b`. */
function normal(id: string): string {
  return id
    .toLowerCase()
    .replace(/^meta-/, '')
    .replace(/_/g, '.')
    .replace(/^llama(?=\d)/, 'llama-')
}
