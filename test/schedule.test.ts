// What the gateway does by itself: health checks of providers, and drills from time to time.
import { expect, test } from 'bun:test'
import { drivenClock } from '../src/providers/simulator/driven-clock.ts'
import { chunks, completion, eventStream, QUESTION, startGateway, startUpstream } from './gateway.ts'
import type { Upstream } from './gateway.ts'

const checked = (url: string, more = ''): string => `
providers:
  up:
    preset: openai-compatible
    base_url: ${url}/v1
    keys: [an-upstream-secret]
    models: { m: { price: { input: 1, output: 1 } } }
    health_check: { every: 30s, model: m }
routes: { chat: { targets: [up/m], retries: 0 } }
${more}`

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 4_000
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error('it never held')
    await Bun.sleep(2)
  }
}

function startFlaky(isDown: () => boolean): Upstream {
  return startUpstream((_request, _number, body) => {
    if (isDown()) return Response.json({ error: { message: 'down' } }, { status: 500 })
    return body.includes('"stream":true') ? eventStream(chunks(['ready']).join('')) : Response.json(completion('ready'))
  })
}

test('a health check is sent as often as it says, is booked on its own key, and is left out while callers ask', async () => {
  using up = startFlaky(() => false)
  const clock = drivenClock()
  await using weir = await startGateway(checked(up.url), { clock })
  await weir.gateway.schedule.start()
  clock.advance(1_000)
  await until(() => up.received.length === 1)
  await until(() => weir.gateway.load.inFlight === 0)
  for (let second = 0; second < 20; second++) clock.advance(1_000)
  expect(up.received.length).toBe(1)
  // The check itself was an answer of the last minute; a minute later there is none.
  for (let second = 0; second < 45; second++) clock.advance(1_000)
  await until(() => up.received.length === 2)
  await until(() => weir.gateway.load.inFlight === 0)
  expect(up.received[1]?.body).toContain('"max_tokens":16')
  await (await weir.call('/v1/chat/completions', QUESTION)).text()
  for (let second = 0; second < 40; second++) clock.advance(1_000)
  expect(up.received.length).toBe(3)
  await weir.gateway.journal.flush()
  const spent = await weir.store.spend({ by: ['key'], bucket: null, from: 0, to: clock.now() + 3_600_000 })
  expect(spent.find(({ group }) => group.key === 'key_health_check')).toMatchObject({ requests: 2 })
  weir.gateway.schedule.stop()
})

test('a check is the probe that brings a provider back', async () => {
  let isDown = true
  using up = startFlaky(() => isDown)
  const clock = drivenClock()
  await using weir = await startGateway(checked(up.url), { clock })
  for (let count = 0; count < 3; count++)
    await (await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat' })).text()
  expect(weir.gateway.health.states()[0]).toMatchObject({ state: 'cooling' })
  isDown = false
  await weir.gateway.schedule.start()
  clock.advance(2_000)
  await until(() => weir.gateway.health.states()[0]?.state === 'easing')
  expect(up.received.length).toBe(4)
  weir.gateway.schedule.stop()
})

test('a drill is due so long after the last one of its name, also across a start, and never at a start', async () => {
  using up = startFlaky(() => false)
  const clock = drivenClock()
  const yaml = checked(
    up.url,
    "drills: [{ name: weekly, every: 10m, routes: [chat], broken: ['up=503'], for: 1s }]",
  ).replace(/ {4}health_check.*\n/, '')
  await using weir = await startGateway(yaml, { clock })
  await weir.store.putDrill({
    id: 'drill_before',
    startedAt: clock.now() - 570_000,
    endedAt: clock.now() - 569_000,
    state: 'done',
    name: 'weekly',
    on: 'synthetic',
    rounds: [],
  })
  await weir.gateway.schedule.start()
  for (let second = 0; second < 20; second++) clock.advance(1_000)
  expect((await weir.store.listDrills({ limit: 9 })).length).toBe(1)
  for (let second = 0; second < 10; second++) clock.advance(1_000)
  await until(async () => (await weir.store.listDrills({ limit: 9 })).length === 2)
  await until(async () => {
    clock.advance(100)
    return (await weir.store.listDrills({ limit: 1 }))[0]?.state === 'done'
  })
  expect((await weir.store.listDrills({ limit: 1 }))[0]).toMatchObject({
    name: 'weekly',
    rounds: [{ route: 'chat', broken: ['up=503'], survived: false }],
  })
  weir.gateway.schedule.stop()
})
