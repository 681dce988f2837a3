import { describe, expect, test } from 'bun:test'
import type { Alert } from '../core/alert.ts'
import type { Sent } from './send.ts'
import { HOUR, startBench, thresholdAlert } from './testing.ts'

const SLACK = { slack: 'https://hooks.example.com/services/T/B/x' }
const BOTH = {
  ...SLACK,
  webhook: { url: 'https://ops.example.com/weir', secret: 'a secret of more than 24 characters' },
}
const FAILED: Sent = { type: 'failed', problem: 'it answered 503', isRefusal: false, retryAfterMs: null }
const REFUSED: Sent = { type: 'failed', problem: 'it answered 400', isRefusal: true, retryAfterMs: null }

const MINUTE = 60_000

describe('what is raised', () => {
  test('reaches each destination once, in order', async () => {
    await using bench = startBench(BOTH)
    const outbox = bench.outbox()
    const at = bench.clock.now()
    for (const threshold of ['0.5', '0.8', '1'])
      expect(await outbox.raise(thresholdAlert(at, { threshold }))).toBe(true)
    outbox.start()
    await bench.until(() => bench.taken.length >= 6)
    await bench.pass(HOUR)
    for (const channel of ['slack', 'webhook'])
      expect(bench.taken.filter((one) => one.channel === channel).map(({ message }) => message.id)).toEqual(
        await idsInOrder(bench.store),
      )
    expect(bench.tries).toHaveLength(6)
    expect(outbox.state()).toEqual({
      waiting: 0,
      oldestMs: 0,
      ended: [
        { destination: 'slack', outcome: 'delivered', count: 3 },
        { destination: 'webhook', outcome: 'delivered', count: 3 },
      ],
    })
    expect(bench.errors).toEqual([])
  })

  test('twice under one key is one alert; another window or threshold is another', async () => {
    await using bench = startBench(SLACK)
    const outbox = bench.outbox()
    outbox.start()
    const at = bench.clock.now()
    const window = { from: at + HOUR, until: at + 2 * HOUR }
    const answers = [
      await outbox.raise(thresholdAlert(at)),
      await outbox.raise(thresholdAlert(at + 1)),
      await outbox.raise(thresholdAlert(at, { window })),
      await outbox.raise(thresholdAlert(at, { threshold: '1' })),
    ]
    expect(answers).toEqual([true, false, true, true])
    await bench.pass(MINUTE)
    expect(bench.tries).toHaveLength(3)
  })

  test('without any destination is kept and goes nowhere', async () => {
    await using bench = startBench({})
    const outbox = bench.outbox()
    outbox.start()
    await outbox.raise(thresholdAlert(bench.clock.now()))
    await bench.pass(MINUTE)
    expect((await bench.store.listAlerts({ cursor: null, limit: 10 })).data).toMatchObject([{ deliveries: [] }])
    expect(outbox.state().waiting).toBe(0)
  })
})

