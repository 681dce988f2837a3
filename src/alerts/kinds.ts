// The table of alerts: what each kind says in words, and how urgent it is. A new kind is a row here and its facts in core/alert.ts.
import type { AlertAttachment, AlertFacts, AlertKind, AlertSubject } from '../core/alert.ts'
import type { JsonObject } from '../core/json.ts'

/** `critical` passes quiet hours. */
export type Severity = 'info' | 'warning' | 'critical'

/** Whom it is about, in words: `the team research`. */
export type Who = string

export type KindRow<Kind extends AlertKind> = {
  /** For docs/alerts.md. */
  readonly when: string
  readonly severity: (facts: AlertFacts[Kind]) => Severity
  /** One line. */
  readonly title: (facts: AlertFacts[Kind], who: Who) => string
  readonly text: (facts: AlertFacts[Kind], who: Who) => string
  /** When it is over; absent: nobody tells. */
  readonly over?: (facts: AlertFacts[Kind], who: Who) => { readonly title: string; readonly text: string }
  /** What goes to webhooks; absent: the facts as they are. */
  readonly data?: (facts: AlertFacts[Kind]) => JsonObject
  /** What only e-mail carries. */
  readonly rich?: (facts: AlertFacts[Kind]) => Rich
}

type Rich = { readonly html: string | null; readonly attachments: readonly AlertAttachment[] }

