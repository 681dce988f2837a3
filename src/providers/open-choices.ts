// Which choices of a streamed answer have begun and not finished: where hosts send no end of the stream, it is sound when all have.

/** More than any host gives: what a host makes up beyond that is not remembered. */
const MOST_CHOICES = 256

export class OpenChoices {
  /** By index: whether it is open; a choice that has finished stays so, whatever is said of it later. */
  readonly #isOpen = new Map<number, boolean>()
  #open = 0

  get areSome(): boolean {
    return this.#open > 0
  }

  /** Something of it was said. */
  begin(index: number): void {
    if (this.#isOpen.has(index) || this.#isOpen.size >= MOST_CHOICES) return
    this.#isOpen.set(index, true)
    this.#open++
  }

  finish(index: number): void {
    this.begin(index)
    if (this.#isOpen.get(index) !== true) return
    this.#isOpen.set(index, false)
    this.#open--
  }
}
