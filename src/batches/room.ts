// Room for lines of batches beside the requests of callers: so many at once, and none while the gateway is busy.
import type { Clock } from '../core/clock.ts'

export type RoomOptions = {
  readonly clock: Clock
  /** Lines at once; asked each time, since a reload may change it. */
  readonly places: () => number
  /** Whether callers need the gateway for themselves. */
  readonly isBusy: () => boolean
}

export interface Room {
  /** Resolves, in the order of asking, when there is room: the function gives the place back. Rejects when the signal strikes first. */
  enter(signal: AbortSignal): Promise<() => void>
  readonly taken: number
}

/** How often a busy gateway is looked at again. */
const LOOK_AGAIN_MS = 100

type Waiting = { readonly go: () => void }

export function createRoom({ clock, places, isBusy }: RoomOptions): Room {
  const waiting: Waiting[] = []
  let taken = 0
  let isLooking = false

  function look(): void {
    while (waiting.length > 0 && taken < places() && !isBusy()) {
      taken++
      waiting.shift()?.go()
    }
    if (waiting.length === 0 || isLooking) return
    isLooking = true
    clock.after(LOOK_AGAIN_MS, () => {
      isLooking = false
      look()
    })
  }

  function leaveOnce(): () => void {
    let isIn = true
    return () => {
      if (isIn) taken--
      isIn = false
      look()
    }
  }

  return {
    enter(signal) {
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          const place = waiting.indexOf(entry)
          if (place < 0) return
          waiting.splice(place, 1)
          reject(signal.reason as Error)
        }
        const entry: Waiting = {
          go() {
            signal.removeEventListener('abort', onAbort)
            resolve(leaveOnce())
          },
        }
        if (signal.aborted) return reject(signal.reason as Error)
        signal.addEventListener('abort', onAbort, { once: true })
        waiting.push(entry)
        look()
      })
    },
    get taken() {
      return taken
    },
  }
}
