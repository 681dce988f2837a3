// Entry of the command line: the process around `runCli`.
import { systemClock } from '../core/clock.ts'
import { realOutside } from './outside.ts'
import { runCli } from './run.ts'

const outside = realOutside(async (environment) => {
  // The gateway's own entry reads the process: its signals, its environment, its exit code.
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) process.env[name] = value
  await import('../main.ts')
  await new Promise<never>(() => {})
})

// `weir requests list | head`: whoever reads has enough, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  environment: process.env,
  clock: systemClock,
  isTerminal: process.stdout.isTTY,
  colour: process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb',
  outside,
})
