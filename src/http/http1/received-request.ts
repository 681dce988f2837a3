// A request on a connection of our own. It is its own signal: aborted when the client goes away before its answer has ended.
//
//   coming ──last byte──▶ here
//      └──client leaves──▶ gone
//
// What comes of the body is kept from the start, but no more of it than `EARLY_BYTES` before somebody asks for it: a stranger cannot make
// the gateway hold what it has not agreed to.
import type { ClientRequest } from '../../core/client-request.ts'
import type { ClosingListener, ClosingSignal } from '../../core/closing-signal.ts'
import type { HeaderSource } from '../../core/headers.ts'
import type { RequestHead } from './request-head.ts'

/** What a request needs of the connection it came on. */
export interface Bearer {
  /** The body is wanted now. */
  resume(): void
}

/** So much of a body is read before anybody has asked for it. */
const EARLY_BYTES = 64 * 1024
const NO_BYTES = new Uint8Array(0)

export class ReceivedRequest implements ClientRequest, ClosingSignal {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** The client wants no more answers on its connection. */
  readonly isLast: boolean
  readonly headers: HeaderSource
  readonly body = null
  aborted = false
  /** The body, where all of it came with the head and is ASCII. */
  readonly ascii: string | null
  #missingBytes: number
  /** Null once nobody is left who may ask for it: the answer may take minutes, and a long conversation is not held for it. */
  #bytes: Uint8Array | null = NO_BYTES
  /** Who may still ask for the body: this one, and its clones. */
  #readers = 1
  #parts: Uint8Array[] | null = null
  #coming: PromiseWithResolvers<Uint8Array> | null = null
  #listeners: ClosingListener[] | null = null
  readonly #bearer: Bearer

  constructor({ method, target, headers, bodyBytes, isLast }: RequestHead, ascii: string | null, bearer: Bearer) {
    this.method = method
    this.target = target
    this.isLast = isLast
    this.headers = headers
    this.ascii = ascii
    this.#missingBytes = ascii === null ? bodyBytes : 0
    this.#bearer = bearer
  }

  get url(): string {
    return `http://gateway${this.target}`
  }

  get signal(): ClosingSignal {
    return this
  }

  /** Bytes of the body that have not come. */
  get missingBytes(): number {
    return this.#missingBytes
  }

  /** More has come than may lie here unasked. */
  get isFull(): boolean {
    return (
      this.#coming === null &&
      this.#parts !== null &&
      this.#parts.reduce((sum, { length }) => sum + length, 0) > EARLY_BYTES
    )
  }

  /** A part of the body, never more than is missing. */
  receive(part: Uint8Array): void {
    this.#missingBytes -= part.length
    if (this.#missingBytes > 0) {
      ;(this.#parts ??= []).push(part)
      return
    }
    const bytes = this.#parts === null ? part : Buffer.concat([...this.#parts, part])
    this.#parts = null
    this.#coming?.resolve(bytes)
    this.#coming = null
    this.#bytes = this.#readers > 0 ? bytes : null
  }

  bytes(): Promise<Uint8Array> | Uint8Array {
    if (this.ascii !== null) return Buffer.from(this.ascii, 'latin1')
    this.#readers--
    if (this.#missingBytes === 0) {
      const bytes = this.#bytes
      if (bytes === null) throw new TypeError('The body has been read.')
      if (this.#readers === 0) this.#bytes = null
      return bytes
    }
    if (this.#coming !== null) return this.#coming.promise
    this.#coming = Promise.withResolvers()
    if (this.aborted) this.#coming.reject(gone())
    else this.#bearer.resume()
    return this.#coming.promise
  }

  clone(): ClientRequest {
    this.#readers++
    const { method, url, headers, ascii } = this
    return {
      method,
      url,
      headers,
      signal: this,
      body: null,
      ascii,
      bytes: () => this.bytes(),
      clone: () => this.clone(),
    }
  }

  /** The client has gone. */
  abort(): void {
    if (this.aborted) return
    this.aborted = true
    if (this.#missingBytes > 0) this.#coming?.reject(gone())
    const listeners = this.#listeners
    this.#listeners = null
    for (const listener of listeners ?? []) {
      if (typeof listener === 'function') listener()
      else listener.handleEvent()
    }
  }

  addEventListener(_type: 'abort', listener: ClosingListener): void {
    ;(this.#listeners ??= []).push(listener)
  }

  removeEventListener(_type: 'abort', listener: ClosingListener): void {
    const at = this.#listeners?.indexOf(listener) ?? -1
    if (at >= 0) this.#listeners?.splice(at, 1)
  }
}

function gone(): Error {
  return new Error('The client has gone.')
}
