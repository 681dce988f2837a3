// Ids of calls and results in a conversation that names none: made of their places, so that they are the same in each turn.
import { madeId } from '../core/formats/gemini-parts.ts'
import type { CallIds } from '../core/formats/gemini-parts.ts'

export type CallIdsOfRequest = CallIds & {
  /** Another content begins. */
  content(index: number): void
}

/** A result without an id answers the first call of its name that nothing has answered yet, else the first of all. */
export function createCallIds(): CallIdsOfRequest {
  let open: { readonly id: string; readonly name: string }[] = []
  let content = 0
  let calls = 0

  function answered(id: string): string {
    open = open.filter((call) => call.id !== id)
    return id
  }

  return {
    content(index) {
      content = index
      calls = 0
    },
    ofCall(name, given) {
      const id = given ?? madeId(String(content), calls++)
      open.push({ id, name })
      return id
    },
    ofResult(name, given) {
      if (given !== null) return answered(given)
      const call = open.find((one) => one.name === name) ?? open[0]
      return call === undefined ? madeId(`${content}-${name}`, calls++) : answered(call.id)
    },
  }
}
