// Calls of a provider's API for batches: one after another, with the credential that the batch belongs to.
import type { JsonObject } from '../core/json.ts'
import { parseObject } from '../core/json-read.ts'
import type { Credential, Provider } from '../core/model.ts'
import type { BatchCall } from '../providers/batch-wire.ts'
import type { UpstreamAnswer } from '../providers/upstream.ts'
import type { AttemptTools } from '../routing/attempt-run.ts'

export type BatchLineTo = {
  readonly provider: Provider
  readonly credential: Credential | null
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** The provider has said no, in its own words; another try would be answered alike. */
export class BatchRefused extends Error {
  readonly isOfAbsence: boolean
  constructor(status: number) {
    super(`the provider refuses with ${status}`)
    this.isOfAbsence = status === 404 || status === 410
    this.name = 'BatchRefused'
  }
}

/** Files of requests and of results take their time. */
const CALL_MS = 600_000
const MOST_ANSWER_BYTES = 16 * 1024 ** 2
const LINE_BREAK = 0x0a
/** A passing state of the provider, or of what it grants. */
const PASSING: ReadonlySet<number> = new Set([408, 409, 425, 429])

/** The answer as JSON. Throws BatchRefused, or an error that may pass. */
export async function askProvider(call: BatchCall, to: BatchLineTo, tools: AttemptTools): Promise<JsonObject> {
  const answer = await send(call, to, tools)
  const json = parseObject(new TextDecoder().decode(await answer.bytes(MOST_ANSWER_BYTES)))
  if (json === null) throw new Error('the provider’s answer is no JSON object')
  return json
}

/** The lines of the answer as it arrives, in pieces. Throws as `askProvider`, and for a line beyond every answer's size. */
export async function* readProvider(call: BatchCall, to: BatchLineTo, tools: AttemptTools): AsyncGenerator<Uint8Array> {
  let lineBytes = 0
  for await (const chunk of (await send(call, to, tools)).chunks()) {
    const breakAt = chunk.lastIndexOf(LINE_BREAK)
    lineBytes = breakAt < 0 ? lineBytes + chunk.length : chunk.length - breakAt - 1
    if (lineBytes > MOST_ANSWER_BYTES) throw new Error(`a line of results has more than ${MOST_ANSWER_BYTES} bytes`)
    yield chunk
  }
}

async function send(
  { method, url, body }: BatchCall,
  { provider, credential, headers, signal }: BatchLineTo,
  { upstream }: AttemptTools,
): Promise<UpstreamAnswer> {
  const { timeouts } = provider
  const bytes = body === null || typeof body === 'string' ? body : body.bytes
  const type = body !== null && typeof body !== 'string' ? body.contentType : 'application/json'
  const answer = await upstream.call({
    provider,
    credential,
    method,
    url,
    headers: { accept: 'application/json', ...headers, ...(body === null ? {} : { 'content-type': type }) },
    body: bytes,
    timeouts: { ...timeouts, firstTokenMs: CALL_MS, totalMs: CALL_MS },
    stream: false,
    signal,
  })
  if (answer.status < 400) return answer
  answer.cancel()
  if (answer.status < 500 && !PASSING.has(answer.status)) throw new BatchRefused(answer.status)
  throw new Error(`the provider answered with ${answer.status}`)
}
