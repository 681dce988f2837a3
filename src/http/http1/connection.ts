// A client's connection: one request after the other, each answered before the next one is looked at.
//
//   idle ──head──▶ busy ──answer out──▶ idle
//     │              └──last answer──▶ leaving ──▶ closed
//     └──anything else than a plain request──▶ tunnel
//
// Whole answers and events are one write each. What the socket does not take waits here, and a stream waits with it.
import type { Socket } from 'bun'
import { isAscii } from 'node:buffer'
import { GatewayError } from '../../core/error.ts'
import type { Reply } from '../../core/reply.ts'
import { ReceivedRequest } from './received-request.ts'
import type { Bearer } from './received-request.ts'
import { HEAD_ROOM, writeChunkSize, writeReplyHead } from './reply-head.ts'
import type { ReplyHead } from './reply-head.ts'
import { readRequestHead } from './request-head.ts'
import { Tunnel } from './side-door.ts'
import { StreamedReply } from './streamed-reply.ts'
import type { Outlet } from './streamed-reply.ts'

/** What connections need of the listener. */
export type ConnectionTools = {
  /** Null: the request is for the server beside us. Never rejects. */
  readonly answer: (request: ReceivedRequest, addressOf: () => string | null) => Promise<Reply> | null
  /** Hands a connection over. */
  readonly handOver: (tunnel: Tunnel, addressOf: () => string | null) => void
  readonly onError: (error: unknown) => void
  readonly now: () => number
  /** From now on every answer is the last one on its connection. */
  isRetiring: boolean
  /** Answers that are not out yet. */
  pending: number
  /** How long a connection may lie idle, or take nothing of an answer, s. */
  readonly idleS: number
  /** The same of a stream, whose provider may be silent for long. */
  readonly streamIdleS: number
}

const HEAD_END = '\r\n\r\n'
/** A first piece is looked at as text so far; a head is shorter. */
const TEXT_BYTES = 16 * 1024
/** What leaves is put together here, if it fits: a socket takes what it is given during the call, or says what it has left. */
const DESK = Buffer.allocUnsafeSlow(2 * HEAD_ROOM)
const CARRIAGE_RETURN = 13
const LINE_FEED = 10
const CHUNK_END = new Uint8Array([CARRIAGE_RETURN, LINE_FEED])
const NO_END = new Uint8Array(0)
const LAST_CHUNK = '0\r\n\r\n'
/** Requests sent ahead of their turn wait in the socket beyond this. */
const AHEAD_BYTES = 64 * 1024
/** So much of a body that nobody wants is read to the end, to keep the connection. */
const UNWANTED_BYTES = 1024 * 1024
/** A client that was told goodbye has this long to close, s; until then what it sends is thrown away, so that it can read the answer. */
const LEAVING_S = 2

export class Connection implements Bearer, Outlet {
  readonly #tools: ConnectionTools
  readonly #socket: Socket<Connection>
  #request: ReceivedRequest | null = null
  #tunnel: Tunnel | null = null
  /** Bytes of a body whose request has been answered. */
  #unwantedBytes = 0
  /** What came behind the request that is being answered. */
  #ahead: Buffer | null = null
  #unsent: Uint8Array | null = null
  #onDrained: (() => void) | null = null
  /** Null: the answer is no stream. */
  #streamed: StreamedReply | null = null
  #isLeaving = false
  #isClosed = false
  #isPaused = false
  /** Seconds in which nothing has happened. */
  #quietS = 0

  constructor(socket: Socket<Connection>, tools: ConnectionTools) {
    this.#socket = socket
    this.#tools = tools
  }

  readonly #addressOf = (): string | null => this.#socket.remoteAddress.replace(/^::ffff:/, '') || null

