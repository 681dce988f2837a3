// The messages of one direction of a session, one after the other. A message that takes time (the ledger is written before
// the end of an answer is passed on; the other side takes no more for a while) holds back those after it, and when too
// many wait, the connection that they come from is not read any more.

export type MailboxOptions<T> = {
  /** What becomes of a message; a promise where it takes time. */
  readonly handle: (message: T) => void | Promise<void>
  readonly sizeOf: (message: T) => number
  /** True: send nothing more. False: go on. */
  readonly hold: (isFull: boolean) => void
  /** A message could not be handled; nothing after it is. */
  readonly onError: (error: unknown) => void
}

export interface Mailbox<T> {
  push(message: T): void
  /** Forgets what waits, and takes nothing more. */
  close(): void
}

/** Waiting bytes beyond which a connection is not read. */
const FULL_BYTES = 256 * 1024

export function createMailbox<T>({ handle, sizeOf, hold, onError }: MailboxOptions<T>): Mailbox<T> {
  let waiting: T[] = []
  let waitingBytes = 0
  let isBusy = false
  let isFull = false
  let isClosed = false

  function fail(error: unknown): void {
    isClosed = true
    waiting = []
    onError(error)
  }

  async function work(first: Promise<void>): Promise<void> {
    isBusy = true
    try {
      await first
      for (;;) {
        const next = waiting.shift()
        if (next === undefined || isClosed) break
        waitingBytes -= sizeOf(next)
        await handle(next)
      }
    } catch (error) {
      fail(error)
    }
    isBusy = false
    if (isFull && !isClosed) {
      isFull = false
      hold(false)
    }
  }

  return {
    push(message) {
      if (isClosed) return
      if (isBusy) {
        waiting.push(message)
        waitingBytes += sizeOf(message)
        if (!isFull && waitingBytes > FULL_BYTES) {
          isFull = true
          hold(true)
        }
        return
      }
      try {
        const handled = handle(message)
        // Nearly all messages are passed on at once.
        if (handled !== undefined) void work(handled)
      } catch (error) {
        fail(error)
      }
    },
    close() {
      isClosed = true
      waiting = []
    },
  }
}
