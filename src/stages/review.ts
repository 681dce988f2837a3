// The review of a cascade: whether a whole answer has the form that a program asked for, before anybody sees it.
//
// Only where a route wants it (`quality.cascade`), and only of whole chats: what is streamed has been seen by the time that it could
// be judged. What is wrong with it is told by the lab's own checks of form (`lab/validity.ts`); what takes a reader to see is not looked at.
import { formFaults, type FaultKind } from '../lab/validity.ts'
import { createSchemaChecks } from '../lab/schema-checks.ts'
import type { Call } from '../core/call.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { AttemptRun } from '../routing/attempt-run.ts'
import { chatOf } from '../routing/lane.ts'
import type { Plan } from '../routing/plan.ts'
import type { Engine } from './engine.ts'

/** Undefined: nothing is reviewed. */
type Review = (call: Call, dialect: Dialect, plan: Plan) => AttemptRun['review']

/** An answer that was cut by the caller's own bound would be cut elsewhere, too. */
const REJECTED: ReadonlySet<FaultKind> = new Set<FaultKind>(['empty_answer', 'invalid_format', 'bad_tool_call'])

export function reviewIn({ readerOf }: Pick<Engine, 'readerOf'>): Review {
  const checks = createSchemaChecks()
  return (call, dialect, { policy }) => {
    const { translator } = dialect
    if (policy.cascade !== true || call.facts.stream || translator === undefined) return undefined
    const reader = readerOf(dialect.id)
    if (reader === null) return undefined
    return async ({ bytes }) => {
      let choice
      try {
        choice = reader.codec.readAnswer(JSON.parse(new TextDecoder().decode(bytes))).choices[0]
      } catch {
        // It was understood once already: that it cannot be read again is no fault of the model's.
        return null
      }
      if (choice === undefined) return null
      const faults = await formFaults(chatOf(call, translator).request, choice, checks)
      return faults.find(({ kind }) => REJECTED.has(kind))?.detail ?? null
    }
  }
}
