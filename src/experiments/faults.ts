// What is plainly wrong with an answer, in the words of an experiment: which guardrails it breaks, and whether it is worth nothing.
import type { Guardrail } from '../core/experiment.ts'
import type { SchemaChecks } from '../lab/schema-checks.ts'
import { EVIDENCE } from '../lab/score.ts'
import { type FaultKind, faultsOf } from '../lab/validity.ts'
import type { FaultsOf } from './comparing.ts'

const GUARDRAIL_OF: { readonly [kind in FaultKind]?: Guardrail } = {
  invalid_format: 'invalid_format',
  bad_tool_call: 'invalid_format',
  refusal: 'refusal',
}
/** Faults that weigh so much leave nothing to judge. A refusal may be right. */
const WORTHLESS_WEIGHT = 0.7

export function experimentFaults(checks: SchemaChecks): FaultsOf {
  return async (request, answer) => {
    const faults = await faultsOf(request, answer, checks)
    return {
      broken: [...new Set(faults.flatMap(({ kind }) => GUARDRAIL_OF[kind] ?? []))],
      evidence: faults.map(({ kind, weight }) => ({ kind, quality: null, weight })),
      isWorthless: faults.some(({ kind, weight }) => (weight ?? EVIDENCE[kind].weight) >= WORTHLESS_WEIGHT),
    }
  }
}
