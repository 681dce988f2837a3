// From what a part of the gateway knows to the alert that tells it. Pure.
import type { AlertOf } from '../core/alert.ts'
import type { AuditRecord, Experiment } from '../core/experiment.ts'
import type { JsonObject } from '../core/json.ts'

const DAY_MS = 86_400_000

/** The UTC day that a moment lies in: what goes on for long is told once a day. */
function dayOf(at: number): { readonly from: number; readonly until: number } {
  const from = at - (at % DAY_MS)
  return { from, until: from + DAY_MS }
}

/** A provider does not take a credential; its id is `<provider>#<number>`. Told once a day. */
export function credentialBad(credentialId: string, at: number): AlertOf<'credential_bad'> {
  return {
    kind: 'credential_bad',
    subject: { scope: 'credential', id: credentialId },
    threshold: '',
    window: dayOf(at),
    at,
    facts: { provider: credentialId.replace(/#\d+$/, '') },
  }
}

/** What a deployment answers has changed; told once a day. */
export function qualityDrift(
  deployment: string,
  facts: AlertOf<'quality_drift'>['facts'],
  at: number,
): AlertOf<'quality_drift'> {
  const subject = { scope: 'deployment', id: deployment } as const
  return {
    kind: 'quality_drift',
    subject,
    threshold: `${facts.signal} ${facts.task ?? ''}`,
    window: dayOf(at),
    at,
    facts,
  }
}

/** An experiment was rolled back; each time is an alert of its own. */
export function qualityRollback({ id, spec }: Experiment, record: AuditRecord): AlertOf<'quality_rollback'> {
  const { route, baseline, candidate } = spec
  const { from, why, numbers, at, no } = record
  return {
    kind: 'quality_rollback',
    subject: { scope: 'experiment', id },
    threshold: String(no),
    window: { from: at, until: null },
    at,
    facts: { route, baseline, candidate, reason: why, numbers: { stage: from, ...numbersJson(numbers) } },
  }
}

function numbersJson({ guardrails, ...rest }: AuditRecord['numbers']): JsonObject {
  return { ...rest, guardrails: { ...guardrails } }
}
