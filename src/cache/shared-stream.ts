// One stream of bytes for several readers, each at its own pace.
//
// States: untouched → flowing, with the first reader → over (ended or broken). The source is read ahead of the slowest reader by `leadBytes` and no further;
// where there are others, a reader that stays behind for `patienceMs` is left behind. Whoever comes while all pieces are
// still held gets them from the first. Beyond `heldBytes` pieces go once everybody has them, and nobody can join any
// more. The piece that ends the answer is handed out only after `onOver` is done with it.
import type { Clock } from '../core/clock.ts'
import type { KeptPiece } from '../core/kept-answer.ts'

export type StreamBounds = {
  readonly heldBytes: number
  readonly leadBytes: number
  readonly patienceMs: number
}

export type SharedPiece = { readonly bytes: Uint8Array; readonly last: boolean }

export interface StreamReader {
  /** Null at the end. Throws what the source threw, and where this reader was left behind. */
  next(): Promise<SharedPiece | null>
  leave(): void
}

export interface SharedStream {
  /** Null: its first pieces are gone. */
  join(): StreamReader | null
  /** Bytes held now. */
  readonly heldBytes: number
}

type Place = { at: number; takenBytes: number; isLeftBehind: boolean }

export type ShareOptions = {
  readonly clock: Clock
  readonly bounds: StreamBounds
  /** Room for all pieces, of what the gateway may hold; false: there is none, and they are not kept. */
  readonly hold: (bytes: number) => boolean
  readonly free: (bytes: number) => void
  /** Whether the piece that was just read was the last one. */
  readonly isOver: () => boolean
  /** Told once: all pieces, or null where they are not all held or the source broke. Never rejects. */
  readonly onOver: (pieces: readonly KeptPiece[] | null) => Promise<void>
}

export function shareStream(source: AsyncIterator<Uint8Array>, options: ShareOptions): SharedStream {
  const { clock, bounds } = options
  const readers = new Set<Place>()
  const pieces: KeptPiece[] = []
  /** Pieces that are gone, and those that may be read. */
  let gone = 0
  let open = 0
  let lastAt = -1
  let receivedBytes = 0
  let heldBytes = 0
  let isWhole = true
  /** Bytes that room was taken for. */
  let roomBytes = 0
  let end: { readonly error: unknown } | null = null
  let isTold = false
  let isBegun = false
  let changed = Promise.withResolvers<void>()

  function announce(): void {
    changed.resolve()
    changed = Promise.withResolvers<void>()
  }

  function slowestBytes(): number {
    let least = receivedBytes
    for (const { takenBytes } of readers) least = Math.min(least, takenBytes)
    return least
  }

  /** From now on a piece is there until everybody has it, and no longer. */
  function letGo(): void {
    isWhole = false
    options.free(roomBytes)
    roomBytes = 0
  }

  function take(bytes: Uint8Array, gapMs: number): void {
    pieces.push({ bytes, gapMs })
    receivedBytes += bytes.length
    heldBytes += bytes.length
    if (!isWhole) return
    if (receivedBytes > bounds.heldBytes || !options.hold(bytes.length)) letGo()
    else roomBytes += bytes.length
  }

  function dropRead(): void {
    if (isWhole && (end === null || readers.size > 0)) return
    if (isWhole) letGo()
    let least = gone + pieces.length
    for (const { at } of readers) least = Math.min(least, at)
    for (const { bytes } of pieces.splice(0, least - gone)) heldBytes -= bytes.length
    gone = least
  }

  /** Waits until the slowest reader is near enough. */
  async function room(): Promise<void> {
    while (readers.size > 0 && receivedBytes - slowestBytes() > bounds.leadBytes) {
      if (readers.size === 1) {
        await changed.promise
        continue
      }
      const before = slowestBytes()
      const late = Promise.withResolvers<'late'>()
      const cancel = clock.after(bounds.patienceMs, () => late.resolve('late'))
      let isLate = false
      while (!isLate && readers.size > 1 && slowestBytes() === before)
        isLate = (await Promise.race([changed.promise, late.promise])) === 'late'
      cancel()
      if (isLate) leaveBehind()
    }
  }

  function leaveBehind(): void {
    for (const place of readers)
      if (receivedBytes - place.takenBytes > bounds.leadBytes) {
        place.isLeftBehind = true
        readers.delete(place)
      }
    announce()
  }

  async function tell(whole: readonly KeptPiece[] | null): Promise<void> {
    if (isTold) return
    isTold = true
    await options.onOver(whole)
  }

  async function pump(): Promise<void> {
    let beforeMs = clock.monotonicMs()
    try {
      for (;;) {
        await room()
        const step = await source.next()
        if (step.done === true) break
        const nowMs = clock.monotonicMs()
        take(step.value, nowMs - beforeMs)
        beforeMs = nowMs
        if (options.isOver()) {
          lastAt = gone + pieces.length - 1
          await tell(isWhole ? [...pieces] : null)
        }
        open = gone + pieces.length
        dropRead()
        announce()
      }
      await tell(isWhole ? [...pieces] : null)
      end = { error: null }
    } catch (error) {
      await tell(null)
      end = { error }
    }
    dropRead()
    announce()
  }

  function leave(place: Place): void {
    readers.delete(place)
    dropRead()
    announce()
  }

  async function next(place: Place): Promise<SharedPiece | null> {
    for (;;) {
      if (place.isLeftBehind) throw new Error('the reader stayed too far behind the others')
      const piece = place.at < open ? pieces[place.at - gone] : undefined
      if (piece !== undefined) {
        const last = place.at === lastAt
        place.at++
        place.takenBytes += piece.bytes.length
        dropRead()
        announce()
        return { bytes: piece.bytes, last }
      }
      if (end !== null) {
        if (end.error !== null) throw end.error
        return null
      }
      await changed.promise
    }
  }

  return {
    join() {
      if (!isWhole) return null
      const place: Place = { at: 0, takenBytes: 0, isLeftBehind: false }
      readers.add(place)
      if (!isBegun) {
        isBegun = true
        // It tells its readers how it ends.
        void pump()
      }
      return { next: () => next(place), leave: () => leave(place) }
    },
    get heldBytes() {
      return heldBytes
    },
  }
}
