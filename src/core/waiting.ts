// Who waits for one thing that comes later, and is told of it by a call. A promise tells the same, and costs several objects
// and a turn of the microtask queue for each function that it passes through: on the path of every request there are many.

/**
 * One of the two is called, exactly once, possibly before the function that was given it has returned. Neither throws: it
 * would be thrown at whoever happens to bring the news, such as the handler of a socket.
 */
export interface Waiting<T> {
  answered(value: T): void
  failed(error: unknown): void
}

/**
 * Asks for one thing after the other, each of which may come while it is being asked for: this loop is what a recursion
 * without a bound would be.
 */
export class Asking {
  readonly #ask: () => void
  #isAsking = false
  #wantsMore = false

  /** @param ask asks for one thing, and never throws */
  constructor(ask: () => void) {
    this.#ask = ask
  }

  /** Asks now, or, where one is being asked for, as soon as that has returned. */
  next(): void {
    if (this.#isAsking) {
      this.#wantsMore = true
      return
    }
    this.#isAsking = true
    do {
      this.#wantsMore = false
      this.#ask()
    } while (this.#wantsMore)
    this.#isAsking = false
  }
}

/** Tells what becomes of a promise: for ways that have to be awaited anyhow. */
export function tell<T>(promise: Promise<T>, waiting: Waiting<T>): void {
  promise.then(
    (value) => waiting.answered(value),
    (error: unknown) => waiting.failed(error),
  )
}

/** The same as a promise. */
export function promised<T>(begin: (waiting: Waiting<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => begin({ answered: resolve, failed: reject }))
}
