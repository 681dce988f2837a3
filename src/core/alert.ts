// What operators are told of: each kind of alert with the facts that it tells, and what makes two alerts the same one.
import type { JsonObject } from './json.ts'

type BudgetFacts = {
  readonly budget: string
  /** Decimal dollars, as all amounts here. */
  readonly limitUsd: string
  readonly spentUsd: string
  /** RFC 3339, as all times here; null: it does not reset by itself. */
  readonly resetsAt: string | null
}

/** A file that comes with a message where the destination can carry one. */
export type AlertAttachment = { readonly name: string; readonly contentType: string; readonly text: string }

/** What each kind tells. All of it is JSON: it is kept, and sent to webhooks as it is. */
export type AlertFacts = {
  /** So much of a budget is spent. `share`: 0–1, more where the budget tells of more. */
  readonly budget_threshold: BudgetFacts & {
    readonly share: number
    readonly onExhausted: 'reject' | 'alert' | 'degrade'
  }
  /** A budget of which a threshold was told begins anew. */
  readonly budget_reset: BudgetFacts
  /** At the pace of its window so far, a budget will be used up before the window ends. */
  readonly budget_forecast: BudgetFacts & { readonly exhaustedAt: string }
  /** An hour cost far more than that hour of the week usually does. */
  readonly spend_anomaly: {
    readonly hour: string
    readonly spentUsd: string
    readonly usualUsd: string
    /** How many robust standard deviations above the usual. */
    readonly deviations: number
    /** Hours that it was compared with. */
    readonly hours: number
  }
  readonly provider_errors: {
    readonly failed: number
    readonly attempts: number
    readonly share: number
    readonly minutes: number
  }
  /** The time to the first token of a deployment's recent answers. */
  readonly provider_latency: { readonly ttftP95Ms: number; readonly limitMs: number; readonly minutes: number }
  /** A provider does not take a credential any more. */
  readonly credential_bad: { readonly provider: string }
  readonly price_change: {
    readonly version: string
    readonly changes: number
    /** The first of them, in words. */
    readonly examples: readonly string[]
  }
  /** Requests of a model that has no price, of one day. */
  readonly unpriced_usage: { readonly day: string; readonly requests: number }
  /** What a deployment answers has changed. `signal`: what was watched, such as `refusals` or `golden prompts`. */
  readonly quality_drift: {
    readonly signal: string
    readonly task: string | null
    /** Numbers by their names, for whoever looks into it. */
    readonly numbers: JsonObject
  }
  /** An experiment was rolled back. */
  readonly quality_rollback: {
    readonly route: string
    readonly baseline: string
    readonly candidate: string
    readonly reason: string
    readonly numbers: JsonObject
  }
  /** Not an alert but something that was asked for: a scheduled report. */
  readonly report: {
    readonly title: string
    /** The whole of it in plain words, for destinations that show nothing else. */
    readonly text: string
    /** For webhooks. */
    readonly data: JsonObject
    /** For e-mail. */
    readonly html: string | null
    readonly attachments: readonly AlertAttachment[]
  }
  /** Somebody tries a destination. */
  readonly test: { readonly by: string }
}

export type AlertKind = keyof AlertFacts

export const ALERT_KINDS = [
  'budget_threshold',
  'budget_reset',
  'budget_forecast',
  'spend_anomaly',
  'provider_errors',
  'provider_latency',
  'credential_bad',
  'price_change',
  'unpriced_usage',
  'quality_drift',
  'quality_rollback',
  'report',
  'test',
] as const satisfies readonly AlertKind[]

/** Whom an alert is about. `id`: the id of a key or team, the name of anything else; `''` for the gateway. */
export type AlertSubject = {
  readonly scope:
    | 'gateway'
    | 'organisation'
    | 'team'
    | 'user'
    | 'key'
    | 'end_user'
    | 'tag'
    | 'route'
    | 'provider'
    | 'model'
    | 'deployment'
    | 'credential'
    | 'experiment'
  readonly id: string
}

export type AlertOf<Kind extends AlertKind> = {
  readonly kind: Kind
  readonly subject: AlertSubject
  /** What was reached, where a subject may reach several things in one window; else `''`. */
  readonly threshold: string
  /** The time in which it is told once, ms since the epoch; `until` of null: for ever. */
  readonly window: { readonly from: number; readonly until: number | null }
  readonly at: number
  readonly facts: AlertFacts[Kind]
  /** What the alert of the same kind, subject, threshold and window told of is over. */
  readonly isOver?: true
  /**
   * Names of recipients of the configuration, and of channels that belong to none (`slack`); absent: all that take the
   * kind and the subject's team.
   */
  readonly recipients?: readonly string[]
}

export type Alert = { [Kind in AlertKind]: AlertOf<Kind> }[AlertKind]

/** Alerts of one key are one alert: it is told once, whoever raises it and how often. */
export function alertKey({ kind, subject, threshold, window, isOver }: Alert): string {
  const key = [kind, subject.scope, subject.id, threshold, window.from]
  return JSON.stringify(isOver === true ? [...key, 'over'] : key)
}
