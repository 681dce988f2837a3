// Outages as they come: a provider that dies under load, providers with real rate limits, providers that are sometimes slow.
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { chunks, completion, eventStream, startGateway, startUpstream } from '../gateway.ts'
import type { TestGateway } from '../gateway.ts'

export type DeathFigures = {
  readonly requests: number
  readonly answered: number
  /** What the slowest hundredth took longer than the fallback itself takes. */
  readonly addedP99Ms: number
  /** Attempts at the dying provider beyond one a request, as a share of the requests. */
  readonly extraShare: number
  readonly probes: number
  readonly cooldowns: number
  /** From its recovery until half of the traffic is there again. */
  readonly backMs: number
}

const CHAT = '/v1/chat/completions'
const QUESTION = { model: 'chat', messages: [{ role: 'user', content: 'Say hello' }] }
const ANSWER = JSON.stringify(completion('hello'))
const ANSWER_BYTES = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

async function timed(
  weir: TestGateway,
  body: object,
): Promise<{ readonly ms: number; readonly status: number; readonly target: string | null }> {
  const began = performance.now()
  const response = await weir.call(CHAT, body)
  await response.text()
  return { ms: performance.now() - began, status: response.status, target: response.headers.get('x-weir-target') }
}

/** A provider that answers slowly, then resets every connection, then answers again. */
async function mortalProvider() {
  let isDead = false
  let requests = 0
  const sockets = new Set<{ resetAndDestroy(): void }>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', () => {
      requests++
      if (isDead) socket.resetAndDestroy()
      else setTimeout(() => socket.destroyed || socket.write(ANSWER_BYTES), 400)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    die() {
      isDead = true
      for (const socket of sockets) socket.resetAndDestroy()
    },
    recover: () => (isDead = false),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.resetAndDestroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export async function deathUnderLoad({ requests = 500, deadMs = 3_000 } = {}): Promise<DeathFigures> {
  await using mortal = await mortalProvider()
  using healthy = startUpstream(() => Response.json(completion('hello')))
  await using weir = await startGateway(`
providers:
  one: { preset: openai-compatible, base_url: "${mortal.url}/v1", keys: [a-first-secret], models: { m: {} } }
  two: { preset: openai-compatible, base_url: "${healthy.url}/v1", keys: [a-second-secret], models: { m: {} } }
routes:
  chat: { targets: [one/m, two/m] }
  alone: { targets: [two/m] }
timeouts: { connect: 2s, first_token: 10s, idle: 10s, total: 30s }
log: { level: error, requests: false }
`)
  // What the fallback takes for as many at once: the machine's share of it is not the gateway's doing.
  const plain = await Promise.all(Array.from({ length: requests }, () => timed(weir, { ...QUESTION, model: 'alone' })))
  const asking = Promise.all(Array.from({ length: requests }, () => timed(weir, QUESTION)))
  const until = performance.now() + 10_000
  while (mortal.requests() < requests && performance.now() < until) await Bun.sleep(5)
  const sent = mortal.requests()
  const diedAt = performance.now()
  mortal.die()
  const answers = await asking
  const allDoneMs = performance.now() - diedAt
  const afterDeath = mortal.requests()
  // Some traffic goes on while it is dead.
  const lateAnswers: { readonly status: number }[] = []
  while (performance.now() - diedAt < deadMs) {
    lateAnswers.push(await timed(weir, QUESTION))
    await Bun.sleep(10)
  }
  const probes = mortal.requests() - afterDeath
  const cooldowns = weir.gateway.health.states().find(({ deployment }) => deployment === 'one/m')?.cooldowns ?? 0
  mortal.recover()
  const backMs = await timeUntilBack(weir)
  return {
    requests,
    answered: [...answers, ...lateAnswers].filter(({ status }) => status === 200).length - lateAnswers.length,
    addedP99Ms: Math.max(
      0,
      allDoneMs -
        quantile(
          plain.map(({ ms }) => ms),
          0.99,
        ),
    ),
    extraShare: Math.max(0, afterDeath - sent) / requests,
    probes,
    cooldowns,
    backMs,
  }
}

async function timeUntilBack(weir: TestGateway): Promise<number> {
  const began = performance.now()
  while (performance.now() - began < 15_000) {
    const batch = await Promise.all(Array.from({ length: 20 }, () => timed(weir, QUESTION)))
    if (batch.filter(({ target }) => target === 'one/m').length >= 10) break
    await Bun.sleep(50)
  }
  return performance.now() - began
}

export type LimitFigures = {
  readonly offered: number
  readonly answered: number
  readonly clientRefusals: number
  /** Answered a minute, as a share of what the limits together grant, or of what was offered where that is less. */
  readonly throughputShare: number
  /** 429s of the providers among all that was sent to them, once each had answered ten times. */
  readonly upstreamRefusedShare: number
}

/** A provider with a real token bucket that says what is left. */
function limitedProvider(perMinute: number, burst: number) {
  let left = burst
  let atMs = performance.now()
  const counts = { sent: 0, refused: 0, refusedAfterTen: 0, sentAfterTen: 0 }
  const upstream = startUpstream(() => {
    const nowMs = performance.now()
    left = Math.min(burst, left + ((nowMs - atMs) * perMinute) / 60_000)
    atMs = nowMs
    const isRefused = left < 1
    if (!isRefused) left -= 1
    const isLearned = counts.sent >= 10
    counts.sent++
    if (isLearned) counts.sentAfterTen++
    if (isRefused) {
      counts.refused++
      if (isLearned) counts.refusedAfterTen++
    }
    const headers = {
      'x-ratelimit-limit-requests': String(perMinute),
      'x-ratelimit-remaining-requests': String(Math.floor(left)),
      'x-ratelimit-reset-requests': `${(((burst - left) / perMinute) * 60).toFixed(3)}s`,
    }
    return isRefused
      ? Response.json({ error: { message: 'slow down' } }, { status: 429, headers: { ...headers, 'retry-after': '1' } })
      : Response.json(completion('hello'), { headers })
  })
  return { upstream, counts }
}

type LimitOptions = {
  readonly perMinute?: number
  readonly offeredPerMinute?: number
  readonly seconds?: number
  /** What a provider takes at once. */
  readonly burst?: number
}

/** Three providers of so many requests a minute, and a steady offer for `seconds`. */
export async function rateLimits(options: LimitOptions = {}): Promise<LimitFigures> {
  const { perMinute = 60, offeredPerMinute = 170, seconds = 60, burst = 60 } = options
  const providers = [1, 2, 3].map(() => limitedProvider(perMinute, burst))
  await using weir = await startGateway(`
providers:
${providers.map(({ upstream }, index) => `  p${index}: { preset: openai-compatible, base_url: "${upstream.url}/v1", keys: [a-secret-value-${index}], models: { m: {} } }`).join('\n')}
routes:
  chat: { targets: [p0/m, p1/m, p2/m] }
log: { level: error, requests: false }
`)
  try {
    const began = performance.now()
    const asked: Promise<{ readonly status: number }>[] = []
    const gapMs = 60_000 / offeredPerMinute
    const offered = Math.round((seconds * 1_000) / gapMs)
    for (let index = 0; index < offered; index++) {
      const waitMs = began + index * gapMs - performance.now()
      if (waitMs > 0) await Bun.sleep(waitMs)
      asked.push(timed(weir, QUESTION))
    }
    const answers = await Promise.all(asked)
    const minutes = (performance.now() - began) / 60_000
    const answered = answers.filter(({ status }) => status === 200).length
    const granted = 3 * (burst + perMinute * minutes)
    const sum = (pick: (counts: (typeof providers)[number]['counts']) => number): number =>
      providers.reduce((total, { counts }) => total + pick(counts), 0)
    return {
      offered,
      answered,
      clientRefusals: answers.filter(({ status }) => status === 429 || status === 503).length,
      throughputShare: answered / Math.min(granted, offered),
      upstreamRefusedShare:
        sum(({ refusedAfterTen }) => refusedAfterTen) /
        Math.max(
          1,
          sum(({ sentAfterTen }) => sentAfterTen),
        ),
    }
  } finally {
    for (const { upstream } of providers) upstream[Symbol.dispose]()
  }
}

export type HedgeFigures = {
  readonly plainP99Ms: number
  readonly hedgedP99Ms: number
  readonly cutShare: number
  /** Second attempts as a share of the requests. */
  readonly extraShare: number
}

/** Two alike providers of which one answer in fifty starts late. */
export async function hedging({
  requests = 2_000,
  together = 8,
  usualMs = 15,
  slowMs = 1_000,
} = {}): Promise<HedgeFigures> {
  let number = 0
  const provider = () =>
    startUpstream(async () => {
      // Evenly one in fifty, and in no step with the targets.
      const isSlow = ++number % 50 === 17
      await Bun.sleep(isSlow ? slowMs : usualMs)
      return eventStream(chunks(['hello']).join(''))
    })
  const p99s: number[] = []
  let extraShare = 0
  for (const hedge of ['', 'hedge_after_ms: p95']) {
    using one = provider()
    using two = provider()
    await using weir = await startGateway(`
providers:
  one: { preset: openai-compatible, base_url: "${one.url}/v1", keys: [a-first-secret], models: { m: {} } }
  two: { preset: openai-compatible, base_url: "${two.url}/v1", keys: [a-second-secret], models: { m: {} } }
routes:
  chat: { targets: [one/m, two/m], ${hedge} }
log: { level: error, requests: false }
`)
    const times: number[] = []
    let left = requests
    await Promise.all(
      Array.from({ length: together }, async () => {
        while (left-- > 0) times.push(await timeToFirstWord(weir))
      }),
    )
    p99s.push(quantile(times.slice(100), 0.99))
    extraShare = (one.received.length + two.received.length - requests) / requests
  }
  const [plainP99Ms = 0, hedgedP99Ms = 0] = p99s
  return { plainP99Ms, hedgedP99Ms, cutShare: 1 - hedgedP99Ms / plainP99Ms, extraShare }
}

async function timeToFirstWord(weir: TestGateway): Promise<number> {
  const began = performance.now()
  const response = await weir.call(CHAT, { ...QUESTION, stream: true })
  const reader = response.body!.getReader()
  await reader.read()
  const ms = performance.now() - began
  while (!(await reader.read()).done);
  return ms
}
