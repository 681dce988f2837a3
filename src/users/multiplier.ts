// How a group's multiplier is written: a decimal number of at most six places.
const MILLION = 1_000_000n
/** A thousand times the cost: beyond it a multiplier is a slip of the pen. */
const MOST = 1_000n * MILLION

/** `1.25` → 1_250_000n; null: no such number, or below 0 or above 1000. */
export function parseMultiplier(written: string): bigint | null {
  const match = /^(\d{1,5})(?:\.(\d{1,6}))?$/.exec(written.trim())
  if (match === null) return null
  const millionths = BigInt(match[1] ?? '0') * MILLION + BigInt((match[2] ?? '').padEnd(6, '0'))
  return millionths > MOST ? null : millionths
}

/** As `parseMultiplier` reads it. */
export function writeMultiplier(millionths: bigint): string {
  const fraction = (millionths % MILLION).toString().padStart(6, '0').replace(/0+$/, '')
  return `${millionths / MILLION}${fraction === '' ? '' : `.${fraction}`}`
}
