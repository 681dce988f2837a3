// `npm run bench:translation`: what a translated stream costs beside a native one, in one run of one gateway, in turn.
import { parseArgs } from 'node:util'
import { showOthers, watchOthers } from './contention.ts'
import { showSpread, spreadOf, table } from './figures.ts'
import { postBytes } from './http-client.ts'
import { type Aim, startLoad } from './load.ts'
import {
  cpuMs,
  demandLinux,
  describeMachine,
  pause,
  pinLoad,
  scratchFolder,
  startGateway,
  startScript,
} from './processes.ts'
import { streamRequest } from './wire.ts'

const HELP = `npm run bench:translation -- [options]

Measures the gateway's CPU per event of a stream that an OpenAI client gets of an OpenAI-compatible host, as it is, and of
a host that speaks Anthropic's format, translated.

  --rounds N   rounds, native and translated in turn (default 5)
  --quick      one short round: whether it works, not how fast it is
  --json       figures as JSON on standard output
  --help       this text

Fails when a translated event costs more than 45 µs and more than three times a native one.
Example: npm run bench:translation -- --rounds 9`

const STREAMS = 100
const STREAM = { gapMs: 5, events: 104, idle: false, marked: false }
const SETTLE_MS = 700
/** The aim: a translated event costs at most so much, or so many native ones. */
const MOST_MICROS = 45
const MOST_RATIO = 3

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

function say(text: string): void {
  if (!values.json) process.stdout.write(`${text}\n`)
}

/** CPU µs of the gateway for each event that clients received. */
async function eventMicros(pid: number, aim: Aim, warmMs: number, windowMs: number): Promise<number> {
  const load = await startLoad(aim, STREAMS)
  await pause(warmMs)
  const before = { cpu: cpuMs(pid), events: load.counts.events }
  await pause(windowMs)
  const cpu = cpuMs(pid) - before.cpu
  const events = load.counts.events - before.events
  await load.stop()
  if (load.counts.failures > 0 || events === 0)
    throw new Error(`${load.counts.failures} failed requests of ${load.counts.answers}`)
  return (cpu * 1000) / events
}

async function main(): Promise<void> {
  if (values.help) return say(HELP)
  demandLinux()
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds takes a whole number above 0, not '${values.rounds}'.`)
  const [warmMs, windowMs] = values.quick ? [500, 700] : [6000, 3000]
  pinLoad()
  const machine = describeMachine()
  for (const [name, value] of Object.entries(machine)) say(`${name}: ${value}`)
  const folder = scratchFolder()
  const mock = await startScript(folder, 'load', 'bench/mock.ts')
  const gateway = await startGateway(folder, `http://127.0.0.1:${mock.port}/gateway/v1`)
  const aimOf = (model: string): Aim => ({
    port: gateway.port,
    request: postBytes('/v1/chat/completions', gateway.authorization, streamRequest(model, STREAM)),
    numberAt: null,
  })
  const lanes = [
    { name: 'native', aim: aimOf('mock/m'), micros: [] as number[] },
    { name: 'translated', aim: aimOf('claude/m'), micros: [] as number[] },
  ]
  const others = watchOthers({ system: [gateway.pid], load: [mock.pid, process.pid] })
  for (const { aim } of lanes) await eventMicros(gateway.pid, aim, 0, warmMs)
  for (let round = 1; round <= rounds; round++)
    for (const { name, aim, micros } of lanes) {
      micros.push(await eventMicros(gateway.pid, aim, SETTLE_MS, windowMs))
      say(`round ${round} of ${rounds}, ${name}: ${micros.at(-1)?.toFixed(1)} µs / event`)
    }
  const othersShare = others()
  const [native = [], translated = []] = lanes.map(({ micros }) => micros)
  const ratios = translated.map((micros, index) => micros / (native[index] ?? Number.NaN))
  const [micros, ratio] = [spreadOf(translated), spreadOf(ratios)]
  say(
    `\n${table([
      ['CPU µs / event', 'native', 'translated', 'ratio'],
      [
        `${STREAMS} streams, ${STREAM.gapMs} ms apart`,
        showSpread(spreadOf(native), 1),
        showSpread(micros, 1),
        showSpread(ratio, 2),
      ],
    ])}`,
  )
  say(`\nother programs' share of a core: ${showOthers(othersShare)}`)
  if (values.json)
    process.stdout.write(`${JSON.stringify({ machine, rounds, othersShare, native, translated, ratios }, null, 2)}\n`)
  await gateway.stop()
  await mock.stop()
  if (micros.median > MOST_MICROS && ratio.median > MOST_RATIO)
    throw new Error(`A translated event costs more than ${MOST_MICROS} µs and more than ${MOST_RATIO} native ones.`)
}

process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))
await main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
