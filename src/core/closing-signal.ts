// What tells that nobody waits any more: an `AbortSignal` is one, and so is a client's connection of our own.

export type ClosingListener = (() => void) | { handleEvent(): void }

export interface ClosingSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: ClosingListener, options?: { readonly once?: boolean }): void
  removeEventListener(type: 'abort', listener: ClosingListener): void
}

/** The same as an `AbortSignal`, for what takes nothing else. It is aborted when the other one is. */
export function abortSignalOf(signal: ClosingSignal): AbortSignal {
  if (signal instanceof AbortSignal) return signal
  const controller = new AbortController()
  if (signal.aborted) controller.abort()
  else signal.addEventListener('abort', () => controller.abort(), { once: true })
  return controller.signal
}
