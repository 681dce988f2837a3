// Everything that a provider can do wrong, one row each: what it says to a raw socket, and what may come of it.
import { gzipSync } from 'node:zlib'
import type { Socket } from 'node:net'
import { chunks, completion } from '../gateway.ts'

export type Failure = {
  readonly name: string
  /** Absent: the address itself is the failure. */
  readonly talk?: (socket: Socket, isStream: boolean) => void
  /** The provider's address where it is not that of the socket. */
  readonly address?: 'refused' | 'unknown_host' | 'tls'
  /** What a stream has said before it fails, characters; 0: nothing that a caller sees. */
  readonly saidBefore?: number
  /** What the route needs to go elsewhere. */
  readonly route?: string
  /** Costs much time or memory: tried less often. */
  readonly isCostly?: true
}

const MIB = 1024 * 1024
const SSE = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n'
const WHOLE_TEXT = 'The begun answer of a provider that is about to fail in the middle of it.'
/** What streams say before they fail late. */
export const BEGUN = WHOLE_TEXT.slice(0, 40)
const pieces = (BEGUN.match(/.{1,8}/gs) ?? []) as string[]
const events = chunks(pieces)
const ROLE = events[0] ?? ''
const SAID = events.slice(0, pieces.length + 1).join('')
const BODY = JSON.stringify(completion(WHOLE_TEXT))

const status =
  (code: number, body: string, headers = '') =>
  (socket: Socket): void => {
    socket.end(
      `HTTP/1.1 ${code} Odd\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
  }
const problem = (message: string): string => JSON.stringify({ error: { message, type: 'x', code: null } })
const json = (body: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

/** A stream that says something and then `next`; a whole answer of which half has come and then `next`. */
const midway =
  (next: (socket: Socket) => void) =>
  (socket: Socket, isStream: boolean): void => {
    const head = isStream ? SSE + SAID : json(BODY).slice(0, -40)
    socket.write(head, () => setTimeout(() => next(socket), 5))
  }
/** Made once, and only where they are wanted: they take their time. */
let streamBomb: Buffer | undefined
let wholeBomb: Buffer | undefined
const bombOf = (mebibytes: number): Buffer => gzipSync(new Uint8Array(mebibytes * MIB))
const ignore = (): void => {}

export const FAILURES: readonly Failure[] = [
  { name: 'refused', address: 'refused' },
  { name: 'DNS failure', address: 'unknown_host' },
  { name: 'TLS failure', address: 'tls', talk: (socket) => socket.end('not TLS') },
  { name: 'reset before headers', talk: (socket) => socket.resetAndDestroy() },
  {
    name: 'reset after headers',
    talk: (socket, isStream) =>
      socket.write(isStream ? SSE : json(BODY).slice(0, 80), () => setTimeout(() => socket.resetAndDestroy(), 5)),
  },
  { name: '401', talk: status(401, problem('invalid api key')) },
  { name: '402', talk: status(402, problem('Insufficient Balance')) },
  { name: '403 quota', talk: status(403, problem('Quota exceeded for requests per day')) },
  { name: '408', talk: status(408, problem('timed out')) },
  {
    name: '413 context',
    talk: status(413, problem('prompt is too long: 208310 tokens > 200000 maximum')),
    route: 'on: { context_length: [two/m] }',
  },
  { name: '429 with retry-after', talk: status(429, problem('slow down'), 'retry-after: 20\r\n') },
  { name: '429 without', talk: status(429, problem('slow down')) },
  { name: '500', talk: status(500, problem('oh no')) },
  { name: '503', talk: status(503, problem('overloaded')) },
  { name: '529', talk: status(529, problem('overloaded')) },
  { name: 'HTML 200', talk: (socket) => socket.end(json('<html></html>').replace('application/json', 'text/html')) },
  { name: 'empty 200', talk: (socket) => socket.end(json('')) },
  {
    name: 'error in 200',
    talk: (socket, isStream) => socket.end(isStream ? `${SSE}data: ${problem('no')}\n\n` : json(problem('no'))),
  },
  {
    name: 'error after the first event',
    talk: (socket, isStream) => socket.end(isStream ? `${SSE}${ROLE}data: ${problem('no')}\n\n` : json(problem('no'))),
  },
  {
    name: 'stall before the first token',
    talk: (socket, isStream) => void socket.write(isStream ? SSE + ROLE : SSE.slice(0, 20)),
  },
  { name: 'stall mid-stream', talk: midway(ignore), saidBefore: BEGUN.length },
  {
    name: 'trickle',
    talk: (socket, isStream) => {
      socket.write(isStream ? SSE : json(BODY).slice(0, 90))
      const timer = setInterval(() => socket.write(isStream ? ': ping\n\n' : ' '), 40)
      socket.on('close', () => clearInterval(timer))
    },
    route: 'min_tokens_per_s: 50',
  },
  { name: 'cut without terminator', talk: midway((socket) => void socket.end()), saidBefore: BEGUN.length },
  {
    name: 'garbage chunk',
    talk: midway((socket) => socket.end('data: {"choices":[{"del\n\n')),
    saidBefore: BEGUN.length,
  },
  {
    name: 'gzip bomb',
    talk: (socket, isStream) => {
      const bomb = isStream ? (streamBomb ??= bombOf(50)) : (wholeBomb ??= bombOf(300))
      const type = isStream ? 'text/event-stream' : 'application/json'
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`,
      )
      socket.end(bomb)
    },
    isCostly: true,
  },
]
