// Fetches a price file from where its project publishes it: bounded, asked for only if it changed, redirects followed to
// public addresses only.
import type { Timeouts } from '../core/model.ts'
import { UpstreamFailure } from './failure.ts'
import { plainHost } from './plain-host.ts'
import type { Upstream, UpstreamAnswer } from './upstream.ts'

export type FetchedFeed =
  | { readonly type: 'file'; readonly text: string; readonly etag: string | null }
  /** It is what it was when it had that ETag. */
  | { readonly type: 'unchanged' }
  | { readonly type: 'problem'; readonly problem: string }

export type FeedRequest = { readonly url: string; readonly etag: string | null; readonly maxBytes: number }

const MAX_REDIRECTS = 3
const TIMEOUTS: Timeouts = { connectMs: 10_000, firstTokenMs: 30_000, idleMs: 30_000, totalMs: 120_000 }

/** Never throws. */
export async function fetchFeed(upstream: Upstream, request: FeedRequest): Promise<FetchedFeed> {
  let { url } = request
  try {
    for (let step = 0; step <= MAX_REDIRECTS; step++) {
      const answer = await upstream.call(callFor(url, request.etag, step === 0))
      const location = redirectOf(answer)
      if (location === null) return await contentOf(answer, request.maxBytes)
      answer.cancel()
      if (!URL.canParse(location, url)) return { type: 'problem', problem: 'it was redirected to what is no URL' }
      url = new URL(location, url).href
    }
    return { type: 'problem', problem: `it was redirected more than ${MAX_REDIRECTS} times` }
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error
    return { type: 'problem', problem: error.message }
  }
}

function callFor(url: string, etag: string | null, isFirst: boolean): Parameters<Upstream['call']>[0] {
  const { origin, pathname, search } = new URL(url)
  return {
    // The address that the operator wrote may be private; where it leads to may not.
    provider: plainHost({ name: 'prices', baseUrl: origin, timeouts: TIMEOUTS, allowPrivate: isFirst }),
    credential: null,
    method: 'GET',
    url: `${origin}${pathname}${search}`,
    headers: { accept: 'application/json', ...(etag === null ? {} : { 'if-none-match': etag }) },
    body: null,
    timeouts: TIMEOUTS,
    stream: false,
    showRedirects: true,
    signal: new AbortController().signal,
  }
}

function redirectOf({ status, headers }: UpstreamAnswer): string | null {
  return status >= 300 && status < 400 && status !== 304 ? (headers.get('location') ?? '') : null
}

async function contentOf(answer: UpstreamAnswer, maxBytes: number): Promise<FetchedFeed> {
  if (answer.status !== 200) {
    answer.cancel()
    return answer.status === 304
      ? { type: 'unchanged' }
      : { type: 'problem', problem: `its host answered ${answer.status}` }
  }
  const text = new TextDecoder().decode(await answer.bytes(maxBytes))
  return { type: 'file', text, etag: answer.headers.get('etag') }
}
