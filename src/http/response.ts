// A reply as a `Response`, as Bun's server and whoever calls the gateway as a function take it, and back.
import { piecesOf } from '../core/reply.ts'
import type { Reply } from '../core/reply.ts'

/** Responses that are streams: a look at their headers would make an object of them for each request. */
const streamed = new WeakSet<Response>()

export function isStreamed(response: Response): boolean {
  return streamed.has(response)
}

export function responseOf({ status, headers, body }: Reply): Response {
  if (body.type === 'whole') return new Response(body.bytes as Uint8Array<ArrayBuffer> | string, { status, headers })
  return streamedResponse(piecesOf(body), { status, headers })
}

/** A response that is whole, as a reply. */
export async function replyOf(response: Response): Promise<Reply> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, headers: Object.fromEntries(response.headers), body: { type: 'whole', bytes } }
}

/** A response that is a stream. Bun and Node take an async iterable as a body, with backpressure. */
function streamedResponse(
  pieces: AsyncIterable<Uint8Array>,
  init: { readonly status: number; readonly headers: Record<string, string> | Headers },
): Response {
  const response = new Response(pieces as AsyncGenerator<Uint8Array>, init)
  streamed.add(response)
  return response
}
