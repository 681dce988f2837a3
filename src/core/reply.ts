// What goes back to a client, before a server gives it its form.
import { promised, tell } from './waiting.ts'
import type { Waiting } from './waiting.ts'

export type Reply = {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Record<string, string>
  readonly body: ReplyBody
}

export type ReplyBody =
  | { readonly type: 'whole'; readonly bytes: Uint8Array | string }
  | { readonly type: 'stream'; readonly pieces: Pieces }

/** A body that comes piece by piece, to be asked for one at a time. */
export interface Pieces {
  /** Gives the next piece, which may be empty, null after the last one; fails where the body breaks off and nothing of it can say so. */
  take(waiting: Waiting<Uint8Array | null>): void
  /** The client has gone, perhaps before the first piece was asked for. Resolves when that has been seen to. */
  leave(): Promise<void>
}

export function bytesOf({ bytes }: ReplyBody & { readonly type: 'whole' }): Uint8Array {
  return typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
}

/** What a generator makes, as a body: for what is no stream of a provider, in which every event would pay for the promises. */
export function piecesFrom(made: AsyncIterator<Uint8Array, unknown>): Pieces {
  return {
    take(waiting) {
      const next = made.next().then(({ done, value }) => (done === true ? null : value))
      tell(next, waiting)
    },
    async leave() {
      await made.return?.()
    },
  }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** The pieces of a stream for whoever reads them with `for await`; none of them is empty. */
export function piecesOf({ pieces }: ReplyBody & { readonly type: 'stream' }): AsyncIterableIterator<Uint8Array> {
  return {
    async next() {
      for (;;) {
        const piece = await promised<Uint8Array | null>((waiting) => pieces.take(waiting))
        if (piece === null) return END
        if (piece.length > 0) return { done: false, value: piece }
      }
    },
    return: () => pieces.leave().then(() => END),
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** All of a body as text; rejects where a stream breaks off. */
export async function textOf({ body }: Reply): Promise<string> {
  if (body.type === 'whole') return typeof body.bytes === 'string' ? body.bytes : new TextDecoder().decode(body.bytes)
  const pieces: Uint8Array[] = []
  for await (const piece of piecesOf(body)) pieces.push(piece)
  return new TextDecoder().decode(Buffer.concat(pieces))
}
