// A command as tests run it: without colours, with what it said; what is outside is real unless a test says otherwise.
import { systemClock } from '../core/clock.ts'
import type { CliContext } from './command.ts'
import { type Outside, realOutside } from './outside.ts'
import { runCli } from './run.ts'

export type Ran = { readonly code: number; readonly out: string; readonly err: string }

export async function runWords(
  words: readonly string[],
  how: Pick<CliContext, 'environment'> &
    Partial<Pick<CliContext, 'clock' | 'isTerminal'>> & { readonly outside?: Partial<Outside> },
): Promise<Ran> {
  let out = ''
  let err = ''
  const code = await runCli(words, {
    clock: systemClock,
    ...how,
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    colour: false,
    outside: { ...realOutside(async () => {}), ...how.outside },
  })
  return { code, out, err }
}

/** Time that stands still. */
export function clockAt(now: number): CliContext['clock'] {
  return { now: () => now, monotonicMs: () => 0, after: () => () => {} }
}
