// Where secrets stand in a config. One walk serves both uses: to show a config without them, and to know what to redact elsewhere.
import type { Config } from './schema.ts'
import type { AlertsConfig, ChannelsConfig } from './schema-alerts.ts'
import type { ProviderConfig } from './schema-providers.ts'

const SECRET_NAME = /auth|key|token|secret|passw|credential|cookie|signature/i

/** A copy of the config with each secret replaced by what `replace` makes of it. */
export function mapSecrets(config: Config, replace: (secret: string) => string): Config {
  const providers = Object.entries(config.providers).map(([name, provider]) => [name, mapProvider(provider, replace)])
  const { topupSecret } = config.users
  return {
    ...config,
    providers: Object.fromEntries(providers) as Config['providers'],
    alerts: mapAlerts(config.alerts, replace),
    users: topupSecret === undefined ? config.users : { ...config.users, topupSecret: replace(topupSecret) },
  }
}

function mapAlerts(alerts: AlertsConfig, replace: (secret: string) => string): AlertsConfig {
  return {
    ...alerts,
    ...mapChannels(alerts, replace),
    recipients: alerts.recipients.map((recipient) => ({ ...recipient, ...mapChannels(recipient, replace) })),
  }
}

// Whoever knows the address of such a webhook may post to it.
function mapChannels(channels: ChannelsConfig, replace: (secret: string) => string): ChannelsConfig {
  const { webhook, slack, microsoftTeams, discord, pagerduty, email } = channels
  return {
    ...(webhook === undefined ? {} : { webhook: { url: replace(webhook.url), secret: replace(webhook.secret) } }),
    ...(slack === undefined ? {} : { slack: replace(slack) }),
    ...(microsoftTeams === undefined ? {} : { microsoftTeams: replace(microsoftTeams) }),
    ...(discord === undefined ? {} : { discord: replace(discord) }),
    ...(pagerduty === undefined ? {} : { pagerduty: { ...pagerduty, key: replace(pagerduty.key) } }),
    ...(email?.smtp === undefined ? {} : { email: { ...email, smtp: mapUrl(email.smtp, replace) } }),
  }
}

function mapProvider(provider: ProviderConfig, replace: (secret: string) => string): ProviderConfig {
  const named = (values: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, SECRET_NAME.test(name) ? replace(value) : value]),
    )
  return {
    ...provider,
    ...(provider.keys === undefined ? {} : { keys: provider.keys.map(replace) }),
    ...(provider.headers === undefined ? {} : { headers: named(provider.headers) }),
    ...(provider.settings === undefined ? {} : { settings: named(provider.settings) }),
    ...(provider.proxy === undefined ? {} : { proxy: mapUrl(provider.proxy, replace) }),
    ...(provider.baseUrl === undefined ? {} : { baseUrl: mapUrl(provider.baseUrl, replace) }),
  }
}

// The text is cut instead of parsed and written again, because a base URL may hold placeholders.
function mapUrl(url: string, replace: (secret: string) => string): string {
  return url.replace(/^(\w+:\/\/)([^/@:]*):([^/@]*)@/, (_, scheme: string, user: string, password: string) => {
    return `${scheme}${user}:${replace(password)}@`
  })
}

/** Shortest text that is redacted wherever it turns up: shorter ones (`none`, `EMPTY`) stand in innocent text too. */
const SHORTEST = 8

/** Literal secret values of a config, each once, longest first; also as they look percent-decoded in URLs. */
export function collectSecrets(config: Config): string[] {
  const found = new Set<string>()
  const add = (secret: string): string => {
    if (secret.length >= SHORTEST) found.add(secret)
    // `Bearer <token>` in a header: the token alone is as secret.
    const bare = secret.replace(/^\w+ +/, '')
    if (bare.length >= SHORTEST) found.add(bare)
    return secret
  }
  mapSecrets(config, (secret) => {
    add(secret)
    if (/%[0-9a-f]{2}/i.test(secret)) add(percentDecoded(secret))
    return secret
  })
  return [...found].toSorted((one, two) => two.length - one.length)
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoded after all: the text itself is already there.
    return text
  }
}
