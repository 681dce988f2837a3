// Where alerts go: the configuration as a list of destinations, and which of them an alert is for.
import type { Alert, AlertKind } from '../core/alert.ts'
import type {
  AlertsConfig,
  ChannelsConfig,
  EmailConfig,
  QuietHoursConfig,
  WebhookConfig,
} from '../config/schema-alerts.ts'
import type { Named } from './named.ts'

export type Channel =
  | ({ readonly type: 'webhook' } & WebhookConfig)
  | { readonly type: 'slack' | 'microsoft_teams' | 'discord'; readonly url: string }
  | { readonly type: 'pagerduty'; readonly key: string; readonly url: string }
  | { readonly type: 'email'; readonly smtp: string; readonly from: string; readonly to: readonly string[] }

export type Destination = {
  /** `slack`, or `finance.email` for a recipient of its own: what deliveries are kept under. */
  readonly name: string
  readonly channel: Channel
  /** Null: that of `alerts` itself. */
  readonly recipient: string | null
  /** Null: all. */
  readonly kinds: readonly AlertKind[] | null
  /** Id or name; null: all, and what belongs to none. */
  readonly team: string | null
}

export function destinationsOf(alerts: AlertsConfig): readonly Destination[] {
  const { email: common, kinds, recipients } = alerts
  return [
    ...channelsOf(alerts, common).map((channel) => ({
      name: channel.type,
      channel,
      recipient: null,
      kinds: kinds ?? null,
      team: null,
    })),
    ...recipients.flatMap((recipient) =>
      channelsOf(recipient, common).map((channel) => ({
        name: `${recipient.name}.${channel.type}`,
        channel,
        recipient: recipient.name,
        kinds: recipient.kinds ?? null,
        team: recipient.team ?? null,
      })),
    ),
  ]
}

function channelsOf(channels: ChannelsConfig, common: EmailConfig | undefined): readonly Channel[] {
  const { webhook, slack, microsoftTeams, discord, pagerduty, email } = channels
  const smtp = email?.smtp ?? common?.smtp
  return [
    ...(webhook === undefined ? [] : [{ type: 'webhook', ...webhook } as const]),
    ...(slack === undefined ? [] : [{ type: 'slack', url: slack } as const]),
    ...(microsoftTeams === undefined ? [] : [{ type: 'microsoft_teams', url: microsoftTeams } as const]),
    ...(discord === undefined ? [] : [{ type: 'discord', url: discord } as const]),
    ...(pagerduty === undefined ? [] : [{ type: 'pagerduty', ...pagerduty } as const]),
    ...(email === undefined || smtp === undefined
      ? []
      : [{ type: 'email', smtp, from: email.from ?? common?.from ?? senderOf(smtp), to: email.to } as const]),
  ]
}

function senderOf(smtp: string): string {
  return `weir@${new URL(smtp).hostname}`
}

/** Those that an alert is for. One that names its recipients goes to them, whatever their kinds and teams. */
export function destinationsFor(
  alert: Alert,
  { teamId, teamName }: Named,
  destinations: readonly Destination[],
): readonly Destination[] {
  const { recipients } = alert
  if (recipients !== undefined)
    return destinations.filter(({ name, recipient }) => recipients.includes(recipient ?? name))
  return destinations.filter(
    ({ kinds, team }) =>
      (kinds === null || kinds.includes(alert.kind)) && (team === null || team === teamId || team === teamName),
  )
}

/** When quiet hours that this moment lies in end; null: it lies in none. */
export function quietUntil(quietHours: QuietHoursConfig | undefined, at: number): number | null {
  if (quietHours === undefined) return null
  const { from, until, timeZone } = quietHours
  const minute = minuteOfDay(at, timeZone)
  const isQuiet = from <= until ? minute >= from && minute < until : minute >= from || minute < until
  if (!isQuiet) return null
  const left = (until - minute + DAY_MINUTES) % DAY_MINUTES
  const end = at - (at % MINUTE_MS) + left * MINUTE_MS
  // Where the clocks are changed meanwhile, it shows another time then.
  const change = (until - minuteOfDay(end, timeZone) + 1.5 * DAY_MINUTES) % DAY_MINUTES
  return end + (change - DAY_MINUTES / 2) * MINUTE_MS
}

const MINUTE_MS = 60_000
const DAY_MINUTES = 24 * 60

function minuteOfDay(at: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, hourCycle: 'h23', hour: '2-digit', minute: '2-digit' })
  const [hour = 0, minute = 0] = format.format(at).split(':').map(Number)
  return hour * 60 + minute
}