describe('a receiver', () => {
  test('that is dead for ten minutes gets everything once and in order when it is back', async () => {
    const backMs = 10 * MINUTE
    await using bench = startBench(SLACK, (_channel, _message, clock) =>
      clock.monotonicMs() < backMs ? FAILED : { type: 'delivered' },
    )
    const outbox = bench.outbox()
    outbox.start()
    for (const threshold of ['0.5', '0.8', '1']) {
      await outbox.raise(thresholdAlert(bench.clock.now(), { threshold }))
      await bench.pass(MINUTE)
    }
    expect(bench.taken).toEqual([])
    expect(outbox.state().waiting).toBe(3)
    expect(outbox.state().oldestMs).toBeGreaterThan(2 * MINUTE)
    await bench.until(() => bench.taken.length === 3)
    expect(bench.clock.monotonicMs()).toBeLessThan(backMs + 7 * MINUTE)
    await bench.pass(HOUR)
    expect(bench.taken.map(({ message }) => message.id)).toEqual(await idsInOrder(bench.store))
    // Pauses grow: not hundreds of tries, and none of a later message before the first one went through.
    expect(bench.tries.length).toBeLessThan(20)
  })

  test('that refuses one message as such gets the next ones', async () => {
    await using bench = startBench(SLACK, (_channel, message) =>
      message.title.startsWith('50') ? REFUSED : { type: 'delivered' },
    )
    const outbox = bench.outbox()
    outbox.start()
    const at = bench.clock.now()
    const { facts } = thresholdAlert(at) as Extract<ReturnType<typeof thresholdAlert>, { kind: 'budget_threshold' }>
    await outbox.raise(thresholdAlert(at, { threshold: '0.5', facts: { ...facts, share: 0.5 } }))
    await outbox.raise(thresholdAlert(at))
    await bench.until(() => bench.taken.length === 1)
    expect(bench.tries).toHaveLength(5)
    expect(bench.log.at(-2)).toMatchObject({ type: 'given_up', problem: 'it answered 400' })
    expect(bench.clock.monotonicMs()).toBeLessThan(MINUTE)
  })

  test('that never comes back is given up after `retry_for`', async () => {
    await using bench = startBench({ ...SLACK, retry_for: '2h' }, () => FAILED)
    const outbox = bench.outbox()
    outbox.start()
    await outbox.raise(thresholdAlert(bench.clock.now()))
    await bench.until(() => bench.log.at(-1)?.type === 'given_up')
    expect(bench.clock.monotonicMs()).toBeWithin(1.9 * HOUR, 2 * HOUR)
    const [alert] = (await bench.store.listAlerts({ cursor: null, limit: 1 })).data
    expect(alert?.deliveries).toMatchObject([{ state: 'given_up', problem: 'it answered 503' }])
  })

  test('that asks to be left alone is', async () => {
    await using bench = startBench(SLACK, (_channel, _message, clock) =>
      clock.monotonicMs() < 1_000 ? { ...FAILED, retryAfterMs: 9 * MINUTE } : { type: 'delivered' },
    )
    const outbox = bench.outbox()
    outbox.start()
    await outbox.raise(thresholdAlert(bench.clock.now()))
    await bench.until(() => bench.taken.length === 1)
    expect(bench.taken[0]?.atMs).toBeWithin(9 * MINUTE, 9 * MINUTE + 2_000)
    expect(bench.tries).toHaveLength(2)
  })

  test('that the configuration does not name any more is given up', async () => {
    let alerts: object = SLACK
    await using bench = startBench(SLACK, () => FAILED)
    const { configOf } = await import('../config/testing.ts')
    const outbox = bench.outbox({ config: () => configOf({ alerts }).alerts })
    outbox.start()
    await outbox.raise(thresholdAlert(bench.clock.now()))
    await bench.until(() => bench.tries.length === 1)
    alerts = {}
    await bench.until(() => bench.log.at(-1)?.type === 'given_up')
    expect(bench.tries).toHaveLength(1)
  })
})

test('an alert that cannot be put into words is logged, and holds up nobody', async () => {
  await using bench = startBench(SLACK)
  const outbox = bench.outbox()
  const broken = { ...thresholdAlert(bench.clock.now()), facts: null } as unknown as Alert
  await outbox.raise(broken)
  await outbox.raise(thresholdAlert(bench.clock.now(), { threshold: '1' }))
  outbox.start()
  await bench.until(() => bench.taken.length === 1)
  expect(bench.errors).toHaveLength(1)
})

describe('a crash', () => {
  test('between the receiver’s yes and our note of it: the next process sends the same id again', async () => {
    await using bench = startBench(SLACK)
    const store = { ...bench.store, endDelivery: () => Promise.reject(new Error('the process died here')) }
    const first = bench.outbox({ store })
    first.start()
    await first.raise(thresholdAlert(bench.clock.now()))
    await bench.until(() => bench.taken.length === 1)
    await first.stop()
    const second = bench.outbox()
    second.start()
    await second.raise(thresholdAlert(bench.clock.now(), { threshold: '1' }))
    await bench.until(() => bench.taken.length === 3)
    await bench.pass(HOUR)
    const ids = bench.taken.map(({ message }) => message.id)
    expect(ids).toEqual([ids[0]!, ...(await idsInOrder(bench.store))])
  })

  test('before anything was planned loses nothing', async () => {
    await using bench = startBench(SLACK)
    await bench.outbox().raise(thresholdAlert(bench.clock.now()))
    bench.outbox().start()
    await bench.until(() => bench.taken.length === 1)
  })
})

