// `alerts:` of the file: who is told of what, the parsed value as types, then its fields.
import { ALERT_KINDS, type AlertKind } from '../core/alert.ts'
import { isTimeZone } from '../core/budget.ts'
import { choice, duration, type Field, leaf, list, section, text } from './fields.ts'

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

export type AlertsConfig = ChannelsConfig & {
  readonly kinds?: readonly AlertKind[]
  readonly recipients: readonly RecipientConfig[]
  readonly quietHours?: QuietHoursConfig
  readonly retryForMs: number
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function url(description: string, fallback?: string): Field<string> {
  return text({ description, kind: 'URL', expected: 'an http or https URL', secret: true }, fallback, (value) =>
    /^https?:\/\/[^\s#]+$/.test(value) && URL.canParse(value) ? value : null,
  )
}

const webhook: Field<WebhookConfig> = section<WebhookConfig>(
  { description: 'A POST of JSON, signed by the rules of Standard Webhooks (docs/alerts.md).' },
  {
    url: url('Where it goes.'),
    secret: text(
      {
        description: 'What it is signed with: `whsec_` and base64, or any text of 24 characters or more.',
        kind: 'secret',
        expected: 'a secret of 24 characters or more',
        secret: true,
      },
      undefined,
      (value) => (value.length >= 24 ? value : null),
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
  },
)
