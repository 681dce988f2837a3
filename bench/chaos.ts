// `npm run soak:chaos`: the long form of the failure matrix and of the outages. Prints its figures; fails where one falls short.
//
//   npm run soak:chaos            all of it: some minutes
//   npm run soak:chaos -- matrix  one of: matrix, death, limits, hedging
import { FAILURES } from '../test/chaos/failures.ts'
import { casesOf, faultsOf, runCase } from '../test/chaos/matrix.ts'
import { deathUnderLoad, hedging, rateLimits } from '../test/chaos/scenarios.ts'

const MATRIX_REQUESTS = 10_000
const COSTLY_REQUESTS = 4
const BATCH = 10
const AT_ONCE = 6

type Line = { readonly what: string; readonly figure: string; readonly isGood: boolean }

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`

async function matrix(): Promise<Line[]> {
  const cases = casesOf(FAILURES)
  const each = Math.ceil(MATRIX_REQUESTS / cases.filter(({ failure }) => failure.isCostly !== true).length)
  const left = [...cases]
  const faults: string[] = []
  let requests = 0
  let met = 0
  let told = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        const seen = await runCase(one, one.failure.isCostly === true ? COSTLY_REQUESTS : each, BATCH)
        requests += seen.requests
        met += seen.met
        told += seen.toldError
        faults.push(...faultsOf(one, seen))
      }
    }),
  )
  for (const fault of faults) process.stdout.write(`  ${fault}\n`)
  return [
    {
      what: 'failure matrix',
      figure: `${cases.length} cases, ${requests} requests, ${met} met the failure`,
      isGood: met > requests / 4,
    },
    {
      what: 'wrong or failed answers that should have been right',
      figure: String(faults.length),
      isGood: faults.length === 0,
    },
    { what: 'broke off after it began under `midstream: error`, well-formed', figure: String(told), isGood: true },
  ]
}

async function death(): Promise<Line[]> {
  const seen = await deathUnderLoad({ requests: 500, deadMs: 6_000 })
  return [
    {
      what: 'provider dies under 500 requests: answered',
      figure: `${seen.answered} of ${seen.requests}`,
      isGood: seen.answered === seen.requests,
    },
    {
      what: 'slowest hundredth, beyond the fallback’s own',
      figure: `${seen.addedP99Ms.toFixed(0)} ms (connect timeout 2000 ms)`,
      isGood: seen.addedP99Ms <= 2_000,
    },
    { what: 'extra attempts at the dead provider', figure: percent(seen.extraShare), isGood: seen.extraShare <= 0.2 },
    {
      what: 'probes while it was dead',
      figure: `${seen.probes} in ${seen.cooldowns} cooldowns`,
      isGood: seen.probes <= seen.cooldowns,
    },
    {
      what: 'half of the traffic is back',
      figure: `${seen.backMs.toFixed(0)} ms after the recovery`,
      isGood: seen.backMs <= 10_000,
    },
  ]
}

async function limits(): Promise<Line[]> {
  const lines: Line[] = []
  for (const [name, options] of [
    ['3 × 60 a minute, 170 offered', { burst: 10, seconds: 180 }],
    ['3 × 60 a minute, 240 offered', { burst: 10, seconds: 90, offeredPerMinute: 240 }],
  ] as const) {
    const seen = await rateLimits(options)
    const isOver = 'offeredPerMinute' in options
    lines.push(
      {
        what: `${name}: answered`,
        figure: `${seen.answered} of ${seen.offered}, ${seen.clientRefusals} refused`,
        isGood: isOver || seen.answered / seen.offered >= 0.995,
      },
      {
        what: `${name}: of what could be had`,
        figure: percent(seen.throughputShare),
        isGood: seen.throughputShare >= (isOver ? 0.95 : 0.97),
      },
      {
        what: `${name}: 429s of providers once learned`,
        figure: percent(seen.upstreamRefusedShare),
        isGood: seen.upstreamRefusedShare <= 0.02,
      },
    )
  }
  return lines
}

async function hedges(): Promise<Line[]> {
  const seen = await hedging({ requests: 5_000 })
  return [
    {
      what: 'time to the first token, p99',
      figure: `${seen.plainP99Ms.toFixed(0)} ms, hedged ${seen.hedgedP99Ms.toFixed(0)} ms`,
      isGood: true,
    },
    { what: 'cut by hedging at p95', figure: percent(seen.cutShare), isGood: seen.cutShare >= 0.4 },
    { what: 'extra requests', figure: percent(seen.extraShare), isGood: seen.extraShare <= 0.05 },
  ]
}

const PARTS: Readonly<Record<string, () => Promise<Line[]>>> = { matrix, death, limits, hedging: hedges }

const asked = process.argv.slice(2)
const unknown = asked.find((name) => !Object.hasOwn(PARTS, name))
if (unknown !== undefined) {
  process.stderr.write(`there is no part ${unknown}; there are ${Object.keys(PARTS).join(', ')}\n`)
  process.exit(2)
}
let isGood = true
for (const name of asked.length === 0 ? Object.keys(PARTS) : asked) {
  process.stdout.write(`${name}\n`)
  for (const line of (await PARTS[name]?.()) ?? []) {
    isGood &&= line.isGood
    process.stdout.write(`  ${line.isGood ? 'ok    ' : 'SHORT '} ${line.what}: ${line.figure}\n`)
  }
}
process.exit(isGood ? 0 : 1)
