// Requests that the gateway sends itself, down the path of every request, under a key that nobody else can be.
import type { ClientRequest } from '../core/client-request.ts'
import { textOf } from '../core/reply.ts'
import { NO_LIMITS } from '../core/key.ts'
import { handle } from '../handle.ts'
import type { Stages } from '../handle.ts'
import { entranceOf, matchEndpoint } from '../http/endpoints.ts'
import { identified } from '../stages/authenticate.ts'
import type { KeyWithTeam } from '../store/store.ts'

const CHAT_PATH = '/v1/chat/completions'

/** A key without a secret. What its requests cost is booked on it, under its tag. */
export function ownCaller(id: string, tag: string): KeyWithTeam {
  const key = {
    id,
    name: tag,
    teamId: null,
    models: null,
    endpoints: null,
    addresses: null,
    limits: NO_LIMITS,
    tags: [tag],
    requireEndUser: false,
    // What the gateway asks for itself is no work of anybody's, and nothing is learned from its answer.
    metadata: { lab: 'off' },
    disabled: false,
    createdAt: 0,
    expiresAt: null,
    secrets: [],
  }
  return { key, team: null }
}

/** Resolves when the answer is over, whatever it was. */
export async function sendOwn(stages: Stages, request: ClientRequest, caller: KeyWithTeam): Promise<void> {
  const { pathname } = new URL(request.url)
  const entrance = entranceOf(matchEndpoint(request.method, pathname), pathname, request.url)
  if (entrance === null) return
  // What is kept says nothing of who answers today.
  const own: Stages = { ...stages, authenticate: (exchange) => identified(exchange, caller), recall: () => null }
  const reply = await handle(request, entrance, () => null, own)
  // An answer that breaks off is a finding, and no fault of who asked.
  await textOf(reply).catch(() => undefined)
}

/** A small chat that every model of chat can answer. */
export function smallChat(model: string, isStream: boolean, signal: AbortSignal): Request {
  return new Request(`http://gateway${CHAT_PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: 'Answer with the word ready.' }],
      max_tokens: 16,
      stream: isStream,
    }),
    signal,
  })
}
