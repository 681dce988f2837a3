// A bare socket to a listener, for what no HTTP client would send.
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export type RawAnswer = { readonly status: number; readonly headers: Headers; readonly body: string }

export type RawSocket = Disposable & {
  readonly socket: Socket
  write(bytes: string | Uint8Array): void
  /** All that came, as Latin-1. */
  text(): string
  /** Resolves with the first `count` answers, or with fewer when the other side closes before. */
  answers(count: number): Promise<readonly RawAnswer[]>
  /** Resolves with ms since the connection when the other side has closed. */
  readonly closed: Promise<number>
}

export async function openSocket(url: string): Promise<RawSocket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  let received = ''
  let over = false
  const wakers: (() => void)[] = []
  const wake = (): void => {
    for (const waker of wakers.splice(0)) waker()
  }
  socket.on('data', (bytes: Buffer) => {
    received += bytes.toString('latin1')
    wake()
  })
  // A reset is a way of closing.
  socket.on('error', () => {})
  await new Promise<void>((resolve) => void socket.once('connect', resolve))
  const startedMs = performance.now()
  const closed = new Promise<number>((resolve) => {
    socket.once('close', () => {
      over = true
      resolve(performance.now() - startedMs)
      wake()
    })
  })
  return {
    socket,
    write: (bytes) => void socket.write(bytes),
    text: () => received,
    async answers(count) {
      for (;;) {
        const found = answersIn(received)
        if (found.length >= count || over) return found
        await new Promise<void>((resolve) => void wakers.push(resolve))
      }
    },
    closed,
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

/** Whole answers in what came; interim ones (1xx) are left out. A body without a length lasts until the close. */
export function answersIn(received: string, method = ''): readonly RawAnswer[] {
  const found: RawAnswer[] = []
  let rest = received
  for (;;) {
    const match = /^HTTP\/1\.1 (\d{3})[^\r]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest)
    if (match === null) return found
    rest = rest.slice(match[0].length)
    const status = Number(match[1])
    if (status < 200) continue
    const headers = new Headers()
    for (const line of (match[2] ?? '').split('\r\n').filter((text) => text !== '')) {
      const colon = line.indexOf(':')
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
    }
    const length = method === 'HEAD' ? 0 : Number(headers.get('content-length') ?? 0)
    if (rest.length < length) return found
    found.push({ status, headers, body: rest.slice(0, length) })
    rest = rest.slice(length)
  }
}
