// What the strategies do with real answers: a whole gateway, mock upstreams over loopback. `npm run bench:strategies`; the
// tests run the same with fewer requests and a clock that is driven.
import type { Clock } from '../src/core/clock.ts'
import { completion, QUESTION, startGateway, startUpstream } from '../test/gateway.ts'
import type { TestGateway, Upstream } from '../test/gateway.ts'
import { quantile, table } from './figures.ts'

/** The real clock, which may be set forward. */
export type PushedClock = Clock & { push(ms: number): void }

export function pushedClock(): PushedClock {
  let pushedMs = 0
  return {
    now: () => Date.now() + pushedMs,
    monotonicMs: () => performance.now() + pushedMs,
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs)
      return () => clearTimeout(timer)
    },
    push: (ms) => void (pushedMs += ms),
  }
}

type Mock = {
  readonly upstream: Upstream
  delayMs: () => number
  inFlight: number
}

function startMock(delayMs: () => number): Mock {
  const mock: Mock = {
    delayMs,
    inFlight: 0,
    upstream: startUpstream(async () => {
      mock.inFlight++
      await new Promise((resolve) => setTimeout(resolve, mock.delayMs()))
      mock.inFlight--
      return Response.json(completion())
    }),
  }
  return mock
}

function yamlOf(mocks: readonly Mock[], route: string): string {
  const providers = mocks.map(
    ({ upstream }, index) =>
      `  p${index}: { preset: openai-compatible, base_url: "${upstream.url}/v1", keys: [a-key-of-the-bench], models: { m: {} } }`,
  )
  return `log: { requests: false }\nproviders:\n${providers.join('\n')}\nroutes: { chat: ${route} }\n`
}

async function targetOf(weir: TestGateway): Promise<string> {
  const response = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'chat' })
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`answered ${response.status}`)
  return response.headers.get('x-weir-target') ?? ''
}

export type FastestResult = {
  /** Requests until nine of ten in a row went to the faster target. */
  readonly foundAfter: number
  /** After the two have swapped their speeds: until the same holds again, ms of the gateway's clock. */
  readonly followedMs: number
  /** Of the requests of the first part, to the slower target. */
  readonly slowShare: number
}

/** Two targets, one slow; after `requests` requests they swap. One request every `paceMs` of the gateway's clock. */
export async function runFastest(options: {
  readonly requests: number
  readonly fastMs: number
  readonly slowMs: number
  readonly paceMs: number
  readonly limitMs: number
}): Promise<FastestResult> {
  const { requests, fastMs, slowMs, paceMs, limitMs } = options
  const clock = pushedClock()
  const mocks = [startMock(() => slowMs), startMock(() => fastMs)] as const
  using _slow = mocks[0].upstream
  using _fast = mocks[1].upstream
  await using weir = await startGateway(yamlOf(mocks, '{ strategy: fastest, targets: [p0/m, p1/m] }'), { clock })
  const next = async (): Promise<string> => {
    const target = await targetOf(weir)
    clock.push(paceMs)
    return target
  }
  const first: string[] = []
  for (let index = 0; index < requests; index++) first.push(await next())
  mocks[0].delayMs = () => fastMs
  mocks[1].delayMs = () => slowMs
  const swappedMs = clock.monotonicMs()
  const second: string[] = []
  while (clock.monotonicMs() - swappedMs < limitMs && !settled(second, 'p0/m')) second.push(await next())
  return {
    foundAfter: foundAfter(first, 'p1/m'),
    followedMs: settled(second, 'p0/m') ? clock.monotonicMs() - swappedMs : Number.POSITIVE_INFINITY,
    slowShare: first.filter((target) => target === 'p0/m').length / first.length,
  }
}

function settled(targets: readonly string[], wanted: string): boolean {
  const last = targets.slice(-10)
  return last.length === 10 && last.filter((target) => target === wanted).length >= 9
}

function foundAfter(targets: readonly string[], wanted: string): number {
  for (let count = 10; count <= targets.length; count++) if (settled(targets.slice(0, count), wanted)) return count
  return Number.POSITIVE_INFINITY
}

/** Largest over smallest number in flight among equal targets, 99th percentile of the samples. */
export async function runLeastBusy(options: {
  readonly targets: number
  readonly clients: number
  readonly requests: number
  readonly delayMs: number
}): Promise<number> {
  const { targets, clients, requests, delayMs } = options
  const mocks = Array.from({ length: targets }, () => startMock(() => delayMs * (0.5 + Math.random())))
  const route = `{ strategy: least-busy, targets: [${mocks.map((_, index) => `p${index}/m`).join(', ')}] }`
  await using weir = await startGateway(yamlOf(mocks, route))
  const ratios: number[] = []
  let begun = 0
  const sample = setInterval(() => {
    const counts = mocks.map(({ inFlight }) => inFlight)
    if (begun > clients * 2 && begun < requests) ratios.push(Math.max(...counts) / Math.max(1, Math.min(...counts)))
  }, 10)
  try {
    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (begun < requests) {
          begun++
          await targetOf(weir)
        }
      }),
    )
  } finally {
    clearInterval(sample)
    for (const { upstream } of mocks) upstream[Symbol.dispose]()
  }
  return quantile(ratios, 0.99)
}

/** Largest distance of a target's share from its weight, in shares. */
export async function runWeighted(weights: readonly number[], requests: number): Promise<number> {
  const mocks = weights.map(() => startMock(() => 0))
  const targets = weights.map((weight, index) => `{ use: p${index}/m, weight: ${weight} }`).join(', ')
  await using weir = await startGateway(yamlOf(mocks, `{ strategy: weighted, targets: [${targets}] }`))
  for (let index = 0; index < requests; index++) await targetOf(weir)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const off = mocks.map(({ upstream }, index) =>
    Math.abs(upstream.received.length / requests - weights[index]! / total),
  )
  for (const { upstream } of mocks) upstream[Symbol.dispose]()
  return Math.max(...off)
}

if (import.meta.main) {
  const real = await runFastest({ requests: 200, fastMs: 20, slowMs: 100, paceMs: 0, limitMs: 60_000 })
  const busy = await runLeastBusy({ targets: 4, clients: 200, requests: 6_000, delayMs: 200 })
  const off = await runWeighted([7, 2, 1], 10_000)
  console.log(
    table([
      ['what', 'measured', 'goal'],
      ['fastest: requests until the faster of two is found', String(real.foundAfter), '≤ 50'],
      ['fastest: seconds until a swap is followed', (real.followedMs / 1_000).toFixed(1), '≤ 30'],
      ['fastest: share of requests at the slower one', `${(real.slowShare * 100).toFixed(1)} %`, ''],
      ['least-busy: largest over smallest in flight (p99)', busy.toFixed(2), '≤ 1.3'],
      ['weighted: distance from the weights, 10,000 requests', `${(off * 100).toFixed(3)} %`, '≤ 1 %'],
    ]),
  )
}
