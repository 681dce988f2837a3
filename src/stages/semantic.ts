// Questions in other words: the last thing that a user says becomes a vector, and the answer to a kept question that is
// near enough, with everything around it the same, is given again.
//
// The vector comes from the embedding model of the route, asked down the path like any request: it is booked to the caller's
// key and counts in its limits, whatever models and endpoints the key is for. Where it does not come in time, the request
// goes its own way and is kept as an exact one.
import { textOf } from '../core/reply.ts'
import { abortSignalOf } from '../core/closing-signal.ts'
import type { ClosingSignal } from '../core/closing-signal.ts'
import { fingerprint } from '../cache/fingerprint.ts'
import { questionOf } from '../cache/question.ts'
import { unitVector } from '../cache/vectors.ts'
import type { Near } from '../cache/vectors.ts'
import type { RoutingOptions } from '../core/call.ts'
import { isObject } from '../core/json.ts'
import { parseObject } from '../core/json-read.ts'
import { handle } from '../handle.ts'
import { entranceOf, matchEndpoint } from '../http/endpoints.ts'
import type { KeyWithTeam } from '../store/store.ts'
import { identified } from './authenticate.ts'
import type { Engine } from './engine.ts'
import type { Recalled } from './recalled.ts'

/** A question as a vector, with the nearest one that is kept. */
export type Meant = { readonly space: string; readonly vector: Float32Array; readonly near: Near | null }

const PATH = '/v1/embeddings'
const EMBED_MS = 2_000
const TAG = 'cache:embedding'

/** Null: it is no question in plain words, or there is no vector of it. */
export async function meantBy(
  recalled: Recalled,
  embedding: string,
  { within, routing }: { readonly within: string; readonly routing: RoutingOptions | null },
  { vectors, clock, log }: Pick<Engine, 'vectors' | 'clock' | 'log'>,
): Promise<Meant | null> {
  const { exchange, call } = recalled
  const question = questionOf(call)
  if (question === null) return null
  const { ownFields } = exchange.entrance.dialect
  const space = fingerprint(question.rest, { ownFields, routing, within: `${within} near ${embedding}` })
  const late = new AbortController()
  const cancel = clock.after(EMBED_MS, () => late.abort())
  try {
    const vector = await embedded(recalled, embedding, question.text, late.signal)
    if (vector !== null) return { space, vector, near: await vectors.nearest(space, vector) }
    log.warn('question_not_embedded', { request: exchange.id, model: embedding })
    return null
  } catch (error) {
    log.warn('question_not_embedded', { request: exchange.id, model: embedding, error: String(error) })
    return null
  } finally {
    cancel()
  }
}

async function embedded(
  { caller, stages }: Recalled,
  model: string,
  input: string,
  signal: ClosingSignal,
): Promise<Float32Array | null> {
  const entrance = entranceOf(matchEndpoint('POST', PATH), PATH, PATH)
  if (entrance === null) throw new Error(`${PATH} is no endpoint that relays`)
  const request = new Request(`http://gateway${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, input, encoding_format: 'float' }),
    signal: abortSignalOf(signal),
  })
  const reply = await handle(request, entrance, () => null, {
    ...stages,
    authenticate: (exchange) => {
      const known = identified(exchange, unrestricted(caller))
      exchange.tags = [...exchange.tags, TAG]
      return known
    },
    recall: () => null,
  })
  const answer = parseObject(await textOf(reply))
  const [first] = Array.isArray(answer?.['data']) ? answer['data'] : []
  const numbers = isObject(first) ? first['embedding'] : null
  if (!Array.isArray(numbers) || !numbers.every((number) => typeof number === 'number')) return null
  return unitVector(numbers)
}

/** The caller as the operator's cache asks in its name: which model makes the vectors is not the caller's to choose. */
function unrestricted({ key, team }: KeyWithTeam): KeyWithTeam {
  return {
    key: { ...key, models: null, endpoints: null, requireEndUser: false },
    team: team === null ? null : { ...team, models: null },
  }
}
