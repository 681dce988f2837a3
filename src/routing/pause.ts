// Waiting for somebody who may go away.
import type { ClosingSignal } from '../core/closing-signal.ts'
import type { Clock } from '../core/clock.ts'

/** Resolves after the time, or when the client goes away. */
export async function pause(ms: number, signal: ClosingSignal, clock: Clock): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancel = clock.after(ms, resolve)
  const onAbort = (): void => resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  await promise
  cancel()
  signal.removeEventListener('abort', onAbort)
}
