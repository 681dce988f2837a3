// Process entry: serve until a signal says to stop.
import { parseArgs } from 'node:util'
import { serve, StartError } from './serve.ts'
import type { Running } from './serve.ts'

/** Exit code for what the operator can mend: a wrong configuration, an address in use. */
const EXIT_CANNOT_START = 1
const EXIT_USAGE = 2

const USAGE = `npm start -- [options]

Runs the gateway until SIGTERM or SIGINT; SIGHUP reads the configuration again.

  --config FILE   configuration (default: WEIR_CONFIG, else ./weir.yaml if it is there)
  --help          this text

Environment: WEIR_CONFIG, WEIR_DATA, WEIR_LISTEN, WEIR_ADMIN_LISTEN, WEIR_ADMIN_TOKEN, WEIR_SECRET, WEIR_LOG_LEVEL,
WEIR_LOG_FORMAT, and the providers' keys (OPENAI_API_KEY, …). docs/config.md tells more.

Example: npm start -- --config weir.example.yaml
`

/** The configuration that the command line names; ends the process for `--help` and for words that it does not take. */
function configPathOf(words: readonly string[]): string | null {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
    })
    if (values.help) {
      process.stdout.write(USAGE)
      process.exit(0)
    }
    return values.config ?? null
  } catch (error) {
    process.stderr.write(`weir: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    process.exit(EXIT_USAGE)
  }
}

// `weir serve` imports this file and says everything by the environment: its words are not ours.
const configPath = import.meta.main ? configPathOf(process.argv.slice(2)) : null

/** Null until it serves. Signals are heard from the first moment: what came too early is done as soon as that is possible. */
let running: Running | null = null
let stopping = false

process.on('SIGHUP', () => void running?.reload())
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => {
    // Asked twice, somebody is in a hurry.
    if (stopping) process.exit(1)
    stopping = true
    if (running !== null) void stop(running)
  })

async function stop(gateway: Running): Promise<void> {
  try {
    await gateway.drain()
    process.exit(0)
  } catch (error) {
    process.stderr.write(`weir: the shutdown failed: ${String(error)}\n`)
    process.exit(1)
  }
}

try {
  running = await serve({
    environment: process.env,
    configPath,
    write: (text) => void process.stdout.write(text),
    terminal: process.stdout.isTTY,
  })
} catch (error) {
  if (!(error instanceof StartError)) throw error
  process.stderr.write(`weir: cannot start\n${error.message}\n`)
  process.exit(EXIT_CANNOT_START)
}
// What only the start needed goes now, before the heap has settled around it: some 8 MB less from then on, for 20 ms once.
Bun.gc(true)
Bun.shrink()
if (stopping) await stop(running)
