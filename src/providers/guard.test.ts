import { expect, test } from 'bun:test'

import { createGuard } from './guard.ts'
import type { Approval } from './guard.ts'
import { drivenClock } from './simulator/driven-clock.ts'

const hostOf = (host: string): string => new URL(`http://${host}/`).hostname

async function judge(
  host: string,
  allowPrivate: boolean,
  addresses: readonly string[] = [],
  isProxied = false,
): Promise<Approval> {
  const guard = createGuard({ clock: drivenClock(), resolve: async () => addresses })
  return guard.approve({ hostname: hostOf(host), allowPrivate, isProxied })
}

const NEVER = [
  '169.254.169.254',
  '169.254.1.1',
  '[fe80::1]',
  '[::ffff:169.254.169.254]',
  '[::ffff:a9fe:a9fe]',
  '0xA9FEA9FE',
  '2852039166',
  '0251.0376.0251.0376',
  '169.254.43518',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  '[fd00:ec2::254]',
  '[fd20:ce::254]',
  '0.0.0.0',
  '0',
  '[::]',
  '255.255.255.255',
  '224.0.0.1',
  '[ff02::1]',
  '[64:ff9b::a9fe:a9fe]',
  '[2002:a9fe:a9fe::1]',
  '[::ffff:0:169.254.169.254]',
  'metadata.google.internal',
  'METADATA.google.internal.',
  'metadata',
  'instance-data',
]
for (const host of NEVER)
  test(`${host} is refused whatever is allowed`, async () => {
    expect((await judge(host, true)).type).toBe('refused')
    expect((await judge(host, false)).type).toBe('refused')
  })

const PRIVATE = [
  '127.0.0.1',
  '127.1',
  '0x7f.1',
  '2130706433',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '[fc00::1]',
  '[fd12::1]',
  '198.18.0.1',
  '192.0.2.1',
  '[fec0::1]',
  '[64:ff9b::a00:1]',
  '240.0.0.1',
  '[2001:db8::1]',
]
for (const host of PRIVATE)
  test(`${host} is private: refused unless private addresses are allowed`, async () => {
    expect((await judge(host, true)).type).toBe('approved')
    expect((await judge(host, false)).type).toBe('refused')
  })

for (const host of ['8.8.8.8', '[2606:4700::1111]', '[64:ff9b::808:808]'])
  test(`${host} is public`, async () => {
    expect((await judge(host, false)).type).toBe('approved')
  })

test('a name is judged by every address it has', async () => {
  expect((await judge('h.test', false, ['8.8.8.8', '10.0.0.1'])).type).toBe('refused')
  expect((await judge('h.test', true, ['8.8.8.8', '169.254.169.254'])).type).toBe('refused')
  expect((await judge('h.test', true, ['8.8.8.8', 'fe80::1%eth0'])).type).toBe('refused')
  expect((await judge('h.test', true, ['not an address'])).type).toBe('refused')
  expect((await judge('h.test', false, [])).type).toBe('unresolved')
})

test('an address is pinned only where private ones are not allowed and no proxy stands between', async () => {
  expect(await judge('h.test', false, ['8.8.8.8', '1.1.1.1'])).toEqual({ type: 'approved', address: '8.8.8.8' })
  expect(await judge('h.test', true, ['8.8.8.8'])).toEqual({ type: 'approved', address: null })
  expect(await judge('h.test', false, ['8.8.8.8'], true)).toEqual({ type: 'approved', address: null })
})

test('behind a proxy a name that only the proxy knows is fine where private addresses are', async () => {
  const guard = createGuard({ clock: drivenClock(), resolve: () => Promise.reject(new Error('ENOTFOUND')) })
  expect(await guard.approve({ hostname: 'far.internal', allowPrivate: true, isProxied: true })).toEqual({
    type: 'approved',
    address: null,
  })
  expect((await guard.approve({ hostname: 'far.internal', allowPrivate: false, isProxied: true })).type).toBe(
    'unresolved',
  )
  expect((await guard.approve({ hostname: '169.254.169.254', allowPrivate: true, isProxied: true })).type).toBe(
    'refused',
  )
})

test('an approval holds for 30 s without a look-up, and answers at once', async () => {
  const clock = drivenClock()
  let addresses = ['8.8.8.8']
  let lookUps = 0
  const guard = createGuard({
    clock,
    resolve: async () => {
      lookUps++
      return addresses
    },
  })
  const request = { hostname: 'h.test', allowPrivate: false, isProxied: false }
  // Asked twice at once, looked up once.
  await Promise.all([guard.approve(request), guard.approve(request)])
  expect(lookUps).toBe(1)
  clock.advance(29_999)
  expect(guard.approve(request)).toEqual({ type: 'approved', address: '8.8.8.8' })
  addresses = ['127.0.0.1']
  clock.advance(1)
  expect((await guard.approve(request)).type).toBe('refused')
  expect(lookUps).toBe(2)
})

test('an approval for one who may call private addresses is none for one who may not', async () => {
  const guard = createGuard({ clock: drivenClock(), resolve: async () => ['10.0.0.1'] })
  expect((await guard.approve({ hostname: 'h.test', allowPrivate: true, isProxied: false })).type).toBe('approved')
  expect((await guard.approve({ hostname: 'h.test', allowPrivate: false, isProxied: false })).type).toBe('refused')
})

test('a refusal is not remembered: a name that was mended works at once', async () => {
  let addresses: string[] = []
  const guard = createGuard({ clock: drivenClock(), resolve: async () => addresses })
  const request = { hostname: 'new.test', allowPrivate: false, isProxied: false }
  expect((await guard.approve(request)).type).toBe('unresolved')
  addresses = ['8.8.8.8']
  expect((await guard.approve(request)).type).toBe('approved')
})

test('thousands of names do not grow the memory of approvals without bound', async () => {
  let lookUps = 0
  const guard = createGuard({
    clock: drivenClock(),
    resolve: async () => {
      lookUps++
      return ['8.8.8.8']
    },
  })
  const ask = (index: number) => guard.approve({ hostname: `h${index}.test`, allowPrivate: false, isProxied: false })
  for (let index = 0; index <= 10_000; index++) await ask(index)
  await ask(10_000)
  expect(lookUps).toBe(10_001)
  // The oldest was forgotten.
  await ask(0)
  expect(lookUps).toBe(10_002)
})
