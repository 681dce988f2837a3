// Headers of an answer, as far as anybody needs to know them: `Headers` is one, and so is what our own connections receive.

export interface HeaderSource extends Iterable<[string, string]> {
  /** By lower-case name; equal names are joined by `, `. Null where there is none. */
  get(name: string): string | null
}

/** Whether it could be sent as a header: not every text can be a name, or a value. */
export function isHeader(name: string, value: string): boolean {
  try {
    return new Headers([[name, value]]).has(name)
  } catch {
    return false
  }
}
