// What the schema alone cannot see of `alerts:`.
import { type Finding, mapping } from './finding.ts'

/** Recipients of one name, recipients without any place, and e-mail without a mail server. */
export function checkAlerts(root: Readonly<Record<string, unknown>>): Finding[] {
  const alerts = mapping(root['alerts'])
  const { recipients } = alerts
  const common = mapping(alerts['email'])['smtp']
  const findings: Finding[] = []
  const report = (path: readonly (string | number)[], message: string, hint: string): void =>
    void findings.push({ path: ['alerts', ...path], at: 'value', message, hint })
  const checkEmail = (email: unknown, path: readonly (string | number)[]): void => {
    if (email === undefined || typeof mapping(email)['smtp'] === 'string' || typeof common === 'string') return
    report(path, 'there is no mail server for this', 'Set `alerts.email.smtp`, or `smtp` here.')
  }
  checkEmail(alerts['email'], ['email'])
  if (!Array.isArray(recipients)) return findings
  const seen = new Set<unknown>()
  recipients.forEach((written: unknown, index) => {
    const { name, email, team: _team, kinds: _kinds, ...others } = mapping(written)
    if (seen.has(name)) report(['recipients', index, 'name'], 'there are two recipients of this name', 'Rename one.')
    seen.add(name)
    if (email === undefined && Object.keys(others).length === 0)
      report(
        ['recipients', index],
        'this recipient has no place to be told at',
        'Add webhook, slack, microsoft_teams, discord, pagerduty or email.',
      )
    checkEmail(email, ['recipients', index, 'email'])
  })
  return findings
}
