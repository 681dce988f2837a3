// What an answer says, read straight from its own format: the yardstick of recorded answers.
// The accounts of the formats (oracle-*.ts) share no code with the translators on purpose.

export type Said = {
  /** Refusals are part of it: some formats tell them as text. */
  readonly text: string
  readonly reasoning: string
  /** The words of recorded sound, which formats without sound tell as text. */
  readonly spoken?: string
  readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: unknown }[]
  /** In the words of the normal form. */
  readonly finish: string
  /** All input and output tokens; null where the answer tells none. */
  readonly tokens: readonly [input: number, output: number] | null
}

/** An answer of any form: what an account finds in it is the point. */
export type Json = { readonly [name: string]: any } // oxlint-disable-line typescript/no-explicit-any -- test data of any form

export type Oracle = {
  whole(body: Json): Said
  /** `data`: the data of each event, terminators included. */
  stream(data: readonly string[]): Said
}

/** The free text that a custom tool takes, in the form that formats without such tools give it. */
export function custom(input: string): unknown {
  return { input }
}

/** A text that must be JSON: what it holds. Calls without arguments have none, or `null`. */
export function parsed(text: string): unknown {
  return text === '' ? {} : (JSON.parse(text) ?? {})
}

/** Fails where an event says that the answer is broken: then there is no account of it. */
export function failed(message: unknown): never {
  throw new Error(`the provider said: ${typeof message === 'string' ? message : JSON.stringify(message)}`)
}
