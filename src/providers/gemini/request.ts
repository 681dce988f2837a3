// A request to Gemini's API or to Vertex: where it goes, and the caller's own body with the few fields changed that must be.
import type { Call } from '../../core/call.ts'
import { DISGUISE, NO_SIGNATURE } from '../../core/formats/gemini-signatures.ts'
import { editMembers, isObject } from '../../core/json.ts'
import type { JsonValue } from '../../core/json.ts'
import type { Auth, Deployment } from '../../core/model.ts'

/** AI Studio's keys. */
export const GEMINI_AUTH: Auth = { type: 'header', header: 'x-goog-api-key', prefix: '' }
/** Vertex's access tokens. */
export const VERTEX_AUTH: Auth = { type: 'bearer' }

export const GEMINI_BASE_URL = 'https://generativelanguage.googleapis.com/v1beta'

/**
 * Base URL of Vertex for a project, or of its express mode, which has keys and no project. Without a region, or with
 * `global`, the endpoint of all regions.
 */
export function vertexBaseUrl({
  project,
  region = 'global',
}: {
  readonly project?: string
  readonly region?: string
}): string {
  const host = region === 'global' ? 'aiplatform.googleapis.com' : `${region}-aiplatform.googleapis.com`
  if (project === undefined) return `https://${host}/v1/publishers/google`
  return `https://${host}/v1/projects/${encodeURIComponent(project)}/locations/${encodeURIComponent(region)}/publishers/google`
}

/** Where a chat goes: a stream as events, which is asked for in the query. */
export function geminiChatUrl(deployment: Deployment, stream: boolean): string {
  return stream ? urlOf(deployment, 'streamGenerateContent', 'alt=sse') : urlOf(deployment, 'generateContent')
}

export function geminiCountUrl(deployment: Deployment): string {
  return urlOf(deployment, 'countTokens')
}

/** One input or several: the caller's own form tells. */
export function geminiEmbedUrl(call: Call, deployment: Deployment): string {
  return urlOf(deployment, Array.isArray(call.body['requests']) ? 'batchEmbedContents' : 'embedContent')
}

/** Where translated embeddings go. */
export function geminiBatchEmbedUrl(deployment: Deployment): string {
  return urlOf(deployment, 'batchEmbedContents')
}

/** Vertex's own form of embeddings, older than Gemini's and still that of its models. */
export function vertexPredictUrl(deployment: Deployment): string {
  return urlOf(deployment, 'predict')
}

function urlOf({ provider, model }: Deployment, method: string, query?: string): string {
  const queries = [query, provider.quirks.query].filter((one) => one !== undefined)
  return `${provider.baseUrl}/${resourceOf(model)}:${method}${queries.length > 0 ? `?${queries.join('&')}` : ''}`
}

/** Tuned models are a kind of their own. */
function resourceOf(model: string): string {
  const [kind, ...rest] = model.split('/')
  const isResource = rest.length > 0 && (kind === 'models' || kind === 'tunedModels')
  return isResource ? `${kind}/${encodeURIComponent(rest.join('/'))}` : `models/${encodeURIComponent(model)}`
}

/** A proof of another vendor's thought, where a client carried it here: in quotes, as a signature of Google's would be. */
const DISGUISED = new RegExp(`"${DISGUISE}[A-Za-z0-9+/]*={0,2}"`, 'g')

/** The body that leaves: our own fields gone, the model renamed where it is named; every other byte is the caller's. */
export function geminiBody(call: Call, { model }: Deployment, ownFields: readonly string[]): string {
  const { body, members, text } = call
  const named = JSON.stringify(
    resourceOf(model).startsWith('models/') ? `models/${model.replace(/^models\//, '')}` : model,
  )
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
  const edited = editMembers(text, members, edits)
  return edited.includes(DISGUISE) ? edited.replace(DISGUISED, JSON.stringify(NO_SIGNATURE)) : edited
}
