// `alerts:` of the file: who is told of what, the parsed value as types, then its fields.
import { ALERT_KINDS, type AlertKind } from '../core/alert.ts'
import { isTimeZone } from '../core/budget.ts'
import { formatUsd } from '../core/money.ts'
import { parseAmount } from './budget-values.ts'
import { choice, duration, type Field, integer, leaf, list, section, text } from './fields.ts'

/** Where messages go. Each that is there gets them. */
export type ChannelsConfig = {
  readonly webhook?: WebhookConfig
  readonly slack?: string
  readonly microsoftTeams?: string
  readonly discord?: string
  readonly pagerduty?: PagerdutyConfig
  readonly email?: EmailConfig
}

export type WebhookConfig = { readonly url: string; readonly secret: string }
type PagerdutyConfig = { readonly key: string; readonly url: string }
export type EmailConfig = {
  /** Absent: the one of `alerts.email`. */
  readonly smtp?: string
  readonly from?: string
  readonly to: readonly string[]
}

type RecipientConfig = ChannelsConfig & {
  readonly name: string
  /** Id or name; absent: of all teams, and what belongs to none. */
  readonly team?: string
  /** Absent: all. */
  readonly kinds?: readonly AlertKind[]
}

export type QuietHoursConfig = {
  /** Minutes since midnight. */
  readonly from: number
  readonly until: number
  readonly timeZone: string
}

type ProviderErrorsConfig = {
  /** 0–1; of the attempts. */
  readonly share: number
  readonly minAttempts: number
  readonly overMs: number
}
type ProviderLatencyConfig = { readonly firstTokenMs: number; readonly minAnswers: number; readonly overMs: number }
type SpendAnomalyConfig = {
  readonly deviations: number
  /** Dollars, exact decimal text. */
  readonly minUsd: string
}

