// What a head sees of a prompt, as bytes to be kept: distinct buckets of words with how often each was there, and the form.
import type { HeadInput } from './heads.ts'

// Two bytes: how many words. Then a bucket of two bytes each, a count of one byte each, and the form in floats; little-endian.
const HEAD = 2
const MOST_COUNTED = 255
const MOST_WORDS = 65_535

export function bytesOfHeadInput({ words, form }: HeadInput): Uint8Array {
  const count = Math.min(MOST_WORDS, words.buckets.length)
  const bytes = new Uint8Array(HEAD + 3 * count + 4 * form.length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, count, true)
  for (let at = 0; at < count; at++) {
    view.setUint16(HEAD + 2 * at, words.buckets[at]!, true)
    // Weights are 1 + ln(count).
    bytes[HEAD + 2 * count + at] = Math.min(MOST_COUNTED, Math.round(Math.exp(words.weights[at]! - 1)))
  }
  form.forEach((value, at) => view.setFloat32(HEAD + 3 * count + 4 * at, value, true))
  return bytes
}

/** Null where the bytes are none of ours. */
export function headInputOfBytes(bytes: Uint8Array): HeadInput | null {
  if (bytes.length < HEAD) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(0, true)
  const formBytes = bytes.length - HEAD - 3 * count
  if (formBytes < 0 || formBytes % 4 !== 0) return null
  const buckets = new Int32Array(count)
  const weights = new Float32Array(count)
  for (let at = 0; at < count; at++) {
    buckets[at] = view.getUint16(HEAD + 2 * at, true)
    weights[at] = 1 + Math.log(Math.max(1, bytes[HEAD + 2 * count + at]!))
  }
  const form = Array.from({ length: formBytes / 4 }, (_, at) => view.getFloat32(HEAD + 3 * count + 4 * at, true))
  return { words: { buckets, weights }, form }
}
