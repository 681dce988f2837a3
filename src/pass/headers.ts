// Headers of a pass-through call: the caller's own go up, without what authenticates or belongs to a connection; of the
// answer's come back those that describe its content.
import type { HeaderSource } from '../core/headers.ts'
import { NEVER_UPSTREAM } from '../providers/headers.ts'

/** Where callers put keys, which are ours, and what chooses an account at the provider, which is the operator's to say. */
const NEVER_PASSED: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'x-goog-user-project',
  'openai-organization',
  'openai-project',
  // The body goes up inflated.
  'content-encoding',
  // An answer without a body would be one that nobody asked for.
  'if-none-match',
  'if-modified-since',
  'range',
  'origin',
  'referer',
  'user-agent',
  'x-request-id',
])
const NEVER_PREFIXES = ['x-weir-', 'x-forwarded-', 'x-amz-', 'cf-', 'sec-'] as const

/** What goes up. `own`: lower-case names of the headers that the operator has set, which win. */
export function passHeaders(headers: Headers, own: ReadonlySet<string>): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const [name, value] of headers) {
    if (NEVER_UPSTREAM.has(name) || NEVER_PASSED.has(name) || own.has(name)) continue
    if (NEVER_PREFIXES.some((prefix) => name.startsWith(prefix))) continue
    passed[name] = value
  }
  return passed
}

const CONTENT_HEADERS = ['content-disposition', 'content-language', 'etag', 'last-modified'] as const

/** What comes back beside what every answer may show. */
export function contentHeaders(headers: HeaderSource): readonly (readonly [string, string])[] {
  return CONTENT_HEADERS.flatMap((name) => {
    const value = headers.get(name)
    return value === null ? [] : [[name, value] as const]
  })
}
