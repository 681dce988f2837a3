// Headers of an answer, as far as anybody needs to know them: `Headers` is one, and so is what our own connections receive.

export interface HeaderSource extends Iterable<[string, string]> {
  /** By lower-case name; equal names are joined by `, `. Null where there is none. */
  get(name: string): string | null
}
