import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { loadConfig, type LoadResult } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import { redactConfig } from '../config/redact.ts'
import { destinationsOf, quietUntil } from './destinations.ts'

const FILES: Readonly<Record<string, string>> = {
  '/run/secrets/slack': 'https://hooks.slack.com/services/T/B/secret\n',
}
const ENVIRONMENT = {
  SLACK_WEBHOOK: 'https://hooks.slack.com/services/T/B/from-environment',
  SMTP_PASSWORD: 'a-password-of-the-mail-server',
  WEIR_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  PAGERDUTY_KEY: 'R0UT1NGKEYR0UT1NGKEY',
}

function load(yaml: string): Promise<LoadResult> {
  return loadConfig({
    path: '/weir.yaml',
    readFile: async (file) => new TextEncoder().encode(file === '/weir.yaml' ? yaml : (FILES[file] ?? '')),
    environment: ENVIRONMENT,
  })
}

async function good(yaml: string): Promise<Extract<LoadResult, { ok: true }>> {
  const loaded = await load(yaml)
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded
}

/** The first example of docs/alerts.md. */
function documented(): string {
  const text = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'alerts.md'), 'utf8')
  return /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
}

describe('the configuration', () => {
  test('in its shortest form names a channel', async () => {
    const { config } = await good(
      'alerts:   { slack: "${SLACK_WEBHOOK}", email: { smtp: "smtp://mail.example.com", to: [ops@example.com] } }\n',
    )
    expect(destinationsOf(config.alerts)).toMatchObject([
      { name: 'slack', channel: { type: 'slack', url: ENVIRONMENT.SLACK_WEBHOOK }, kinds: null, team: null },
      { name: 'email', channel: { type: 'email', from: 'weir@mail.example.com', to: ['ops@example.com'] } },
    ])
  })

  test('of the documentation works as it is written', async () => {
    const { config } = await good(documented())
    expect(destinationsOf(config.alerts).map(({ name, team, kinds }) => [name, team, kinds])).toEqual([
      ['webhook', null, null],
      ['slack', null, null],
      ['pagerduty', null, null],
      ['email', null, null],
      ['research.email', 'research', null],
      ['finance.email', null, ['budget_threshold', 'price_change']],
    ])
  })

  test('keeps its secrets to itself, wherever they were written', async () => {
    const { config, secrets } = await good(`${documented()}    - { name: more, slack: 'file:/run/secrets/slack' }\n`)
    const shown = JSON.stringify(redactConfig(config))
    const found = [...Object.values(ENVIRONMENT), 'https://hooks.slack.com/services/T/B/secret']
    for (const secret of found) {
      expect(shown).not.toContain(secret)
      expect(secrets).toContain(secret)
    }
    expect(shown).toContain('ops@example.com')
  })

  test.each([
    ['slack: hooks.slack.com/x', 'expected an http or https URL'],
    ['webhook: { url: "https://a.example" }', 'secret'],
    ['webhook: { url: "https://a.example", secret: short }', 'a secret of 24 characters or more'],
    ['webhook: { url: "https://a.example", secret: "whsec_this is no base64 of anything" }', 'whsec_ with the base64'],
    ['email: { to: [ops@example.com] }', 'there is no mail server for this'],
    ['email: { smtp: "mail.example.com", to: [ops@example.com] }', 'smtp://user:password@mail.example.com:587'],
    ['email: { smtp: "smtp://m.example", to: ["Ops <ops@example.com>"] }', 'an e-mail address such as ops@example.com'],
    ['teams: https://a.example', 'microsoft_teams'],
    ['kinds: [weather]', 'budget_threshold'],
    ['quiet_hours: { from: "25:00", until: "07:00" }', 'a time of day such as "22:00"'],
    ['quiet_hours: { from: "22:00", until: "07:00", time_zone: Mars/Base }', 'a time zone such as Europe/Berlin'],
    ['retry_for: 1s', '1m to 7d'],
    ['recipients: [{ name: a }]', 'no place to be told at'],
    [
      'recipients: [{ name: a, slack: "https://a.example" }, { name: a, discord: "https://a.example" }]',
      'two recipients',
    ],
    ['recipients: [{ name: "a b", slack: "https://a.example" }]', 'letters, digits, dashes and underscores'],
    ['recipients: [{ name: a, email: { to: [a@example.com] } }]', 'there is no mail server for this'],
    ['provider_errors: { share: 30 }', 'a share such as 0.5'],
    ['spend_anomaly: { min_usd: lots }', 'dollars such as 1 or 0.25'],
  ])('`%s` is refused, and says what was expected', async (line, words) => {
    const loaded = await load(`alerts:\n  ${line}\n`)
    expect(loaded.ok).toBe(false)
    const text = loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n')
    expect(text).toContain('/weir.yaml:2:')
    expect(text).toContain(words)
  })

  test('shows no secret in what it says of a wrong one', async () => {
    const loaded = await load(
      'alerts:\n  webhook: { url: "https://a.example/token-in-a-path#x", secret: a-short-secret }\n',
    )
    const text = loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n')
    expect(text).toContain('/weir.yaml:2:')
    expect(text).not.toContain('token-in-a-path')
    expect(text).not.toContain('a-short-secret')
  })
})

describe('quiet hours', () => {
  const night = { from: 22 * 60, until: 7 * 60, timeZone: 'Europe/Berlin' }
  const noon = { from: 12 * 60, until: 13 * 60, timeZone: 'UTC' }

  test.each([
    ['before midnight', night, '2026-11-28T21:30:10Z', '2026-11-29T06:00:00.000Z'],
    ['after midnight', night, '2026-11-29T05:59:59Z', '2026-11-29T06:00:00.000Z'],
    ['over', night, '2026-11-29T06:00:00Z', null],
    ['not begun', night, '2026-11-28T20:59:59Z', null],
    ['within a day', noon, '2026-11-28T12:15:00Z', '2026-11-28T13:00:00.000Z'],
    ['in the night that has an hour less', night, '2026-03-28T22:00:00Z', '2026-03-29T05:00:00.000Z'],
    ['in the night that has an hour more', night, '2026-10-24T22:00:00Z', '2026-10-25T06:00:00.000Z'],
  ])('%s', (_, hours, at, until) => {
    const ends = quietUntil(hours, Date.parse(at))
    expect(ends === null ? null : new Date(ends).toISOString()).toBe(until)
  })

  test('that are not set are never', () => expect(quietUntil(undefined, 0)).toBeNull())
})
