// Plays a schedule as a body. Nothing is made before it is asked for, and no timer outlives a caller that has gone.
import type { Clock } from '../../core/clock.ts'
import type { TimedPart } from './play.ts'

/**
 * A body whose parts come at `startMs + atMs` of the monotonic clock, each as a chunk of its own. A reader that falls
 * behind gets what is due at once: a provider's own buffer would have held it. An abort of `signal` fails the body.
 */
export function pacedStream(
  parts: Iterator<TimedPart, void>,
  clock: Clock,
  startMs: number,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  /** Ends the pull that waits for a part's time, with the part or, when cancelled, without. */
  let settle: (() => void) | null = null
  let cancelTimer: (() => void) | null = null
  let onAbort: (() => void) | null = null

  const stop = () => {
    cancelTimer?.()
    cancelTimer = null
    settle?.()
    settle = null
    if (onAbort !== null) signal.removeEventListener('abort', onAbort)
    parts.return?.()
  }

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        onAbort = () => {
          stop()
          controller.error(signal.reason)
        }
        if (signal.aborted) onAbort()
        else signal.addEventListener('abort', onAbort)
      },
      pull(controller) {
        const next = parts.next()
        if (next.done === true) {
          stop()
          controller.close()
          return
        }
        const part = next.value
        if ('stall' in part) return new Promise<void>((resolve) => (settle = resolve))
        if ('broken' in part) {
          stop()
          controller.error(new Error('the connection was broken off'))
          return
        }
        const chunk = 'text' in part ? encoder.encode(part.text) : part.bytes
        const waitMs = startMs + part.atMs - clock.monotonicMs()
        if (waitMs <= 0) {
          controller.enqueue(chunk)
          return
        }
        return new Promise<void>((resolve) => {
          settle = resolve
          cancelTimer = clock.after(waitMs, () => {
            cancelTimer = null
            settle = null
            controller.enqueue(chunk)
            resolve()
          })
        })
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  )
}

/** Resolves at `atMs` of the monotonic clock, never when it is null; rejects as soon as `signal` aborts. */
export function waitUntil(atMs: number | null, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error)
      return
    }
    const waitMs = atMs === null ? null : atMs - clock.monotonicMs()
    if (waitMs !== null && waitMs <= 0) {
      resolve()
      return
    }
    const cancel =
      waitMs === null
        ? null
        : clock.after(waitMs, () => {
            signal.removeEventListener('abort', abort)
            resolve()
          })
    const abort = () => {
      cancel?.()
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', abort, { once: true })
  })
}
