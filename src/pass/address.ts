// Where a pass-through call goes: `/pass/{provider}/{path}` → a path below the provider's base URL, and nowhere else.
import { GatewayError } from '../core/error.ts'

export type PassAddress = {
  readonly provider: string
  /** Begins with a slash; as it was written. */
  readonly path: string
  /** Empty, or begins with `?`; without the caller's key. */
  readonly query: string
}

const PREFIX = '/pass/'
const MOST_PATH = 4_096

/**
 * Reads the address of a request's URL. What a host could take for another path than the one that is looked at here is
 * refused: dots, also written as `%2e` or with an encoded slash, backslashes, empty parts, control characters.
 * Throws `not_found`, `request_malformed`.
 */
export function readPassAddress(url: string): PassAddress {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
  const mark = url.indexOf('?', start)
  const whole = mark < 0 ? url.slice(start) : url.slice(start, mark)
  const slash = whole.indexOf('/', PREFIX.length)
  if (!whole.startsWith(PREFIX) || slash < 0 || slash === PREFIX.length)
    throw new GatewayError('not_found', { message: 'A pass-through call goes to `/pass/{provider}/{path}`.' })
  const path = whole.slice(slash)
  checkPath(path)
  return { provider: whole.slice(PREFIX.length, slash), path, query: mark < 0 ? '' : withoutKey(url.slice(mark + 1)) }
}

function checkPath(path: string): void {
  if (path.length > MOST_PATH) throw refused(`is longer than ${MOST_PATH} characters`)
  let plain = path
  // Some hosts decode twice: what is a step up after any number of decodings is one here.
  for (let round = 0; ; round++) {
    if (/[\\\p{Cc}#]/u.test(plain)) throw refused('holds a backslash, a `#` or a control character')
    if (/(?:^|\/)\.{1,2}(?:\/|;|$)/.test(plain)) throw refused('steps to another folder')
    if (round === 0 && plain.includes('//')) throw refused('has an empty part')
    let decoded: string
    try {
      decoded = decodeURIComponent(plain)
    } catch {
      // A lone `%` that an earlier decoding has left is no escape any more.
      if (round > 0) return
      throw refused('is not percent-encoded as it should be')
    }
    if (decoded === plain) return
    if (round === 4) throw refused('is encoded too often')
    plain = decoded
  }
}

function refused(why: string): GatewayError {
  return new GatewayError('request_malformed', { message: `The path ${why}.`, param: 'path' })
}

/** `key` is where Google's clients put the key that let them in here; the provider gets its own. Every other byte stays. */
function withoutKey(query: string): string {
  const kept = query.split('&').filter((part) => part !== '' && !/^key(?:=|$)/.test(part))
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}

/** A path below the base URL; where it begins with the base URL's own path (`/v1`), as SDKs write it, that is not said twice. */
export function passUrl(baseUrl: string, { path, query }: PassAddress): string {
  const own = baseUrl.replace(/^[a-z]+:\/\/[^/]*/, '')
  const isRepeated = own !== '' && (path === own || path.startsWith(`${own}/`))
  return `${baseUrl}${isRepeated ? path.slice(own.length) : path}${query}`
}

/** A path as reports can group it: what looks like the name of one thing among many is `{id}`. */
export function pathPattern(path: string): string {
  return path
    .split('/')
    .map((part) =>
      part.length > 48 || (part.length >= 8 && /\d/.test(part) && /[-_]|\d{3}|%/.test(part)) ? '{id}' : part,
    )
    .slice(0, 12)
    .join('/')
}
