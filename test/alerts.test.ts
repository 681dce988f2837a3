// Alerts through whole gateways: what happens in them reaches a receiver, signed, once and in order, over crashes, outages of
// the receiver and several processes.
import { describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { messageOf } from '../src/alerts/message.ts'
import { postOf } from '../src/alerts/posts.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { SECRET, startReceiver } from './alerts/receiver.ts'
import { completion, providerAt, QUESTION, startGateway, startUpstream } from './gateway.ts'
import { ROOT, startProcess, temporaryFolder } from './process.ts'
import { teamOf } from '../src/core/testing.ts'

const to = (url: string): string => `alerts: { webhook: { url: "${url}", secret: ${SECRET} } }\n`

test('a credential that a provider refuses is told once, and so is that it works again', async () => {
  using receiver = startReceiver()
  let isGood = false
  using upstream = startUpstream(() =>
    isGood ? Response.json(completion()) : Response.json({ error: { message: 'Incorrect API key' } }, { status: 401 }),
  )
  await using gateway = await startGateway(providerAt(upstream.url, to(receiver.url)))
  gateway.gateway.alerts.start()
  for (let index = 0; index < 3; index++) await gateway.call('/v1/chat/completions', QUESTION)
  await receiver.when(() => receiver.messages.length > 0)
  expect(receiver.messages).toMatchObject([
    {
      kind: 'credential_bad',
      severity: 'critical',
      title: 'The credential up#1 is not accepted any more',
      subject: { scope: 'credential', id: 'up#1' },
      data: { provider: 'up' },
    },
  ])
  isGood = true
  await gateway.call('/v1/chat/completions', QUESTION)
  await receiver.when(() => receiver.messages.length > 1)
  expect(receiver.messages[1]).toMatchObject({
    title: 'The credential up#1 is accepted again',
    is_over: true,
    incident: receiver.messages[0]?.id,
  })
  expect(JSON.stringify(receiver.messages)).not.toContain('upstream-secret-value')
})

describe('a budget', () => {
  // One answer costs $0.00002.
  const budget = (limit: string): string =>
    `budgets: [{ scope: team, window: month, limit_usd: "${limit}", on_exhausted: alert }]\n`

  test('tells each threshold that a request reaches, by the name of its team', async () => {
    using receiver = startReceiver()
    using upstream = startUpstream(() => Response.json(completion()))
    await using gateway = await startGateway(providerAt(upstream.url, to(receiver.url) + budget('0.0001')))
    gateway.gateway.alerts.start()
    await gateway.store.insertTeam(teamOf())
    const key = await gateway.issue({ teamId: 'team_1' })
    for (let index = 0; index < 7; index++) await gateway.call('/v1/chat/completions', QUESTION, { key })
    await receiver.when(() => receiver.messages.length === 3)
    expect(receiver.messages.map(({ title }) => title)).toEqual([
      '50 % of the budget of the team research are spent',
      '80 % of the budget of the team research are spent',
      'The budget of the team research is used up',
    ])
    expect(receiver.messages[2]).toMatchObject({
      subject: { scope: 'team', id: 'team_1', name: 'research', team: 'team_1' },
      data: { share: 1, limit_usd: '0.0001', spent_usd: '0.0001', on_exhausted: 'alert' },
    })
  })

  test('tells it after `kill -9` of the process that had booked it, once', async () => {
    let isDown = true
    using receiver = startReceiver(() => (isDown ? 'no' : 'yes'))
    using upstream = startUpstream(() => Response.json(completion()))
    using folder = temporaryFolder()
    const yaml = providerAt(
      upstream.url,
      `${to(receiver.url)}budgets: [{ scope: gateway, window: month, limit_usd: "0.00004", on_exhausted: alert }]\n`,
    )
    writeFileSync(path.join(folder.path, 'weir.yaml'), yaml)
    const environment = { WEIR_ADMIN_TOKEN: 'an-admin-token-of-some-length' }
    const gateway = startProcess({ folder: folder.path, environment })
    const { url, adminUrl } = await gateway.ready()
    const made = await fetch(`${adminUrl}/admin/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${environment.WEIR_ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'test' }),
    })
    const { secret } = (await made.json()) as { secret: string }
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify(QUESTION),
    })
    expect(answer.status).toBe(200)
    // The answer came, so the entry is durable, and with it what is to be told.
    gateway.kill('SIGKILL')
    await gateway.ended
    isDown = false
    await using again = startProcess({ folder: folder.path, environment })
    await again.ready()
    await receiver.when(() => receiver.messages.length > 0)
    expect(receiver.unique()).toMatchObject([{ kind: 'budget_threshold', data: { share: 0.5, spent_usd: '0.00002' } }])
  }, 60_000)
})

test('the receiver of docs/alerts.md takes a message once, and none that is forged', async () => {
  const text = readFileSync(path.join(ROOT, 'docs', 'alerts.md'), 'utf8')
  const snippet = /```js\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
  const script = snippet.replace(
    '.listen(9000)',
    `.listen(0, '127.0.0.1', function () { console.log('port ' + this.address().port) })`,
  )
  const child = spawn(process.execPath, ['-e', script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, WEIR_WEBHOOK_SECRET: SECRET },
  })
  try {
    let out = ''
    const port = await new Promise<string>((resolve) =>
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        out += piece
        const found = /port (\d+)/.exec(out)?.[1]
        if (found !== undefined) resolve(found)
      }),
    )
    const send = async (secret: string): Promise<number> => {
      const channel = { type: 'webhook', url: `http://127.0.0.1:${port}/`, secret } as const
      const { url, headers, body } = postOf(testMessage(), channel, Date.now())
      return (await fetch(url, { method: 'POST', headers, body })).status
    }
    const statuses = [await send(SECRET), await send(SECRET), await send('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')]
    expect(statuses).toEqual([204, 204, 401])
    expect(out.match(/This is a test/g)).toHaveLength(1)
  } finally {
    child.kill('SIGKILL')
  }
})

function testMessage() {
  const alert = {
    kind: 'test',
    subject: { scope: 'gateway', id: '' },
    threshold: '',
    window: { from: 0, until: null },
    at: 0,
    facts: { by: 'a test' },
  } as const
  return messageOf({ id: 'alert_1', incidentId: 'alert_1', alert }, { name: null, teamId: null, teamName: null })
}

/** Time runs so much faster in the processes. */
const FACTOR = 100
const DEAD_MS = 10 * 60_000

test('two processes on one store, a receiver that is dead for ten minutes, and `kill -9` between its yes and our note: each threshold once, in order', async () => {
  const started = Date.now()
  const nowMs = (): number => (Date.now() - started) * FACTOR
  let phase: 'dead' | 'silent' | 'alive' = 'dead'
  const taken = Promise.withResolvers<void>()
  using receiver = startReceiver(
    () => {
      if (phase === 'alive') return 'yes'
      if (phase === 'silent' || nowMs() < DEAD_MS) return 'no'
      // It takes this one; who sent it will never hear of it.
      phase = 'silent'
      taken.resolve()
      return 'silence'
    },
    { isFast: true },
  )
  using folder = temporaryFolder()
  const file = path.join(folder.path, 'weir.db')
  await using a = startDelivering(file, 'a', started, receiver.url, 50)
  await using b = startDelivering(file, 'b', started, receiver.url, 40)
  await Promise.all([a.booked, b.booked])
  await taken.promise
  expect(receiver.refused.count).toBeGreaterThan(3)
  expect(receiver.messages).toHaveLength(1)
  await Promise.all([a.kill(), b.kill()])
  phase = 'alive'
  await using c = startDelivering(file, 'c', started, receiver.url, 30)
  await using d = startDelivering(file, 'd', started, receiver.url, 20)
  await receiver.when(() => receiver.unique().length === 10)
  await Promise.all([c.booked, d.booked])
  const store = openSqliteStore({ path: file, sync: 'process' })
  const { data } = await store.listAlerts({ cursor: null, limit: 100 })
  expect(receiver.unique().map(({ id }) => id)).toEqual(data.map(({ id }) => id).toReversed())
  // What it had said yes to came once more, under the id that it knew.
  expect(receiver.messages.filter(({ id }) => id === receiver.messages[0]?.id)).toHaveLength(2)
  expect(new Set(receiver.unique().map((message) => message.data['share'])).size).toBe(10)
  expect(await store.countEntries()).toBe(50 + 40 + 30 + 20)
  await store.close()
}, 60_000)

function startDelivering(file: string, name: string, started: number, receiver: string, entries: number) {
  const script = path.join(ROOT, 'test', 'alerts', 'process.ts')
  const words = [script, file, name, String(FACTOR), String(started), receiver, String(entries)]
  const child = spawn(process.execPath, words, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()))
  const booked = new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('error', reject)
    void ended.then(() => reject(new Error(`${name} ended before it had booked its entries`)))
  })
  booked.catch(() => {})
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  return { booked, kill, [Symbol.asyncDispose]: kill }
}
