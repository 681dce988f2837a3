// Posts a message to an address that the operator wrote down: guarded, within a deadline, and the answer read only as far
// as it says what went wrong.
import type { Provider, Timeouts } from '../core/model.ts'
import { plainLine } from '../core/plain-line.ts'
import { UpstreamFailure } from './failure.ts'
import { plainHost } from './plain-host.ts'
import { retryAfterMs } from './stated-limits.ts'
import type { Upstream, UpstreamAnswer } from './upstream.ts'

export type Post = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type PostResult = {
  /** Null: nobody answered. */
  readonly status: number | null
  /** Null: it was taken. */
  readonly problem: string | null
  /** How long the receiver asks to be left alone; null: it does not. */
  readonly retryAfterMs: number | null
}

/** Never throws for what the receiver or the way to it does. */
export type Poster = (post: Post) => Promise<PostResult>

/** The longest that one post takes, whatever the receiver does. */
export const POST_MS = 20_000

const TIMEOUTS: Timeouts = { connectMs: 5_000, firstTokenMs: 15_000, idleMs: 15_000, totalMs: POST_MS }
const MAX_ANSWER_BYTES = 16 * 1024
const SHOWN = 200

export function createPoster(upstream: Upstream, { now }: { readonly now: () => number }): Poster {
  // One host for each origin, so that its connection is used again.
  const hosts = new Map<string, Provider>()
  return async ({ url, headers, body }) => {
    const { origin, pathname, search } = new URL(url)
    let host = hosts.get(origin)
    if (host === undefined)
      // The operator's own network may be where the receiver is; metadata services are refused all the same.
      hosts.set(origin, (host = plainHost({ name: 'alerts', baseUrl: origin, timeouts: TIMEOUTS, allowPrivate: true })))
    try {
      const answer = await upstream.call({
        provider: host,
        credential: null,
        method: 'POST',
        url: `${origin}${pathname}${search}`,
        headers,
        body,
        timeouts: TIMEOUTS,
        stream: false,
        signal: new AbortController().signal,
      })
      return await resultOf(answer, { now: now(), path: `${pathname}${search}` })
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error
      const { outcome } = error
      const problem =
        outcome.type === 'timed_out'
          ? outcome.stage === 'connect'
            ? 'it could not be reached in time'
            : 'it did not answer in time'
          : error.message
      return { status: null, problem, retryAfterMs: null }
    }
  }
}

async function resultOf(
  answer: UpstreamAnswer,
  { now, path }: { readonly now: number; readonly path: string },
): Promise<PostResult> {
  const { status, headers } = answer
  // Some repeat the path that was asked for, which may be as good as a password.
  const words = path === '/' ? await wordsOf(answer) : (await wordsOf(answer)).replaceAll(path, '…')
  if (status >= 200 && status < 300) return { status, problem: null, retryAfterMs: null }
  return {
    status,
    problem: `it answered ${status}${words === '' ? '' : `: ${words.slice(0, SHOWN)}`}`,
    retryAfterMs: retryAfterMs(headers, now),
  }
}

/** The beginning of its body in one line; an answer that breaks off has said enough by its status. */
async function wordsOf(answer: UpstreamAnswer): Promise<string> {
  try {
    const text = new TextDecoder().decode(await answer.bytes(MAX_ANSWER_BYTES))
    return plainLine(text)
  } catch (error) {
    if (error instanceof UpstreamFailure) return ''
    throw error
  }
}
