import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import path from 'node:path'
import { SMTPServer } from 'smtp-server'
import { Webhook } from 'standardwebhooks'
import { configOf } from '../config/testing.ts'
import { ALERT_KINDS, type Alert } from '../core/alert.ts'
import { systemClock } from '../core/clock.ts'
import { isObject } from '../core/json.ts'
import type { PostResult } from '../providers/post.ts'
import { drivenClock } from '../providers/simulator/driven-clock.ts'
import { type Channel, destinationsOf } from './destinations.ts'
import { KINDS } from './kinds.ts'
import { type Message, messageOf } from './message.ts'
import { type PostedChannel, postOf } from './posts.ts'
import { createSend } from './send.ts'
import { thresholdAlert } from './testing.ts'

const AT = Date.UTC(2026, 10, 28, 12)
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const NAMED = { name: 'research', teamId: 'team_1', teamName: 'research' }

function aMessage(name = 'research', alert: Alert = thresholdAlert(AT)): Message {
  return messageOf({ id: 'alert_1', incidentId: 'alert_1', alert }, { ...NAMED, name })
}

const CHANNELS: Readonly<Record<PostedChannel['type'], PostedChannel>> = {
  webhook: { type: 'webhook', url: 'https://ops.example.com/weir?tenant=1', secret: SECRET },
  slack: { type: 'slack', url: 'https://hooks.slack.com/services/T/B/x' },
  microsoft_teams: { type: 'microsoft_teams', url: 'https://example.webhook.office.com/1' },
  discord: { type: 'discord', url: 'https://discord.com/api/webhooks/1/x' },
  pagerduty: { type: 'pagerduty', url: 'https://events.pagerduty.com/v2/enqueue', key: 'R0UT1NGKEY' },
}

const bodyOf = (channel: PostedChannel, message = aMessage()): Record<string, unknown> =>
  JSON.parse(postOf(message, channel, AT).body) as Record<string, unknown>

describe('a webhook', () => {
  test('tells who, what and the facts, under one id', () => {
    const { url, headers } = postOf(aMessage(), CHANNELS.webhook, AT)
    expect(url).toBe('https://ops.example.com/weir?tenant=1')
    expect(headers).toMatchObject({ 'idempotency-key': 'alert_1', 'webhook-id': 'alert_1' })
    expect(bodyOf(CHANNELS.webhook)).toEqual({
      id: 'alert_1',
      kind: 'budget_threshold',
      severity: 'warning',
      is_over: false,
      incident: 'alert_1',
      at: '2026-11-28T12:00:00.000Z',
      subject: { scope: 'team', id: 'team_1', name: 'research', team: 'team_1' },
      title: '80 % of the budget of the team research are spent',
      text: '$8 of $10 are spent. It does not reset by itself.',
      data: { budget: 'b', share: 0.8, limit_usd: '10', spent_usd: '8', resets_at: null, on_exhausted: 'reject' },
    })
  })

  const now = Date.now()

  test.each([
    ['whsec_ and base64', SECRET, new Webhook(SECRET)],
    ['plain text', 'correct horse battery staple', new Webhook('correct horse battery staple', { format: 'raw' })],
  ])('signed with a secret of %s passes the verification of Standard Webhooks', (_, secret, verifier) => {
    const { body, headers } = postOf(aMessage(), { ...CHANNELS.webhook, secret } as PostedChannel, now)
    expect(verifier.verify(body, headers)).toEqual(JSON.parse(body))
  })

  test.each([
    ['another body', { body: '{}' }],
    ['another id', { headers: { 'webhook-id': 'alert_2' } }],
    ['a later moment', { headers: { 'webhook-timestamp': String(Math.floor(now / 1_000) + 1) } }],
  ])('that was changed to %s does not pass', (_, change: { body?: string; headers?: Record<string, string> }) => {
    const { body, headers } = postOf(aMessage(), CHANNELS.webhook, now)
    expect(() => new Webhook(SECRET).verify(change.body ?? body, { ...headers, ...change.headers })).toThrow()
  })

  test('that is sent again later does not pass either', () => {
    const { body, headers } = postOf(aMessage(), CHANNELS.webhook, now - 10 * 60_000)
    expect(() => new Webhook(SECRET).verify(body, headers)).toThrow('Message timestamp too old')
  })
})

