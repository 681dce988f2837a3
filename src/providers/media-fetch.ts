// Fetches what requests name by address, for providers that do not.
//
// The address comes from a stranger, so each step is guarded: only http and https, no user and password in it, no address
// of a private network (the name is resolved once, and that address is called), redirects followed only to addresses that
// pass the same, a bound on bytes and on time, and only content whose first bytes are of a format that models read.
import type { ClosingSignal } from '../core/closing-signal.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import {
  type FetchedMedia,
  isOfKind,
  type MediaKind,
  type MediaPlace,
  mediaTypeOfBytes,
  plainMediaType,
} from '../core/media.ts'
import type { Provider, Timeouts } from '../core/model.ts'
import { UpstreamFailure } from './failure.ts'
import type { Upstream, UpstreamAnswer } from './upstream.ts'

export type MediaFetchOptions = {
  readonly maxBytes: number
  readonly timeoutMs: number
  /** The operator's word that private networks may be reached: for tests and closed installations. */
  readonly allowPrivate: boolean
  readonly signal: ClosingSignal
  /** Takes bytes from the gateway's budget until the request's end, or until they are given back. Throws when they do not fit. */
  readonly hold: (bytes: number) => () => void
}

/** Fetches one thing; never throws but for `hold` and a client that is gone. */
export type MediaFetch = (request: MediaPlace, options: MediaFetchOptions) => Promise<FetchedMedia>

const MAX_REDIRECTS = 3
/** Its bytes, and the base64 that is made of them. */
const HELD_SHARE = 7 / 3
const ACCEPT: Readonly<Record<MediaKind, string>> = {
  image: 'image/*',
  audio: 'audio/*',
  video: 'video/*',
  file: 'application/pdf, text/*, */*;q=0.5',
}
const UTF8 = new TextDecoder('utf-8', { fatal: true })

export function createMediaFetch({
  upstream,
  clock,
}: {
  readonly upstream: Upstream
  readonly clock: Clock
}): MediaFetch {
  return async (request, options) => {
    const deadline = clock.monotonicMs() + options.timeoutMs
    let url = request.url
    try {
      for (let step = 0; step <= MAX_REDIRECTS; step++) {
        const leftMs = deadline - clock.monotonicMs()
        if (leftMs <= 0) return problem(`it did not arrive within ${options.timeoutMs} ms`)
        const wrong = whyNoAddress(url)
        if (wrong !== null) return problem(wrong)
        const answer = await upstream.call(callFor(url, request.kind, leftMs, options))
        const next = redirectOf(answer, url)
        if (next === null) return await contentOf(answer, request, options)
        answer.cancel()
        url = next
      }
      return problem(`it was redirected more than ${MAX_REDIRECTS} times`)
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error
      if (error.outcome.type === 'cancelled') throw new GatewayError('client_closed', {}, error)
      return problem(
        error.outcome.type === 'timed_out' ? `it did not arrive within ${options.timeoutMs} ms` : error.message,
      )
    }
  }
}

function problem(text: string): FetchedMedia {
  return { type: 'problem', problem: text }
}

function whyNoAddress(url: string): string | null {
  if (!URL.canParse(url)) return 'its address is no URL'
  const { protocol, username, password } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') return 'its address is neither http nor https'
  return username === '' && password === '' ? null : 'its address holds a user or a password'
}

function callFor(
  url: string,
  kind: MediaKind,
  leftMs: number,
  options: MediaFetchOptions,
): Parameters<Upstream['call']>[0] {
  const { origin, pathname, search } = new URL(url)
  const timeouts: Timeouts = { connectMs: leftMs, firstTokenMs: leftMs, idleMs: leftMs, totalMs: leftMs }
  return {
    provider: hostAt(origin, options.allowPrivate, timeouts),
    credential: null,
    method: 'GET',
    url: `${origin}${pathname}${search}`,
    headers: { accept: ACCEPT[kind] },
    body: null,
    timeouts,
    stream: false,
    showRedirects: true,
    signal: options.signal,
  }
}

/** A host of whom nothing is known, as a provider without a credential. */
function hostAt(baseUrl: string, allowPrivate: boolean, timeouts: Timeouts): Provider {
  return {
    name: 'media',
    preset: '',
    wire: '',
    baseUrl,
    credentials: [],
    auth: { type: 'none' },
    headers: {},
    quirks: {},
    timeouts,
    // Through a proxy no address can be held fast, and a private one would be reached by its means.
    proxy: null,
    ca: null,
    allowPrivate,
    settings: {},
    limits: { rpm: null, tpm: null },
  }
}

function redirectOf({ status, headers }: UpstreamAnswer, url: string): string | null {
  const location = headers.get('location')
  if (status < 300 || status >= 400 || location === null) return null
  return URL.canParse(location, url) ? new URL(location, url).href : ''
}

async function contentOf(
  answer: UpstreamAnswer,
  { kind, mediaType: named }: MediaPlace,
  { maxBytes, hold }: MediaFetchOptions,
): Promise<FetchedMedia> {
  if (answer.status !== 200) {
    answer.cancel()
    return problem(`its host answered ${answer.status}`)
  }
  const announced = Number(answer.headers.get('content-length') ?? 0)
  if (announced > maxBytes) {
    answer.cancel()
    return problem(`it has ${announced} bytes; ${maxBytes} are taken`)
  }
  const giveBack = hold(Math.ceil((announced > 0 ? announced : maxBytes) * HELD_SHARE))
  const bytes = await answer.bytes(maxBytes)
  giveBack()
  hold(Math.ceil(bytes.length * HELD_SHARE))
  if (bytes.length === 0) return problem('it is empty')
  const stated = plainMediaType(answer.headers.get('content-type') ?? '')
  const mediaType = mediaTypeOfBytes(bytes)
  if (mediaType === null) return textOf(bytes, kind, stated)
  if (!isOfKind(kind, mediaType)) return problem(`it is of the media type ${mediaType}`)
  const called = named === null ? mediaType : plainMediaType(named)
  // A container alone does not tell sound from film; who names it knows.
  const settled = isOfKind(kind, called) && mediaType.split('/')[1] === called.split('/')[1] ? called : mediaType
  return {
    type: 'content',
    source: { type: 'inline', data: Buffer.from(bytes).toString('base64'), mediaType: settled },
  }
}

/** Only documents may be text, and only what says that it is: an error page is none. */
function textOf(bytes: Uint8Array, kind: MediaKind, stated: string): FetchedMedia {
  const isText = /^text\/(?!html)|^application\/(?:json|xml|x-ndjson|yaml)$/.test(stated)
  if (kind !== 'file' || !isText)
    return problem(`it is of no format that models read (its host calls it ${stated.slice(0, 100) || 'nothing'})`)
  try {
    return { type: 'content', source: { type: 'text', text: UTF8.decode(bytes), mediaType: stated } }
  } catch {
    return problem('it is no text in UTF-8')
  }
}
