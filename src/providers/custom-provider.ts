// The preset `custom`: from its description in the configuration to how its provider is called.
import type { CustomFormat, CustomStream } from '../core/custom-format.ts'
import type { Auth } from '../core/model.ts'

export type CustomInput = Omit<CustomFormat, 'stream'> & {
  readonly stream?: CustomStream | undefined
  readonly auth?: { readonly header?: string; readonly prefix?: string; readonly query?: string } | undefined
}

type CustomProvider = { readonly format: CustomFormat; readonly auth: Auth; readonly wire: string }

const WIRES: Readonly<Record<CustomStream['framing'], string>> = { sse: 'custom', json_lines: 'custom-lines' }

/** What is wrong with a description as a whole, and with which field; null when it is sound. */
export function customProblem({
  stream,
  auth,
}: CustomInput): { readonly field: string; readonly problem: string } | null {
  if (auth?.query !== undefined && auth.header !== undefined)
    return { field: 'custom.auth', problem: 'a key is presented in `header` or in `query`, not in both' }
  if (stream !== undefined && stream.done === undefined && stream.end === undefined && stream.finish === undefined)
    return {
      field: 'custom.stream',
      problem: 'say by what a stream ends: `done`, `end` or `finish`. Else one that broke off would pass for whole',
    }
  return null
}

export function customProvider({ stream, auth, ...format }: CustomInput): CustomProvider {
  return {
    format: { ...format, stream: stream ?? null },
    auth: authOf(auth),
    wire: stream === undefined ? 'custom-whole' : WIRES[stream.framing],
  }
}

function authOf(auth: CustomInput['auth']): Auth {
  if (auth?.query !== undefined) return { type: 'query', parameter: auth.query }
  if (auth?.header === undefined) return { type: 'bearer' }
  return { type: 'header', header: auth.header, prefix: auth.prefix ?? '' }
}
