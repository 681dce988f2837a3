// A request to Gemini's API or to Vertex: where it goes, and the caller's own body with the few fields changed that must be.
import type { Call } from '../../core/call.ts'
import { DISGUISE } from '../../core/formats/foreign-proofs.ts'
import { NO_SIGNATURE } from '../../core/formats/gemini-signatures.ts'
import { isObject } from '../../core/json.ts'
import type { JsonValue } from '../../core/json.ts'
import type { Deployment } from '../../core/model.ts'

/** Where a chat goes: a stream as events, which is asked for in the query. */
export function geminiChatUrl(deployment: Deployment, stream: boolean): string {
  return stream ? geminiUrl(deployment, 'streamGenerateContent', 'alt=sse') : geminiUrl(deployment, 'generateContent')
}

export function geminiCountUrl(deployment: Deployment): string {
  return geminiUrl(deployment, 'countTokens')
}

/** One input or several: the caller's own form tells. */
export function geminiEmbedUrl(call: Call, deployment: Deployment): string {
  return geminiUrl(deployment, Array.isArray(call.body['requests']) ? 'batchEmbedContents' : 'embedContent')
}

/** The address of a method of a model. */
export function geminiUrl({ provider, model }: Deployment, method: string, query?: string): string {
  const queries = [query, provider.quirks.query].filter((one) => one !== undefined)
  return `${provider.baseUrl}/${resourceOf(model)}:${method}${queries.length > 0 ? `?${queries.join('&')}` : ''}`
}

/** Tuned models are a kind of their own. */
function resourceOf(model: string): string {
  const [kind, ...rest] = model.split('/')
  const isResource = rest.length > 0 && (kind === 'models' || kind === 'tunedModels')
  return isResource ? `${kind}/${encodeURIComponent(rest.join('/'))}` : `models/${encodeURIComponent(model)}`
}

/** A model as a body names it: with its kind. */
export function geminiModelName(model: string): string {
  return resourceOf(model).startsWith('models/') ? `models/${model.replace(/^models\//, '')}` : model
}

/** A proof of another vendor's thought, where a client carried it here: in quotes, as a signature of Google's would be. */
const DISGUISED = new RegExp(`"${DISGUISE}[A-Za-z0-9+/]*={0,2}"`, 'g')

/** The body that leaves: our own fields gone, the model renamed where it is named; every other byte is the caller's. */
export function geminiBody(call: Call, { model }: Deployment, ownFields: readonly string[]): string {
  const { body, members } = call
  const named = JSON.stringify(geminiModelName(model))
  const edits: Record<string, string | null> = {}
  for (const field of ownFields) if (members.has(field)) edits[field] = null
  if (members.has('model')) edits['model'] = named
  // Ours, where a client could not write it into the path.
  if (members.has('stream')) edits['stream'] = null
  for (const field of ['generateContentRequest', 'generate_content_request'] as const) {
    const inner = body[field]
    if (isObject(inner) && inner['model'] !== undefined)
      edits[field] = JSON.stringify({ ...inner, model: JSON.parse(named) as JsonValue })
  }
  const requests = body['requests']
  if (Array.isArray(requests))
    edits['requests'] = JSON.stringify(
      requests.map((one: JsonValue) => (isObject(one) ? { ...one, model: JSON.parse(named) as JsonValue } : one)),
    )
  const edited = members.edited(edits)
  return edited.includes(DISGUISE) ? edited.replace(DISGUISED, JSON.stringify(NO_SIGNATURE)) : edited
}
