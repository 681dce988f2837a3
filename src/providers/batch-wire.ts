// What a wire must be able to do whose provider has an API for batches of requests: pure, like the rest of it.
import type { BytesBody } from '../core/form.ts'
import type { JsonObject } from '../core/json.ts'
import type { Provider } from '../core/model.ts'

export type BatchCall = {
  readonly method: 'GET' | 'POST'
  /** Absolute, below the provider's base URL. */
  readonly url: string
  /** Null: none. Text is JSON. */
  readonly body: string | BytesBody | null
}

/** What the gateway hands in: the lines, and what they have in common. */
export type HandedIn = {
  /** The gateway's own id of the batch, by which it is found again where the provider keeps such a note. */
  readonly batchId: string
  /** The vendor's id of the model that all lines name. */
  readonly model: string
  /** As `endpointOf` tells it. */
  readonly endpoint: string
  /** Each as `line` wrote it. */
  readonly lines: readonly string[]
  /** Of lines that were uploaded before; null where they go with the call. */
  readonly fileId: string | null
}

/** A batch as its provider tells of it. */
type ProviderBatch =
  | { readonly type: 'running' }
  /** Nothing more is executed; `results`: calls whose answers are lines of results, one after the other. */
  | { readonly type: 'ended'; readonly results: readonly BatchCall[] }

type Found =
  | { readonly type: 'found'; readonly id: string }
  | { readonly type: 'none' }
  /** There is one that may be it, and nothing tells. */
  | { readonly type: 'unsure' }

/** What became of one request: its answer, as if it had been sent alone, or that it was not executed. */
export type ProviderResult = {
  readonly customId: string
  readonly answer: { readonly status: number; readonly body: string } | null
}

export interface BatchWire {
  readonly maxLines: number
  /** Of all lines together. */
  readonly maxBytes: number
  /** The endpoint of requests that would be sent to this URL; null: there are no batches of them. */
  endpointOf(url: string, provider: Provider): string | null
  /** One request; `body` is the JSON text that would be sent alone. */
  line(customId: string, body: string, endpoint: string): string
  /** Hands the lines in ahead of the batch, where it is made of a file; absent: they go with `create`. */
  readonly upload?: {
    call(handed: HandedIn, provider: Provider): BatchCall
    /** Null: the answer names none. */
    idOf(answer: JsonObject): string | null
  }
  create(handed: HandedIn, provider: Provider): BatchCall
  /** The provider's id of the batch in the answer to `create`; null: it names none. */
  idOf(answer: JsonObject): string | null
  get(id: string, provider: Provider): BatchCall
  cancel(id: string, provider: Provider): BatchCall
  /** The answer to `get`. */
  read(answer: JsonObject, provider: Provider): ProviderBatch
  /** The newest batches of the account. */
  list(provider: Provider): BatchCall
  /** Looks for a batch of which it is not known whether it came to be, in the answer to `list`. */
  find(answer: JsonObject, sought: { readonly batchId: string; readonly since: number; readonly lines: number }): Found
  /** One line of results; null: it is none. */
  readResult(line: JsonObject): ProviderResult | null
}