test('several processes on one store deliver each message once, in order', async () => {
  await using bench = startBench(BOTH, async () => {
    await new Promise((resolve) => setImmediate(resolve))
    return { type: 'delivered' }
  })
  const outboxes = [bench.outbox(), bench.outbox(), bench.outbox()]
  for (const outbox of outboxes) outbox.start()
  for (let index = 0; index < 30; index++)
    await outboxes[index % 3]!.raise(thresholdAlert(bench.clock.now(), { threshold: String(Math.floor(index / 2)) }))
  await bench.until(() => bench.taken.length >= 30)
  await bench.pass(HOUR)
  const ids = await idsInOrder(bench.store)
  expect(ids).toHaveLength(15)
  for (const channel of ['slack', 'webhook'])
    expect(bench.tries.filter((one) => one.channel === channel).map(({ message }) => message.id)).toEqual(ids)
})

describe('quiet hours', () => {
  const QUIET = { ...SLACK, quiet_hours: { from: '22:00', until: '07:00', time_zone: 'Europe/Berlin' } }

  test('hold what can wait, let pass what is urgent, and give the rest in order', async () => {
    await using bench = startBench(QUIET)
    // The clock begins at midnight UTC, which is one o'clock in Berlin.
    const outbox = bench.outbox()
    outbox.start()
    const at = bench.clock.now()
    const { facts } = thresholdAlert(at) as Extract<ReturnType<typeof thresholdAlert>, { kind: 'budget_threshold' }>
    await outbox.raise(thresholdAlert(at, { threshold: '0.5' }))
    await outbox.raise(thresholdAlert(at, { threshold: '0.8' }))
    await outbox.raise(thresholdAlert(at, { threshold: '1', facts: { ...facts, share: 1 } }))
    await bench.until(() => bench.taken.length === 1)
    expect(bench.taken[0]?.message.severity).toBe('critical')
    expect(bench.clock.monotonicMs()).toBeLessThan(MINUTE)
    await bench.until(() => bench.taken.length === 3)
    expect(bench.taken[1]?.atMs).toBeWithin(6 * HOUR, 6 * HOUR + 2_000)
    const ids = await idsInOrder(bench.store)
    expect(bench.taken.slice(1).map(({ message }) => message.id)).toEqual(ids.slice(0, 2))
  })
})

describe('recipients', () => {
  const EMAIL = { smtp: 'smtp://127.0.0.1:1', to: ['ops@example.com'] }

  test.each([
    ['a team gets what is its own', { recipients: [{ name: 'lead', team: 'team_1', ...SLACK }] }, ['lead.slack']],
    ['another team gets nothing of it', { recipients: [{ name: 'lead', team: 'team_2', ...SLACK }] }, []],
    ['kinds are a choice', { ...SLACK, kinds: ['report'], email: EMAIL }, []],
    [
      'each that takes the kind gets it',
      {
        ...SLACK,
        recipients: [{ name: 'money', kinds: ['budget_threshold'], email: { to: ['cfo@example.com'] } }],
        email: EMAIL,
      },
      ['email', 'money.email', 'slack'],
    ],
  ])('%s', async (_, alerts, expected) => {
    await using bench = startBench(alerts)
    const outbox = bench.outbox()
    outbox.start()
    await outbox.raise(thresholdAlert(bench.clock.now()))
    await bench.pass(MINUTE)
    const [alert] = (await bench.store.listAlerts({ cursor: null, limit: 1 })).data
    expect(alert?.deliveries.map(({ destination }) => destination)).toEqual(expected)
  })

  test('an alert that names its recipients goes to them alone', async () => {
    await using bench = startBench({ ...SLACK, recipients: [{ name: 'money', kinds: ['test'], ...SLACK }] })
    const outbox = bench.outbox()
    outbox.start()
    await outbox.raise(thresholdAlert(bench.clock.now(), { recipients: ['money'] }))
    await bench.pass(MINUTE)
    const [alert] = (await bench.store.listAlerts({ cursor: null, limit: 1 })).data
    expect(alert?.deliveries.map(({ destination }) => destination)).toEqual(['money.slack'])
  })
})

async function idsInOrder(store: ReturnType<typeof startBench>['store']): Promise<string[]> {
  const { data } = await store.listAlerts({ cursor: null, limit: 100 })
  return data.map(({ id }) => id).toReversed()
}
