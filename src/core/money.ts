// Money is integers. Prices in pico-dollars per unit, amounts in nano-dollars; floats exist only in what is displayed.

/** 1e-9 dollars. */
export type NanoUsd = bigint

export const PICO_PER_NANO = 1_000n
const NANO_PER_USD = 1_000_000_000n
/** What stands before the digits of an amount below a dollar, by the number of zeros after the point. */
const LEADING = ['0.', '0.0', '0.00', '0.000', '0.0000', '0.00000', '0.000000', '0.0000000', '0.00000000']

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
  // Nearly every amount: cents of one request, written without big-integer divisions.
  if (nano >= 0n && nano < NANO_PER_USD) {
    let units = Number(nano)
    if (units === 0) return '0'
    let places = 9
    while (units % 10 === 0) {
      units /= 10
      places--
    }
    const digits = String(units)
    return LEADING[places - digits.length] + digits
  }
  const sign = nano < 0n ? '-' : ''
  const amount = nano < 0n ? -nano : nano
  const fraction = (amount % NANO_PER_USD).toString().padStart(9, '0').replace(/0+$/, '')
  return `${sign}${amount / NANO_PER_USD}${fraction === '' ? '' : `.${fraction}`}`
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
