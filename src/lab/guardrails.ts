// What a guardrail looks at in one answer. `slow` and `dear` are measured against the control's own answers of the time: nobody
// knows beforehand what is usual for a route.
import type { Guardrail } from '../core/experiment.ts'

/** How one answer came about, without a look into it. */
export type Course = {
  readonly isError: boolean
  readonly isTimeout: boolean
  /** It ended because it had become as long as it may. */
  readonly isCut: boolean
  readonly durationMs: number
  readonly costNanoUsd: bigint | null
}

/** Guardrails that every answer is measured by, and those that need a look into it. */
export const COURSE_GUARDRAILS = ['error', 'timeout', 'cut_answer', 'slow', 'dear'] as const satisfies Guardrail[]
export const CONTENT_GUARDRAILS = ['invalid_format', 'refusal'] as const satisfies Guardrail[]

export interface Usual {
  /** One more answer of the control. */
  add(course: Course): void
  /** Which of the course's guardrails an answer broke. */
  broken(course: Course): readonly Guardrail[]
}

/** Answers of the control that are remembered, and how many it takes before anything counts as unusual. */
const REMEMBERED = 200
const FEWEST = 20
/** Slower, or dearer, than 95 % of the control's answers, and by more than chance. */
const QUANTILE = 0.95
const SLACK = 1.25
/** The bounds are worked out anew after so many answers. */
const REFRESH = 20

export function createUsual(): Usual {
  const durations: number[] = []
  const costs: number[] = []
  let added = 0
  let bounds = { durationMs: Infinity, cost: Infinity }

  function remember(values: number[], value: number): void {
    if (values.length < REMEMBERED) values.push(value)
    else values[added % REMEMBERED] = value
  }

  return {
    add(course) {
      remember(durations, course.durationMs)
      remember(costs, Number(course.costNanoUsd ?? 0n))
      added++
      if (added % REFRESH === 0) bounds = { durationMs: boundOf(durations), cost: boundOf(costs) }
    },
    broken({ isError, isTimeout, isCut, durationMs, costNanoUsd }) {
      const found: Guardrail[] = []
      if (isError) found.push('error')
      if (isTimeout) found.push('timeout')
      if (isCut) found.push('cut_answer')
      if (durationMs > bounds.durationMs) found.push('slow')
      if (Number(costNanoUsd ?? 0n) > bounds.cost) found.push('dear')
      return found
    },
  }
}

function boundOf(values: readonly number[]): number {
  if (values.length < FEWEST) return Infinity
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(QUANTILE * (sorted.length - 1))]! * SLACK
}
