// The words of a text as hashed buckets: one and two words in a row, and four characters in a row where asked for. Bounded, and the same everywhere.

/** Distinct buckets, and 1 + ln(count) for each. The order means nothing. */
export type Ngrams = { readonly buckets: Int32Array; readonly weights: Float32Array }

export const BUCKETS = 65_536
const MASK = BUCKETS - 1
const MIN_SLOTS = 256
const MAX_SLOTS = 16_384
/** Fuller than this, the table takes no new buckets: only a text of nothing but marks comes that far. */
const MAX_FILL = 0.75

const WORD_SEED = 0x1b873593
const PAIR_SEED = 0x2545f491
const CHARACTER_SEED = 0x68e31da4

const SPACE = 0
const LETTER = 1
/** A token by itself: a mark, or a character of a script that writes no spaces. */
const SINGLE = 2

/** Buckets of a text (a sample: see `sampleOf`). Case does not count. */
export function ngramsOf(text: string, kinds: { readonly characters: boolean }): Ngrams {
  const lower = text.toLowerCase()
  const table = createTable(lower.length * (kinds.characters ? 2 : 1))
  let word = 0
  let previous = 0
  const token = (hash: number): void => {
    table.add(mix(hash, WORD_SEED))
    if (previous !== 0) table.add(mix(Math.imul(previous, 31) ^ hash, PAIR_SEED))
    previous = hash
  }
  let last = 0
  for (let index = 0; index < lower.length; index++) {
    const code = lower.charCodeAt(index)
    const kind = kindOf(code)
    if (kind === LETTER) word = Math.imul(word ^ code, 0x01000193) + 1
    else {
      if (word !== 0) token(word)
      word = 0
      if (kind === SINGLE) token(Math.imul(code, 0x9e3779b1) | 1)
    }
    if (kinds.characters) {
      last = (last << 8) ^ code
      if (index >= 3) table.add(mix(last, CHARACTER_SEED))
    }
  }
  if (word !== 0) token(word)
  return table.read()
}

/** Kinds of the ASCII characters: a look-up is twice as fast as the comparisons. */
const ASCII_KINDS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[a-z0-9]/.test(String.fromCharCode(code)) ? LETTER : code <= 32 ? SPACE : SINGLE,
)

function kindOf(code: number): number {
  if (code < 0x80) return ASCII_KINDS[code]!
  if (code < 0x2000) return code === 0xa0 ? SPACE : LETTER
  return (code >= 0xac00 && code < 0xd7b0) || (code >= 0x2c00 && code < 0x2e00) ? LETTER : SINGLE
}

function mix(hash: number, seed: number): number {
  let mixed = Math.imul(hash ^ seed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) & MASK
}

/** A slot holds bucket + 1 above the count's bits; 0 is free. */
const COUNT_BITS = 12
const MAX_COUNT = (1 << COUNT_BITS) - 1

/** Counts by bucket, open addressing: a Map costs five times as much here. Prose has half as many words and pairs as characters. */
function createTable(expected: number): { add: (bucket: number) => void; read: () => Ngrams } {
  const bits = 32 - Math.clz32(Math.min(MAX_SLOTS, Math.max(MIN_SLOTS, expected)) - 1)
  const slots = new Int32Array(1 << bits)
  const most = slots.length * MAX_FILL
  let distinct = 0
  return {
    add(bucket) {
      let slot = Math.imul(bucket, 0x9e3779b1) >>> (32 - bits)
      for (;;) {
        const held = slots[slot]!
        if (held === 0) {
          if (distinct >= most) return
          distinct++
          slots[slot] = ((bucket + 1) << COUNT_BITS) | 1
          return
        }
        if (held >> COUNT_BITS === bucket + 1) {
          if ((held & MAX_COUNT) < MAX_COUNT) slots[slot] = held + 1
          return
        }
        slot = (slot + 1) & (slots.length - 1)
      }
    },
    read() {
      const buckets = new Int32Array(distinct)
      const weights = new Float32Array(distinct)
      let next = 0
      for (const held of slots) {
        if (held === 0) continue
        const count = held & MAX_COUNT
        buckets[next] = (held >> COUNT_BITS) - 1
        weights[next++] = count === 1 ? 1 : 1 + Math.log(count)
      }
      return { buckets, weights }
    },
  }
}