describe('a name that calls people or leads elsewhere', () => {
  const HOSTILE = '<!channel> @everyone [click](https://evil.example) *bold*\r\nBcc: all@example.com'

  test('is plain text in Slack', () => {
    const body = bodyOf(CHANNELS.slack, aMessage(HOSTILE))
    expect(JSON.stringify(body['text'])).not.toContain('<!')
    expect(JSON.stringify(body)).not.toContain('\\r')
  })

  test('calls nobody in Discord', () => {
    const body = bodyOf(CHANNELS.discord, aMessage(HOSTILE))
    expect(body['allowed_mentions']).toEqual({ parse: [] })
    expect(JSON.stringify(body)).not.toContain('[click](')
  })

  test('is no link in Teams', () => {
    expect(JSON.stringify(bodyOf(CHANNELS.microsoft_teams, aMessage(HOSTILE)))).not.toContain('[click](')
  })
})

test('events of PagerDuty have one key for all tries, and its words for severity', () => {
  const body = bodyOf(CHANNELS.pagerduty)
  expect(body).toMatchObject({ routing_key: 'R0UT1NGKEY', event_action: 'trigger', dedup_key: 'alert_1' })
  expect(body['payload']).toMatchObject({ severity: 'warning', source: 'weir', component: 'team/team_1' })
})

test('the end of an outage resolves the incident that its beginning opened, and is no alarm', () => {
  const alert: Alert = {
    kind: 'provider_errors',
    subject: { scope: 'provider', id: 'openai' },
    threshold: '',
    window: { from: AT, until: AT + 3_600_000 },
    at: AT,
    facts: { failed: 1, attempts: 50, share: 0.02, minutes: 5 },
    isOver: true,
  }
  const message = messageOf({ id: 'alert_2', incidentId: 'alert_1', alert }, { ...NAMED, name: null })
  expect(bodyOf(CHANNELS.pagerduty, message)).toMatchObject({ event_action: 'resolve', dedup_key: 'alert_1' })
  expect(bodyOf(CHANNELS.webhook, message)).toMatchObject({
    id: 'alert_2',
    severity: 'info',
    is_over: true,
    incident: 'alert_1',
    title: 'The provider openai answers again',
  })
  expect(bodyOf(CHANNELS.slack, message)['text']).toBe('✅ The provider openai answers again')
})

test('long words are cut to what each format takes', () => {
  const facts = { title: 'T'.repeat(5_000), text: 'x'.repeat(20_000), data: {}, html: null, attachments: [] }
  const alert: Alert = {
    kind: 'report',
    subject: { scope: 'gateway', id: '' },
    threshold: '',
    window: { from: AT, until: null },
    at: AT,
    facts,
  }
  for (const channel of Object.values(CHANNELS)) {
    const texts = textsOf(bodyOf(channel, messageOf({ id: 'alert_1', incidentId: 'alert_1', alert }, NAMED)))
    const longest = Math.max(...texts.map((text) => text.length))
    if (channel.type !== 'webhook' && channel.type !== 'pagerduty') expect(longest).toBeLessThanOrEqual(10_000)
  }
})

test('every kind is in the list and has its row', () => {
  expect([...ALERT_KINDS].toSorted()).toEqual(Object.keys(KINDS).toSorted() as (typeof ALERT_KINDS)[number][])
})

test('docs/alerts.md tells of each kind in the words of the table', () => {
  const text = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'alerts.md'), 'utf8')
  const told = [...text.matchAll(/^\| `(\w+)` +\| (.+?) +\|/gm)].map(
    ([, kind = '', when = '']) => [kind, when] as const,
  )
  const known = Object.entries(KINDS).map(([kind, { when }]) => [kind, when] as const)
  // Tests are asked for, and not told.
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(known.filter(([kind]) => kind !== 'test')))
})

describe('what a receiver answers', () => {
  const answering = (result: PostResult) =>
    createSend({ post: async () => result, clock: systemClock })(aMessage(), CHANNELS.slack)

  test.each([
    [{ status: 204, problem: null, retryAfterMs: null }, { type: 'delivered' }],
    [
      { status: 400, problem: 'no', retryAfterMs: null },
      { type: 'failed', isRefusal: true },
    ],
    [
      { status: 404, problem: 'gone', retryAfterMs: null },
      { type: 'failed', isRefusal: false },
    ],
    [
      { status: 429, problem: 'later', retryAfterMs: 5 },
      { type: 'failed', isRefusal: false, retryAfterMs: 5 },
    ],
    [
      { status: null, problem: 'down', retryAfterMs: null },
      { type: 'failed', isRefusal: false, problem: 'down' },
    ],
  ] as const)('%j', async (result, sent) => {
    expect(await answering(result)).toMatchObject(sent)
  })
})