  received(data: Buffer): void {
    if (this.#tunnel !== null) return this.#tunnel.receive(data)
    // Whoever was told goodbye gets no more time by talking on.
    if (this.#isLeaving) return
    this.#quietS = 0
    if (this.#unwantedBytes > 0) return this.#skip(data)
    if (this.#request === null) return this.#begin(data)
    const missing = this.#request.missingBytes
    if (data.length <= missing) this.#request.receive(data)
    else {
      if (missing > 0) this.#request.receive(data.subarray(0, missing))
      this.#putAhead(missing > 0 ? data.subarray(missing) : data)
    }
    if (this.#request.isFull || (this.#ahead?.length ?? 0) > AHEAD_BYTES) this.#pause()
  }

  /** The body is wanted now. */
  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }

  /** The socket takes more. */
  drained(): void {
    this.#quietS = 0
    if (this.#tunnel !== null) return this.#tunnel.drained()
    if (this.#unsent !== null) {
      const taken = this.#socket.write(this.#unsent)
      if (taken > 0) this.#unsent = taken >= this.#unsent.length ? null : this.#unsent.subarray(taken)
      if (this.#unsent !== null) return
    }
    const onDrained = this.#onDrained
    this.#onDrained = null
    onDrained?.()
  }

  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#tunnel?.close()
    this.#request?.abort()
    const onDrained = this.#onDrained
    this.#onDrained = null
    onDrained?.()
  }

  /** A second has passed. */
  tick(): void {
    if (this.#tunnel !== null || this.#isClosed) return
    this.#quietS++
    const { idleS, streamIdleS } = this.#tools
    if (this.#isLeaving) {
      if (this.#unsent === null ? this.#quietS > LEAVING_S : this.#quietS > idleS) this.#socket.terminate()
    } else if (this.#unsent !== null) {
      if (this.#quietS > (this.#streamed === null ? idleS : streamIdleS)) this.#socket.terminate()
    } else if (this.#request === null && this.#quietS > idleS) this.#socket.end()
  }

  /** Closes it where nothing is going on. */
  retire(): void {
    if (this.#request === null && this.#tunnel === null && this.#unsent === null) this.#socket.end()
  }

  kill(): void {
    this.#socket.terminate()
  }

  #begin(data: Buffer): void {
    // Most requests are small and ASCII: then head and body are parts of one text, and nothing else is made of their bytes.
    const text = data.toString('latin1', 0, Math.min(data.length, TEXT_BYTES))
    const end = text.indexOf(HEAD_END)
    const head = end < 0 ? null : readRequestHead(text.slice(0, end))
    if (head === null) return this.#handOver(data)
    const bodyAt = end + HEAD_END.length
    const isText = bodyAt + head.bodyBytes <= text.length && isAscii(data)
    const bodyEnd = Math.min(data.length, bodyAt + head.bodyBytes)
    const request = new ReceivedRequest(head, isText ? text.slice(bodyAt, bodyEnd) : null, this)
    if (!isText && bodyEnd > bodyAt) request.receive(data.subarray(bodyAt, bodyEnd))
    const answer = this.#tools.answer(request, this.#addressOf)
    if (answer === null) return this.#handOver(data)
    this.#request = request
    this.#tools.pending++
    if (bodyEnd < data.length) this.#putAhead(data.subarray(bodyEnd))
    answer.then(this.#reply, this.#fail)
  }

  #handOver(data: Buffer): void {
    const tunnel = new Tunnel(this.#socket)
    this.#tunnel = tunnel
    tunnel.receive(data)
    this.#tools.handOver(tunnel, this.#addressOf)
  }

  #putAhead(data: Buffer): void {
    this.#ahead = this.#ahead === null ? data : Buffer.concat([this.#ahead, data])
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#socket.pause()
  }

  #skip(data: Buffer): void {
    const skipped = Math.min(data.length, this.#unwantedBytes)
    this.#unwantedBytes -= skipped
    if (skipped < data.length) this.received(data.subarray(skipped))
  }

  readonly #reply = (reply: Reply): void => {
    const { status, headers, body } = reply
    const isLast = this.#isLast(reply)
    if (body.type === 'stream') {
      this.#streamed = new StreamedReply({ status, headers, length: null, isLast }, body.pieces, this)
      this.#streamed.goOn()
      return
    }
    if (this.#isClosed) return void this.#tools.pending--
    const { bytes } = body
    const length = typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
    try {
      const end = writeReplyHead(DESK, { status, headers, length, isLast }, this.#tools.now())
      this.#put(end, bytes, length, false)
    } catch (error) {
      return this.#fail(error)
    }
    this.#whenOut(isLast)
  }

  readonly #fail = (error: unknown): void => {
    this.#tools.onError(error)
    this.#breakOff()
  }

  #breakOff(): void {
    this.#tools.pending--
    this.#socket.terminate()
  }

  #isLast({ headers }: Pick<Reply, 'headers'>): boolean {
    const request = this.#request
    if (this.#tools.isRetiring || request === null || request.isLast) return true
    return headers['connection'] === 'close' || request.missingBytes > UNWANTED_BYTES
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  sendChunk(head: ReplyHead | null, bytes: Uint8Array): boolean {
    const at = head === null ? 0 : writeReplyHead(DESK, head, this.#tools.now())
    this.#put(writeChunkSize(DESK, at, bytes.length), bytes, bytes.length, true)
    if (this.#unsent === null) return true
    this.#onDrained = this.#streamed?.goOn ?? null
    return false
  }

  sendEnd(head: ReplyHead | null, isLast: boolean): void {
    const at = head === null ? 0 : writeReplyHead(DESK, head, this.#tools.now())
    this.#put(at, LAST_CHUNK, LAST_CHUNK.length, false)
    this.#whenOut(isLast)
  }

  left(): void {
    this.#tools.pending--
  }

  broke(error: unknown): void {
    // An end would look sound: the connection breaks off as its answer does. That a provider broke off is on record already.
    if (error instanceof GatewayError) this.#breakOff()
    else this.#fail(error)
  }

  #whenOut(isLast: boolean): void {
    if (this.#unsent === null) this.#next(isLast)
    else this.#onDrained = () => this.#next(isLast)
  }

  /** The answer is out. */
  #next(isLast: boolean): void {
    const missing = this.#request?.missingBytes ?? 0
    this.#request = null
    this.#streamed = null
    this.#tools.pending--
    if (this.#isClosed) return
    if (isLast) return this.#leave(missing > 0)
    this.#unwantedBytes = missing
    const ahead = this.#ahead
    this.#ahead = null
    this.resume()
    if (ahead !== null) this.received(ahead)
  }

  /** @param isSending the client has not sent all that it began to send */
  #leave(isSending: boolean): void {
    this.#isLeaving = true
    if (!isSending) return void this.#socket.end()
    // Closed at once, what it still sends would be answered with a reset, which may overtake the answer.
    this.resume()
    this.#socket.shutdown()
  }

  /** Sends what lies on the desk up to `at`, and `length` bytes, which are a chunk or a body. */
  #put(at: number, bytes: Uint8Array | string, length: number, isChunk: boolean): void {
    this.#quietS = 0
    const bodyEnd = at + length
    const whole = isChunk ? bodyEnd + CHUNK_END.length : bodyEnd
    if (this.#unsent !== null || whole > DESK.length) return this.#putLarge(at, bytes, isChunk ? CHUNK_END : NO_END)
    if (typeof bytes === 'string') DESK.write(bytes, at, 'utf8')
    else DESK.set(bytes, at)
    if (isChunk) {
      DESK[bodyEnd] = CARRIAGE_RETURN
      DESK[bodyEnd + 1] = LINE_FEED
    }
    const taken = this.#socket.write(DESK, 0, whole)
    // -1: it is closed, and its handler says so.
    if (taken >= 0 && taken < whole) this.#unsent = Buffer.from(DESK.subarray(taken, whole))
  }

  #putLarge(at: number, bytes: Uint8Array | string, end: Uint8Array): void {
    const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    const parts = [DESK.subarray(0, at), body, end]
    if (this.#unsent !== null) {
      this.#unsent = Buffer.concat([this.#unsent, ...parts])
      return
    }
    const whole = Buffer.concat(parts)
    const taken = this.#socket.write(whole)
    if (taken >= 0 && taken < whole.length) this.#unsent = whole.subarray(taken)
  }
}
