// GET …/models and …/models/{id}, and the answers to addresses that lead nowhere.
import type { SimulatedModel } from './model.ts'
import { modelNotFound, WireError } from './wire-error.ts'

/** Throws the 404 or 405 of any other path or method. */
export function modelList(
  method: string,
  pathname: string,
  models: Readonly<Record<string, SimulatedModel>>,
  createdS: number,
): Response {
  const match = /\/models(?:\/(.+))?$/.exec(pathname)
  if (match === null) throw new WireError(404, { message: `Invalid URL (${method} ${pathname})` })
  if (method !== 'GET') throw wrongMethod(method, pathname)
  const row = (id: string) => ({ id, object: 'model', created: createdS, owned_by: 'simulator' })
  if (match[1] === undefined) return Response.json({ object: 'list', data: Object.keys(models).map(row) })
  const id = decoded(match[1])
  if (!Object.hasOwn(models, id)) throw modelNotFound(id)
  return Response.json(row(id))
}

export function wrongMethod(method: string, pathname: string): WireError {
  const message = `Not allowed to ${method} on ${pathname}. (HINT: Perhaps you meant to make your HTTP request using a different http method?)`
  return new WireError(405, { message, code: 'method_not_supported' })
}

export function wrongEndpoint(model: string, path: string): WireError {
  const message = `The model \`${model}\` is not supported in the v1${path} endpoint.`
  return new WireError(404, { message, param: 'model' })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A stray percent sign: no model is called that, and the 404 shows it as it was sent.
    return text
  }
}