describe('an e-mail', () => {
  const mails: { readonly to: readonly string[]; readonly raw: string }[] = []
  let isFull = false
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      let raw = ''
      stream.on('data', (piece: Buffer) => (raw += piece.toString()))
      stream.on('end', () => {
        if (isFull) return done(Object.assign(new Error('mailbox full'), { responseCode: 452 }))
        mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), raw })
        done()
      })
    },
  })
  beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)))
  afterAll(() => new Promise<void>((resolve) => server.close(resolve)))

  const send = createSend({ post: () => Promise.reject(new Error('no post here')), clock: systemClock })
  const channel = (): Channel => {
    const { port } = server.server.address() as AddressInfo
    const email = { smtp: `smtp://127.0.0.1:${port}`, to: ['ops@example.com', 'cfo@example.com'] }
    return destinationsOf(configOf({ alerts: { email } }).alerts)[0]!.channel
  }

  test('goes to all recipients, with an id that each try shares', async () => {
    expect(await send(aMessage('café\r\nBcc: all@example.com'), channel())).toEqual({ type: 'delivered' })
    const mail = mails.at(-1)
    expect(mail?.to).toEqual(['ops@example.com', 'cfo@example.com'])
    expect(mail?.raw).toContain('Message-ID: <alert_1@weir>')
    expect(mail?.raw).not.toMatch(/^Bcc:/m)
    expect(mail?.raw).toContain('From: weir@127.0.0.1')
  })

  test('carries the HTML and the files of a report', async () => {
    const attachments = [{ name: 'spend.csv', contentType: 'text/csv', text: 'team,cost_usd\n' }]
    const alert: Alert = {
      kind: 'report',
      subject: { scope: 'gateway', id: '' },
      threshold: 'weekly',
      window: { from: AT, until: null },
      at: AT,
      facts: {
        title: 'Spend of the week',
        text: 'All of it.',
        data: { total_usd: '1' },
        html: '<h1>Spend</h1>',
        attachments,
      },
    }
    await send(messageOf({ id: 'alert_2', incidentId: 'alert_2', alert }, NAMED), channel())
    const raw = mails.at(-1)?.raw ?? ''
    expect(raw).toContain('Subject: Spend of the week')
    expect(raw).toContain('<h1>Spend</h1>')
    expect(raw).toContain('filename=spend.csv')
    expect(
      JSON.parse(postOf(messageOf({ id: 'alert_2', incidentId: 'alert_2', alert }, NAMED), CHANNELS.webhook, AT).body),
    ).toMatchObject({
      data: { title: 'Spend of the week', data: { total_usd: '1' } },
    })
  })

  test('that the server does not take is tried again', async () => {
    isFull = true
    expect(await send(aMessage(), channel())).toMatchObject({
      type: 'failed',
      isRefusal: false,
      problem: expect.stringContaining('mailbox full'),
    })
    isFull = false
  })

  test('whose server says nothing is not waited for any longer', async () => {
    const clock = drivenClock()
    const sockets: Socket[] = []
    const silent = createServer((socket) => void sockets.push(socket))
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const slow = createSend({ post: () => Promise.reject(new Error('no post here')), clock })
    const sending = slow(aMessage(), { ...channel(), smtp: `smtp://127.0.0.1:${port}` } as Channel)
    const sent = await clock.run(sending)
    for (const socket of sockets) socket.destroy()
    silent.close()
    expect(sent).toMatchObject({ type: 'failed', problem: 'the mail server took longer than 30 s' })
  })

  test('without a server is tried again', async () => {
    const sent = await send(aMessage(), { ...channel(), smtp: 'smtp://127.0.0.1:1' } as Channel)
    expect(sent).toMatchObject({ type: 'failed', problem: expect.stringContaining('ECONNREFUSED') })
  })
})

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(textsOf)
  return isObject(value) ? Object.values(value).flatMap(textsOf) : []
}
