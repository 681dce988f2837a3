// Money is integers. Prices in pico-dollars per unit, amounts in nano-dollars; floats exist only in what is displayed.

/** 1e-9 dollars. */
export type NanoUsd = bigint

export const PICO_PER_NANO = 1_000n
const NANO_PER_USD = 1_000_000_000n
const NANOS = Number(NANO_PER_USD)
const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER)
/** What stands before the digits of a fraction, by the number of zeros after the point. */
const LEADING = ['.', '.0', '.00', '.000', '.0000', '.00000', '.000000', '.0000000', '.00000000']

/** Pico-dollars to nano-dollars, rounded half up (away from zero for negative amounts). */
export function nanoFromPico(pico: bigint): NanoUsd {
  return pico >= 0n ? (pico + 500n) / PICO_PER_NANO : -((-pico + 500n) / PICO_PER_NANO)
}

/** An amount times a factor in millionths, rounded half up (away from zero for negative amounts). */
export function timesMillionths(nano: NanoUsd, millionths: bigint): NanoUsd {
  const product = nano * millionths
  return product >= 0n ? (product + 500_000n) / 1_000_000n : -((-product + 500_000n) / 1_000_000n)
}

/** Exact decimal dollars of an amount, without trailing zeros: `1500000n` → `"0.0015"`. */
export function formatUsd(nano: NanoUsd): string {
  // Nearly every amount is below nine million dollars, which a double holds exactly: no big-integer divisions.
  if (nano >= 0n && nano <= MAX_EXACT) {
    const units = Number(nano)
    const fraction = units % NANOS
    return decimal(String((units - fraction) / NANOS), fraction)
  }
  const amount = nano < 0n ? -nano : nano
  return decimal(`${nano < 0n ? '-' : ''}${amount / NANO_PER_USD}`, Number(amount % NANO_PER_USD))
}

/** `fraction` in billionths. */
function decimal(whole: string, fraction: number): string {
  if (fraction === 0) return whole
  let digits = fraction
  let places = 9
  while (digits % 10 === 0) {
    digits /= 10
    places--
  }
  const text = String(digits)
  return whole + LEADING[places - text.length] + text
}

/**
 * Parses decimal dollars (`"0.15"`, `3`, `2.5e-7`) into units of 10^-`digits` dollars, exactly.
 * Returns null when the text is no decimal number; what is finer than a unit is rounded half up.
 */
export function parseUsd(text: string | number, digits: number): bigint | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i.exec(String(text).trim())
  if (match === null) return null
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  if (whole === '' && fraction === '') return null
  const scale = digits + Number(exponent) - fraction.length
  const mantissa = BigInt(whole + fraction)
  let units: bigint
  if (scale >= 0) units = mantissa * 10n ** BigInt(scale)
  else {
    const divisor = 10n ** BigInt(-scale)
    units = (mantissa + divisor / 2n) / divisor
  }
  return sign === '-' ? -units : units
}
