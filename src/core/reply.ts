// What goes back to a client, before a server gives it its form.

export type Reply = {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Record<string, string>
  readonly body: ReplyBody
}

export type ReplyBody =
  | { readonly type: 'whole'; readonly bytes: Uint8Array | string }
  /** `return` of the iterator is called when the client goes away, also before the first piece was asked for. */
  | { readonly type: 'stream'; readonly pieces: AsyncIterator<Uint8Array, unknown> }

export function bytesOf({ bytes }: ReplyBody & { readonly type: 'whole' }): Uint8Array {
  return typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
}

/** The pieces of a stream for whoever reads them with `for await`. */
export function piecesOf({ pieces }: ReplyBody & { readonly type: 'stream' }): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => pieces }
}

/** All of a body as text; rejects where a stream breaks off. */
export async function textOf({ body }: Reply): Promise<string> {
  if (body.type === 'whole') return typeof body.bytes === 'string' ? body.bytes : new TextDecoder().decode(body.bytes)
  const pieces: Uint8Array[] = []
  for await (const piece of piecesOf(body)) pieces.push(piece)
  return new TextDecoder().decode(Buffer.concat(pieces))
}
