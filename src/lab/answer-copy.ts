// A copy of an answer on its way to the client, for the lab. It grows with the answer, and gives up where there is no room.

/** Takes room for so many bytes more; false: there is none. */
type Hold = (bytes: number) => boolean

export class AnswerCopy {
  readonly pieces: Uint8Array[] = []
  /** Bytes that room was taken for. */
  heldBytes = 0
  isStream = false
  isTooLarge = false
  readonly #maxBytes: number
  readonly #hold: Hold

  constructor(maxBytes: number, hold: Hold) {
    this.#maxBytes = maxBytes
    this.#hold = hold
  }

  take(piece: Uint8Array): void {
    if (this.isTooLarge || piece.length === 0) return
    if (this.heldBytes + piece.length > this.#maxBytes || !this.#hold(piece.length)) {
      // A part of an answer tells nothing about the whole. The room is freed with the request.
      this.isTooLarge = true
      this.pieces.length = 0
      return
    }
    this.heldBytes += piece.length
    this.pieces.push(piece)
  }
}
