// What a request names by address, fetched for targets that do not fetch: once a request, within its bounds and its deadline.
import type { ClientRequest } from '../core/client-request.ts'
import type { Call } from '../core/call.ts'
import type { FetchedMedia, MediaPlace } from '../core/media.ts'
import type { Exchange } from '../exchange.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'

/** Fetches the places into `call.media`. */
export type FetchPlaces = (places: readonly MediaPlace[]) => Promise<void>

export function mediaStage(
  { bytes, clock, fetchMedia }: Engine,
  { config }: Snapshot,
): (exchange: Exchange, request: ClientRequest, call: Call, deadlineMs: number) => FetchPlaces | null {
  const { fetch, maxSizeBytes, maxFiles, timeoutMs, allowPrivate } = config.media
  if (!fetch) return () => null
  return (exchange, request, call, deadlineMs) => async (places) => {
    const fetched = (call.media ??= new Map<string, FetchedMedia>())
    const hold = (count: number): (() => void) => {
      bytes.hold(count)
      let left = count
      const giveBack = (): void => {
        bytes.free(left)
        left = 0
      }
      exchange.whenClosing(giveBack)
      return giveBack
    }
    const missing = places.filter(({ url }) => !fetched.has(url))
    const options = {
      maxBytes: maxSizeBytes,
      timeoutMs: Math.min(timeoutMs, Math.max(0, deadlineMs - clock.monotonicMs())),
      allowPrivate,
      signal: request.signal,
      hold,
    }
    await Promise.all(
      missing.map(async (place) => {
        // The names are taken at once, so the count holds whatever is on its way.
        const isTooMany = fetched.size >= maxFiles
        fetched.set(place.url, {
          type: 'problem',
          problem: isTooMany ? `the request names more than ${maxFiles}` : 'it was not fetched',
        })
        if (!isTooMany) fetched.set(place.url, await fetchMedia(place, options))
      }),
    )
  }
}
