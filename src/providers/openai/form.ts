// A form on its way to an OpenAI-compatible host: the caller's own parts with the few changed that must be.
import type { Call } from '../../core/call.ts'
import { fieldName, writeForm } from '../../core/form.ts'
import type { BytesBody, FormPart } from '../../core/form.ts'
import type { Deployment } from '../../core/model.ts'
import { openaiBody } from './request.ts'

/** The form that leaves: model renamed, our own fields gone; every other part is the caller's. A JSON body stays one. */
export function openaiFormBody(call: Call, deployment: Deployment, ownFields: readonly string[]): string | BytesBody {
  if (call.form === undefined) return openaiBody(call, deployment, ownFields)
  const model: FormPart = { type: 'text', name: 'model', value: deployment.model }
  const others = call.form.filter((part) => part.name !== 'model' && !ownFields.includes(fieldName(part)))
  return writeForm([model, ...others])
}
