// Kept responses on the path: what a request goes on from is looked up, and what it was answered is put away.
//
// An id that was made here is resolved here, whatever the target. One that a provider made is the provider's to look up
// where the target speaks Responses; anywhere else the answer that was kept of it stands in.
import type { Call, History } from './core/call.ts'
import { GatewayError } from './core/error.ts'
import type { StoredResponse } from './core/formats/responses-history.ts'
import { fullInput, keptItems, referencedIds, withFullInput } from './core/formats/responses-history.ts'
import { scanJson } from './core/json.ts'
import type { JsonObject } from './core/json.ts'
import { objectOf, parseObject, stringOf } from './core/json-read.ts'
import { resolvedInput } from './dialects/openai-responses-stored.ts'
import { watchedStream } from './providers/answer-stream.ts'
import type { AnswerStream } from './providers/answer-stream.ts'
import type { ResponseStore } from './store/store.ts'

const MOST_TURNS = 1_000
const MOST_REFERENCES = 1_000
/** Every id that is made here begins so; providers' do not. */
const OWN_ID = 'resp_req_'
const UNBOUNDED = { depth: Number.MAX_SAFE_INTEGER, keys: Number.MAX_SAFE_INTEGER }

type LookUp = {
  readonly store: ResponseStore
  readonly keyId: string
  readonly now: number
  /** Largest conversation, in characters of JSON. */
  readonly limit: number
}

/**
 * The call with what it goes on from. Throws `not_found` for a response of ours that is not there, `request_malformed`
 * for items that nobody keeps, `request_too_large` for a conversation beyond the limit.
 */
export async function withHistory(call: Call, { store, keyId, now, limit }: LookUp): Promise<Call> {
  const { body } = call
  const previous = stringOf(body, 'previous_response_id')
  const references = referencedIds(body['input'])
  if (previous === null && references.length === 0) return call
  if (references.length > MOST_REFERENCES)
    throw new GatewayError('request_malformed', {
      message: `The input refers to ${references.length} items; ${MOST_REFERENCES} is the most.`,
      param: 'input',
    })
  const owner = { keyId, now }
  const chain = previous === null ? [] : await store.getResponseChain(previous, { ...owner, limit: MOST_TURNS })
  const kept =
    references.length === 0 ? new Map<string, JsonObject>() : await store.findResponseItems(references, owner)
  const { items, missing } = fullInput(chain, body['input'], kept)
  const said = items.slice(fullInput(chain, []).items.length)
  // What only the provider can look up stays a reference.
  const unknown = missing.map((id) => ({ type: 'item_reference', id }))
  const whole = wholeBody(body, chain, kept)
  const history: History = { sent: body, said: [...said, ...unknown], whole }
  const isOurs = previous === null ? references.every((id) => kept.has(id)) : previous.startsWith(OWN_ID)
  if (!isOurs) return { ...call, history }
  if (whole instanceof GatewayError) throw whole
  const text = call.members.edited({
    input: JSON.stringify(whole['input']),
    previous_response_id: null,
  })
  if (text.length > limit)
    throw new GatewayError('request_too_large', {
      message: `With the responses before it, the request has ${text.length} characters; ${limit} is the most.`,
      param: 'previous_response_id',
    })
  return { ...call, text, members: scanJson(text, UNBOUNDED).members, body: whole, history }
}

function wholeBody(
  body: JsonObject,
  chain: readonly StoredResponse[],
  kept: ReadonlyMap<string, JsonObject>,
): JsonObject | GatewayError {
  if (chain.some(({ response }) => objectOf(response, 'conversation') !== null))
    return new GatewayError('unsupported', {
      message:
        'The response before this one belongs to a conversation that its provider keeps, and this request goes to another.',
      param: 'previous_response_id',
    })
  try {
    return withFullInput(body, resolvedInput(body, chain, kept))
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}

/** Whether the answer to a call is to be kept. */
export function isKept(call: Call): boolean {
  return call.operation === 'responses' && call.body['store'] !== false
}

type Answered = {
  readonly call: Call
  /** Id of the request. */
  readonly id: string
  readonly keyId: string
  readonly now: number
  readonly retentionMs: number
}

/**
 * What is kept of an answer; null when it holds no response.
 * @param text the whole answer, or the piece of a stream that has its last event
 */
export function responseToKeep(
  text: string,
  { call, id: requestId, keyId, now, retentionMs }: Answered,
): StoredResponse | null {
  const response = call.facts.stream ? lastResponse(text) : parseObject(text)
  const id = response === null ? null : stringOf(response, 'id')
  if (response === null || id === null) return null
  // No provider decides about our own ids.
  if (id.startsWith(OWN_ID) && id !== `resp_${requestId}`) return null
  const sent = call.history?.sent ?? call.body
  const said = call.history?.said ?? fullInput([], sent['input']).items
  return {
    id,
    keyId,
    createdAt: now,
    expiresAt: now + retentionMs,
    previousId: stringOf(sent, 'previous_response_id'),
    input: keptItems(said, requestId.replace(/^[a-z]+_/, 'in_')),
    response,
  }
}

/** The response in the last event of a stream. */
function lastResponse(text: string): JsonObject | null {
  for (const line of text.split(/\r\n|\r|\n/).toReversed()) {
    const event = line.startsWith('data:') ? parseObject(line.slice('data:'.length)) : null
    const response = event === null ? null : objectOf(event, 'response')
    if (response !== null) return response
  }
  return null
}

/** The stream, whose last piece waits until `keep` is done with it. */
export function keptStream(stream: AnswerStream, keep: (bytes: Uint8Array) => Promise<void>): AnswerStream {
  return watchedStream(stream, ({ bytes, last }) => (last ? keep(bytes) : undefined))
}
