// Did other programs use the cores while something was measured? Then the figures say more about them.
import { readFileSync } from 'node:fs'
import { CORES, cpuMs } from './processes.ts'

/** Above this share of a core, delays are no longer those of what is measured. */
export const DISTURBED_SHARE = 0.1

/** The processes of the bench, by the core that they are pinned to. */
export type Pinned = { readonly system: readonly number[]; readonly load: readonly number[] }

/**
 * Begins to watch the cores. The returned function gives the share of the worse one that went to other programs since then,
 * interrupts included; null where nothing is pinned and it cannot be told.
 */
export function watchOthers(pinned: Pinned): () => number | null {
  const cores = CORES
  if (cores === null) return () => null
  const read = () => ({
    at: performance.now(),
    system: othersMs(cores.system, pinned.system),
    load: othersMs(cores.load, pinned.load),
  })
  const before = read()
  return () => {
    const after = read()
    return Math.max(0, after.system - before.system, after.load - before.load) / (after.at - before.at)
  }
}

// Busy time of a core without that of our own processes, ms.
function othersMs(core: string, pids: readonly number[]): number {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  const [user = 0, nice = 0, system = 0, , , interrupt = 0, softInterrupt = 0, steal = 0] = line.split(' ').map(Number)
  const own = pids.reduce((sum, pid) => sum + cpuMs(pid), 0)
  return (user + nice + system + interrupt + softInterrupt + steal) * 10 - own
}

export function showOthers(share: number | null): string {
  if (share === null) return 'unknown (nothing is pinned)'
  return `${(share * 100).toFixed(0)} %${share > DISTURBED_SHARE ? ': too much, repeat this on a quiet machine' : ''}`
}