export type AlertsConfig = ChannelsConfig & {
  readonly kinds?: readonly AlertKind[]
  readonly recipients: readonly RecipientConfig[]
  readonly quietHours?: QuietHoursConfig
  readonly retryForMs: number
  readonly providerErrors: ProviderErrorsConfig
  readonly providerLatency: ProviderLatencyConfig
  readonly spendAnomaly: SpendAnomalyConfig
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function url(description: string, fallback?: string): Field<string> {
  return text({ description, kind: 'URL', expected: 'an http or https URL', secret: true }, fallback, (value) =>
    /^https?:\/\/[^\s#]+$/.test(value) && URL.canParse(value) ? value : null,
  )
}

const WEBHOOK_SECRET = /^(?:whsec_[A-Za-z\d+/]{32,}={0,2}|(?!whsec_).{24,})$/s

const webhook: Field<WebhookConfig> = section<WebhookConfig>(
  { description: 'A POST of JSON, signed by the rules of Standard Webhooks (docs/alerts.md).' },
  {
    url: url('Where it goes.'),
    secret: text(
      {
        description: 'What it is signed with: `whsec_` and base64, or any text of 24 characters or more.',
        kind: 'secret',
        expected: 'a secret of 24 characters or more, or whsec_ with the base64 of as many bytes',
        secret: true,
      },
      undefined,
      (value) => (WEBHOOK_SECRET.test(value) ? value : null),
    ),
  },
  { required: ['url', 'secret'] },
)

const pagerduty: Field<PagerdutyConfig> = section<PagerdutyConfig>(
  { description: 'Events of PagerDuty’s API v2.' },
  {
    key: text({ description: 'Integration key of a service.', kind: 'key', secret: true }),
    url: {
      ...url(
        'Where events go; in the EU `https://events.eu.pagerduty.com/v2/enqueue`.',
        'https://events.pagerduty.com/v2/enqueue',
      ),
    },
  },
  { required: ['key'] },
)

const address = text(
  { description: '', kind: 'e-mail address', expected: 'an e-mail address such as ops@example.com' },
  undefined,
  (value) => (/^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(value) ? value : null),
)

const email: Field<EmailConfig> = section<EmailConfig>(
  { description: 'E-mail.' },
  {
    smtp: text(
      {
        description:
          'The mail server: `smtp://user:password@mail.example.com:587` (STARTTLS where it is offered; with `?requireTLS=true` only so), or `smtps://` on port 465. A recipient without one takes that of `alerts.email`.',
        kind: 'URL',
        expected: 'a URL such as smtp://user:password@mail.example.com:587',
        secret: true,
      },
      undefined,
      (value) => (/^smtps?:\/\/[^\s#]+$/.test(value) && URL.canParse(value) ? value : null),
    ),
    from: {
      ...address,
      doc: { ...address.doc, description: 'The sender. Default: `weir@` and the mail server’s name.' },
    },
    to: list({ description: 'Who gets it.' }, address),
  },
  { required: ['to'] },
)

const channels = {
  webhook,
  slack: url('An incoming webhook of Slack.'),
  microsoftTeams: {
    ...url('A webhook of a Microsoft Teams workflow.'),
    doc: { ...url('A webhook of a Microsoft Teams workflow.').doc, synonyms: ['teams', 'msteams', 'ms_teams'] },
  },
  discord: url('A webhook of a Discord channel.'),
  pagerduty,
  email,
}

const kinds = list(
  { description: 'What is sent there. Default: every kind.' },
  choice({ description: '' }, ALERT_KINDS),
)

const recipient: Field<RecipientConfig> = section<RecipientConfig>(
  { description: 'Somebody else who is told.' },
  {
    name: text(
      { description: 'A name for lists and logs.', kind: 'name', expected: 'letters, digits, dashes and underscores' },
      undefined,
      (value) => (/^[\w-]{1,64}$/.test(value) ? value : null),
    ),
    team: text({
      description: 'Id or name of a team: only what is about it, its keys and its end users. Default: everything.',
      kind: 'name',
    }),
    kinds,
    ...channels,
  },
  { required: ['name'] },
)

function timeOfDay(description: string): Field<number> {
  return leaf({ description, kind: 'time of day' }, (value) => {
    const [, hour, minute] = (typeof value === 'string' && /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(value)) || []
    return hour === undefined
      ? { expected: 'a time of day such as "22:00"' }
      : { value: Number(hour) * 60 + Number(minute) }
  })
}

const quietHours: Field<QuietHoursConfig> = section<QuietHoursConfig>(
  { description: 'When only what is urgent is sent; the rest waits for their end.' },
  {
    from: timeOfDay('When they begin.'),
    until: timeOfDay('When they end; before `from`: on the next day.'),
    timeZone: text(
      { description: 'Whose clock it is.', kind: 'time zone', expected: 'a time zone such as Europe/Berlin' },
      'UTC',
      (value) => (isTimeZone(value) ? value : null),
    ),
  },
  { required: ['from', 'until'] },
)

const OVER = { min: MINUTE, max: HOUR }
const COUNT = { min: 1, max: 1_000_000 }

const providerErrors = section<ProviderErrorsConfig>(
  { description: 'When a provider is told to fail (`provider_errors`).' },
  {
    share: leaf(
      { description: 'This share of its attempts fails.', kind: 'share', range: 'above 0, to 1' },
      (value) =>
        typeof value === 'number' && value > 0 && value <= 1 ? { value } : { expected: 'a share such as 0.5' },
      0.5,
    ),
    minAttempts: integer({ description: 'Of at least so many: one that cools down is asked rarely.' }, COUNT, 5),
    overMs: duration({ description: 'In this time.' }, OVER, 5 * MINUTE),
  },
)

const providerLatency = section<ProviderLatencyConfig>(
  { description: 'When a deployment is told to be slow (`provider_latency`).' },
  {
    firstTokenMs: duration(
      { description: 'One of 20 answers takes longer to its first token.' },
      { min: 10, max: HOUR },
      30_000,
    ),
    minAnswers: integer({ description: 'Of at least so many answers.' }, COUNT, 20),
    overMs: duration({ description: 'In this time.' }, OVER, 5 * MINUTE),
  },
)

const spendAnomaly = section<SpendAnomalyConfig>(
  { description: 'When an hour is told to be unusually dear (`spend_anomaly`).' },
  {
    deviations: leaf(
      {
        description: 'It costs so many robust standard deviations more than that hour of the week usually does.',
        kind: 'number',
        range: '1 to 1000',
      },
      (value) =>
        typeof value === 'number' && value >= 1 && value <= 1_000 ? { value } : { expected: 'a number from 1 to 1000' },
      6,
    ),
    minUsd: leaf(
      { description: 'And at least so many dollars more.', kind: 'dollars', range: 'from 0' },
      (value) => {
        const nano = parseAmount(value)
        return nano === null ? { expected: 'dollars such as 1 or 0.25' } : { value: formatUsd(nano) }
      },
      '1',
    ),
  },
)

export const alerts: Field<AlertsConfig> = section<AlertsConfig>(
  { description: 'Who is told when something needs attention (docs/alerts.md).' },
  {
    ...channels,
    kinds,
    recipients: list({ description: 'More recipients, of their own kinds or teams.' }, recipient, []),
    quietHours,
    retryForMs: duration(
      { description: 'How long a message that cannot be delivered is tried again.' },
      { min: MINUTE, max: 7 * 24 * HOUR },
      24 * HOUR,
    ),
    providerErrors,
    providerLatency,
    spendAnomaly,
  },
)
