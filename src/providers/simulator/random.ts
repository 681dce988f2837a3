// Chance as a function of its inputs: the same parts give the same draws, on every machine.
import { createHash } from 'node:crypto'

/** Draws a number in [0, 1). */
export type Random = () => number

/** A skewed distribution as operators know it: half are below `median`, one in a hundred is above `p99`. */
export type Spread = { readonly median: number; readonly p99: number }

// 99th percentile of the standard normal distribution.
const Z99 = 2.3263478740408408

/** A generator seeded with all `parts`: a digest of them fills the state of sfc32. */
export function randomOf(...parts: readonly (string | number)[]): Random {
  const digest = createHash('sha256')
  // The length before each part keeps ('ab', 'c') and ('a', 'bc') apart.
  for (const part of parts.map(String)) digest.update(`${part.length}:`).update(part)
  const state = digest.digest()
  let a = state.readInt32LE(0)
  let b = state.readInt32LE(4)
  let c = state.readInt32LE(8)
  let counter = 1
  return () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / 2 ** 32
  }
}

/** A lognormal draw with this median and 99th percentile. */
export function lognormal(random: Random, { median, p99 }: Spread): number {
  // Box–Muller; 1 - u keeps the logarithm off zero.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return median * Math.exp((Math.log(p99 / median) / Z99) * normal)
}

/** One element of a list that is not empty. */
export function pick<T>(random: Random, list: readonly [T, ...T[]]): T
export function pick<T>(random: Random, list: readonly T[]): T | undefined
export function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)]
}

const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Letters and digits, as in the ids of answers and tool calls. */
export function identifier(random: Random, length: number): string {
  return Array.from({ length }, () => ID_ALPHABET[Math.floor(random() * ID_ALPHABET.length)]).join('')
}
