// What the matrix asks of a client: one function for each thing that applications do with an SDK.
import type { ASKED } from './wires.ts'

export type Heard = {
  readonly text: string
  /** Input and output tokens. */
  readonly tokens: readonly [number, number]
  /** The SDK's own word for the end. */
  readonly finish: string
}

/** A call of a tool, its result sent back, and what was said then. */
export type ToolRound = {
  readonly call: { readonly id: string; readonly name: string; readonly input: unknown }
  readonly answer: string
}

/** Names and statuses of the exceptions: of a refused request, of an unknown key, of an unknown model. */
export type Errors = { readonly request: string; readonly key: string; readonly model: string }

export type At = { readonly url: string; readonly key: string; readonly model: string }

/** The results that are this SDK's own words. */
export type Words = { readonly stop: string; readonly errors: Errors }

export type SdkClient = {
  readonly words: Words
  whole(at: At): Promise<Heard>
  stream(at: At): Promise<Heard>
  tools(at: At): Promise<ToolRound>
  streamedTools(at: At): Promise<ToolRound>
  structured(at: At): Promise<unknown>
  vision(at: At): Promise<string>
  errors(at: At): Promise<Errors>
  /** Leaves a stream after its first piece, which it gives back. */
  abort(at: At): Promise<string>
}

export type Question = (typeof ASKED)[keyof typeof ASKED]

/** The name of the exception that a call ends with, and the status that it knows; throws when it does not end with one. */
export async function errorName(call: () => PromiseLike<unknown>): Promise<string> {
  let error: unknown
  try {
    await call()
  } catch (thrown) {
    error = thrown
  }
  if (!(error instanceof Error)) throw new Error('the call succeeded')
  const { status, statusCode } = error as { readonly status?: number; readonly statusCode?: number }
  return `${error.constructor.name} ${status ?? statusCode ?? ''}`
}

export const UNKNOWN_KEY = 'sk-weir-unknown'
export const UNKNOWN_MODEL = 'no-such-model'
