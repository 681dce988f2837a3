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