export const KINDS: { readonly [Kind in AlertKind]: KindRow<Kind> } = {
  budget_threshold: {
    when: 'what is spent of a budget reaches one of its `alert_at`',
    severity: ({ share }) => (share >= 1 ? 'critical' : 'warning'),
    title: ({ share }, who) =>
      share >= 1 ? `The budget of ${who} is used up` : `${percent(share)} of the budget of ${who} are spent`,
    text: ({ spentUsd, limitUsd, resetsAt, share, onExhausted }) =>
      `$${spentUsd} of $${limitUsd} are spent. ${resetWords(resetsAt)}${share >= 1 ? ` ${EXHAUSTED[onExhausted]}` : ''}`,
  },
  budget_reset: {
    when: 'a budget of which a threshold was told begins anew',
    severity: () => 'info',
    title: (_, who) => `The budget of ${who} begins anew`,
    text: ({ spentUsd, limitUsd, resetsAt }) =>
      `$${spentUsd} were spent in the window that has ended; $${limitUsd} may be spent in the new one. ${resetWords(resetsAt)}`,
  },
  budget_forecast: {
    when: 'at the pace of its window so far, a budget will be used up before the window ends',
    severity: () => 'warning',
    title: (_, who) => `The budget of ${who} will not last`,
    text: ({ spentUsd, limitUsd, exhaustedAt, resetsAt }) =>
      `$${spentUsd} of $${limitUsd} are spent. At this pace it is used up at ${exhaustedAt}. ${resetWords(resetsAt)}`,
  },
  spend_anomaly: {
    when: 'an hour costs far more than that hour of the week usually does',
    severity: () => 'warning',
    title: ({ spentUsd }, who) => `Unusual spend of ${who}: $${spentUsd} in an hour`,
    text: ({ hour, spentUsd, usualUsd, deviations, hours }) =>
      `The hour of ${hour} cost $${spentUsd}, where $${usualUsd} is usual at that hour of the week (${deviations} robust standard deviations above; compared with ${hours} hours).`,
  },
  provider_errors: {
    when: 'a large share of the attempts at a provider fails',
    severity: () => 'critical',
    title: ({ share }, who) => `${percent(share)} of the attempts at ${who} fail`,
    text: ({ failed, attempts, minutes }) =>
      `${failed} of ${attempts} attempts of the last ${minutes} minutes ended without an answer.`,
    over: ({ failed, attempts, minutes }, who) => ({
      title: `${who} answers again`,
      text: `${failed} of ${attempts} attempts of the last ${minutes} minutes ended without an answer.`,
    }),
  },
  provider_latency: {
    when: 'the time to the first token of a deployment stays above its limit',
    severity: () => 'warning',
    title: ({ ttftP95Ms }, who) => `${who} takes ${seconds(ttftP95Ms)} to its first token`,
    text: ({ ttftP95Ms, limitMs, minutes }) =>
      `Of 20 answers of the last ${minutes} minutes one took ${seconds(ttftP95Ms)} or longer to its first token; the limit is ${seconds(limitMs)}.`,
    over: ({ ttftP95Ms, limitMs, minutes }, who) => ({
      title: `${who} is fast again`,
      text: `Of 20 answers of the last ${minutes} minutes one took ${seconds(ttftP95Ms)} or longer to its first token; the limit is ${seconds(limitMs)}.`,
    }),
  },
  credential_bad: {
    when: 'a provider does not take a credential any more',
    severity: () => 'critical',
    title: (_, who) => `${who} is not accepted any more`,
    text: ({ provider }) =>
      `${provider} refused it, or its account is blocked or empty. It is left alone and asked again from time to time; requests use the other credentials and targets.`,
    over: ({ provider }, who) => ({ title: `${who} is accepted again`, text: `${provider} answers to it again.` }),
  },
  price_change: {
    when: 'a price file changed prices',
    severity: () => 'info',
    title: ({ changes }) => (changes === 1 ? 'A price has changed' : `${changes} prices have changed`),
    text: ({ version, examples, changes }) =>
      `By ${version}: ${examples.join('; ')}${changes > examples.length ? `; and ${changes - examples.length} more` : ''}. \`weir prices diff\` shows all.`,
  },
  unpriced_usage: {
    when: 'requests were answered by a model that has no price',
    severity: () => 'warning',
    title: (_, who) => `${who} has no price`,
    text: ({ requests, day }) =>
      `${requests === 1 ? 'A request' : `${requests} requests`} of ${day} ${requests === 1 ? 'was' : 'were'} let through and counted as $0. Set \`providers.<name>.models.<model>.price\` (0 for a model that is free).`,
  },
  quality_drift: {
    when: 'what a deployment answers has changed',
    severity: () => 'warning',
    title: ({ signal }, who) => `${who} answers differently: ${signal}`,
    text: ({ signal, task, numbers }) =>
      `${signal}${task === null ? '' : ` for the task ${task}`} has left its usual range. ${numberWords(numbers)}`,
  },
  quality_rollback: {
    when: 'an experiment was rolled back',
    severity: () => 'critical',
    title: ({ candidate, route }) => `${candidate} was rolled back on the route ${route}`,
    text: ({ baseline, reason, numbers }) => `${reason} ${baseline} answers alone again. ${numberWords(numbers)}`,
  },
  report: {
    when: 'a scheduled report is due',
    severity: () => 'info',
    title: ({ title }) => title,
    text: ({ text }) => text,
    data: ({ html: _html, attachments: _attachments, ...told }) => told,
    rich: ({ html, attachments }) => ({ html, attachments }),
  },
  test: {
    when: 'somebody tries a destination',
    severity: () => 'info',
    title: () => 'This is a test',
    text: ({ by }) => `${by} asked for a test message. Nothing is wrong.`,
  },
}

const EXHAUSTED: Readonly<Record<AlertFacts['budget_threshold']['onExhausted'], string>> = {
  reject: 'Until then its requests are refused.',
  alert: 'Nothing is refused: the budget is only watched.',
  degrade: 'Until then its requests take a cheaper route.',
}

const SCOPES: Readonly<Record<AlertSubject['scope'], string>> = {
  gateway: 'the gateway',
  organisation: 'the organisation',
  team: 'the team',
  user: 'the user',
  key: 'the key',
  end_user: 'the end user',
  tag: 'the tag',
  route: 'the route',
  provider: 'the provider',
  model: 'the model',
  deployment: 'the deployment',
  credential: 'the credential',
  experiment: 'the experiment',
}

/** `name`: what people call it, where it has a name beside its id. */
export function whoOf({ scope, id }: AlertSubject, name: string | null): Who {
  return id === '' ? SCOPES[scope] : `${SCOPES[scope]} ${name ?? id}`
}

function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}

function resetWords(resetsAt: string | null): string {
  return resetsAt === null ? 'It does not reset by itself.' : `It resets at ${resetsAt}.`
}

function numberWords(numbers: JsonObject): string {
  return Object.entries(numbers)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
}
