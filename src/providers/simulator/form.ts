// Bodies that are forms: their fields as a JSON body would have them, of a file its digest and its bytes.
import { createHash } from 'node:crypto'
import type { JsonObject } from './check.ts'
import { missing } from './check.ts'

export type SimulatedFile = { readonly name: string; readonly digest: string; readonly bytes: Uint8Array }

export type SimulatedForm = { readonly fields: JsonObject; readonly files: readonly SimulatedFile[] }

export const NO_FORM: SimulatedForm = { fields: {}, files: [] }

export function isForm(request: Request): boolean {
  return (request.headers.get('content-type') ?? '').startsWith('multipart/form-data')
}

/** Reads a form; numbers and words such as `true` become what they would be in JSON. */
export async function readForm(request: Request): Promise<SimulatedForm> {
  const form = await request.formData()
  const fields: Record<string, unknown> = {}
  const files: SimulatedFile[] = []
  for (const [written, value] of form.entries()) {
    const name = written.replace(/\[\]$/, '')
    if (typeof value === 'string') {
      const parsed = valueOf(value)
      const earlier = fields[name]
      fields[name] = written.endsWith('[]')
        ? [...(Array.isArray(earlier) ? (earlier as unknown[]) : []), parsed]
        : parsed
      continue
    }
    const bytes = new Uint8Array(await value.arrayBuffer())
    const digest = createHash('sha256').update(bytes).digest('hex')
    files.push({ name, digest, bytes })
    fields[name] = { digest }
  }
  return { fields, files }
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : text
}

/** The file that must have been sent. */
export function requiredFile(files: readonly SimulatedFile[], name: string): SimulatedFile {
  const file = files.find((one) => one.name === name)
  if (file === undefined) throw missing(name)
  return file
}
