// Identifiers that sort by time, so that new rows land at the end of an index.

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford's base 32, lower case

function encode(value: number, length: number): string {
  let text = ''
  let rest = value
  for (let index = 0; index < length; index++) {
    text = ALPHABET[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** Every two-character group, by its number: a counter becomes text without arithmetic on characters. */
const PAIRS: readonly string[] = Array.from({ length: 1_024 }, (_, value) => encode(value, 2))

/** Makes ids `<prefix>_<10 chars of ms><4 chars of counter><8 random chars>`; later ids of one maker sort after earlier ones. */
export function idMaker(prefix: string, now: () => number, random: () => number = Math.random): () => string {
  let lastMs = -1
  let stamp = ''
  let head = ''
  let counter = 0
  // 40 random bits tell replicas and restarts apart; one draw a process is enough beside the time and the counter.
  const tail = encode(Math.floor(random() * 2 ** 40), 8)
  return () => {
    const ms = now()
    // A clock set back keeps counting on the last ms: ids stay unique and ordered.
    counter = ms > lastMs ? 0 : counter + 1
    if (ms > lastMs) {
      lastMs = ms
      stamp = `${prefix}_${encode(ms, 10)}`
    }
    // A busy ms and a quiet one alike write what the ids of it share only once.
    if ((counter & 1_023) === 0) head = stamp + PAIRS[counter >> 10]
    return head + PAIRS[counter & 1_023] + tail
  }
}

/** A random identifier for rows that are not ordered by time (keys, teams). */
export function randomId(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return `${prefix}_${Array.from(bytes, (byte) => ALPHABET[byte % 32]).join('')}`
}
