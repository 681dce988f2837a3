// The words of a text as hashed buckets: one and two words in a row, and four characters in a row where asked for. Bounded, and the same everywhere.

/** Distinct buckets, and 1 + ln(count) for each. The order means nothing. */
export type Ngrams = { readonly buckets: Int32Array; readonly weights: Float32Array }

export const BUCKETS = 65_536
const MASK = BUCKETS - 1
const FEWEST_DISTINCT = 192
/** More than this is no text that anybody wrote: the rest of its buckets are left out. */
const MOST_DISTINCT = 12_288

const WORD_SEED = 0x1b873593
const PAIR_SEED = 0x2545f491
const CHARACTER_SEED = 0x68e31da4

const SPACE = 0
const LETTER = 1
/** A token by itself: a mark, or a character of a script that writes no spaces. */
const SINGLE = 2

/** Kinds of the ASCII characters, and their small letters: a look-up is twice as fast as the comparisons. */
const ASCII_KINDS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[a-z0-9]/i.test(String.fromCharCode(code)) ? LETTER : code <= 32 ? SPACE : SINGLE,
)
const ASCII_LOWER = Uint8Array.from({ length: 128 }, (_, code) => String.fromCharCode(code).toLowerCase().charCodeAt(0))
const BEYOND_ASCII = /[^\0-\x7f]/

const MOST_COUNTED = 4_095
const WEIGHTS = Float32Array.from({ length: MOST_COUNTED + 1 }, (_, count) => (count <= 1 ? 1 : 1 + Math.log(count)))

// Scratch: `COUNTS` is all zeros between two calls, and `SEEN` means nothing then. Made for each call, they would cost more than the text.
const COUNTS = new Uint16Array(BUCKETS)
const SEEN = new Int32Array(MOST_DISTINCT)

/** Buckets of a text (a sample: see `sampleOf`). Case does not count. */
export function ngramsOf(text: string, { characters }: { readonly characters: boolean }): Ngrams {
  // Only other scripts have letters whose small form takes a table, or another number of characters.
  const lower = BEYOND_ASCII.test(text) ? text.toLowerCase() : text
  const distinct = count(lower, characters, mostDistinct(lower.length * (characters ? 2 : 1)))
  const buckets = SEEN.slice(0, distinct)
  const weights = new Float32Array(distinct)
  for (let entry = 0; entry < distinct; entry++) {
    const bucket = buckets[entry]!
    weights[entry] = WEIGHTS[COUNTS[bucket]!]!
    COUNTS[bucket] = 0
  }
  return { buckets, weights }
}

/** Prose has half as many words and pairs as characters; three quarters of the next power of two is room for all but marks. */
function mostDistinct(expected: number): number {
  const atLeast = (FEWEST_DISTINCT * 4) / 3
  const power = 2 ** (32 - Math.clz32(Math.max(atLeast, expected) - 1))
  return Math.min(MOST_DISTINCT, power * 0.75)
}

/** Counts into `COUNTS`; the distinct buckets stand in `SEEN` from 0 to what is returned. */
function count(lower: string, characters: boolean, most: number): number {
  let distinct = 0
  let word = 0
  let previous = 0
  let last = 0
  for (let index = 0; index < lower.length; index++) {
    let code = lower.charCodeAt(index)
    let kind: number
    if (code < 0x80) {
      kind = ASCII_KINDS[code]!
      code = ASCII_LOWER[code]!
    } else kind = kindBeyondAscii(code)
    if (kind === LETTER) word = (Math.imul(word ^ code, 0x01000193) + 1) | 0
    else {
      if (word !== 0) {
        distinct = addToken(word, previous, distinct, most)
        previous = word
        word = 0
      }
      if (kind === SINGLE) {
        const token = Math.imul(code, 0x9e3779b1) | 1
        distinct = addToken(token, previous, distinct, most)
        previous = token
      }
    }
    if (characters) {
      last = (last << 8) ^ code
      if (index >= 3) distinct = add(mix(last, CHARACTER_SEED), distinct, most)
    }
  }
  return word === 0 ? distinct : addToken(word, previous, distinct, most)
}

/** The token, and the pair with the one before it (0: there is none). */
function addToken(token: number, previous: number, distinct: number, most: number): number {
  const alone = add(mix(token, WORD_SEED), distinct, most)
  return previous === 0 ? alone : add(mix(Math.imul(previous, 31) ^ token, PAIR_SEED), alone, most)
}

function add(bucket: number, distinct: number, most: number): number {
  const counted = COUNTS[bucket]!
  if (counted === 0) {
    if (distinct >= most) return distinct
    SEEN[distinct] = bucket
    COUNTS[bucket] = 1
    return distinct + 1
  }
  if (counted < MOST_COUNTED) COUNTS[bucket] = counted + 1
  return distinct
}

function mix(hash: number, seed: number): number {
  let mixed = Math.imul(hash ^ seed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) & MASK
}

function kindBeyondAscii(code: number): number {
  if (code < 0x2000) return code === 0xa0 ? SPACE : LETTER
  return (code >= 0xac00 && code < 0xd7b0) || (code >= 0x2c00 && code < 0x2e00) ? LETTER : SINGLE
}
