// HTTP/1.1 over a raw socket, kept alive: a client that costs so little that it does not disturb what it measures, and that
// sees the frames of a chunked body, so that it can tell whether two events shared one write.

/** Is told about one answer as it arrives. `bytes` are valid during the call only. */
export type Sink = {
  head(status: number): void
  /** A part of the body; `frameEnd` is true with the last part of a frame. A body with a length is one frame. */
  body(bytes: Buffer, frameEnd: boolean): void
  end(): void
  /** The connection broke before the end. */
  failed(error: Error): void
}

export type Connection = {
  /** Sends one request; the next one may follow when the sink has seen the end. */
  send(request: Uint8Array, sink: Sink): void
  close(): void
}

/** A complete POST of `body`. */
export function postBytes(path: string, authorization: string, body: string): Uint8Array {
  const length = Buffer.byteLength(body)
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`,
  )
}

export async function connect(port: number): Promise<Connection> {
  const reader = new AnswerReader()
  let unsent: Uint8Array | null = null
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data: (_, chunk) => reader.feed(chunk),
      drain: (open) => {
        if (unsent === null) return
        const written = open.write(unsent)
        unsent = written < unsent.length ? unsent.subarray(written) : null
      },
      close: () => reader.broken(new Error('the connection was closed')),
      error: (_, error) => reader.broken(error),
    },
  })
  return {
    send: (request, sink) => {
      reader.expect(sink)
      const written = socket.write(request)
      if (written < request.length) unsent = request.subarray(Math.max(0, written))
    },
    close: () => {
      reader.forget()
      socket.terminate()
    },
  }
}

const CRLF = Buffer.from('\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')

type Reading =
  | { readonly at: 'head' }
  | { readonly at: 'length'; left: number }
  | { readonly at: 'frame size' }
  | { readonly at: 'frame'; left: number }
  | { readonly at: 'after frame'; readonly last: boolean }

class AnswerReader {
  private sink: Sink | null = null
  private reading: Reading = { at: 'head' }
  /** Bytes of a head or a line that has not come in full. */
  private kept: Buffer = Buffer.alloc(0)

  expect(sink: Sink): void {
    if (this.sink !== null) throw new Error('a request is still open on this connection')
    this.sink = sink
    this.reading = { at: 'head' }
  }

  forget(): void {
    this.sink = null
  }

  broken(error: Error): void {
    const { sink } = this
    this.sink = null
    sink?.failed(error)
  }

  feed(arrived: Buffer): void {
    let chunk = arrived
    if (this.kept.length > 0) {
      chunk = Buffer.concat([this.kept, arrived])
      this.kept = Buffer.alloc(0)
    }
    let position = 0
    while (this.sink !== null && position < chunk.length) {
      const next = this.step(this.sink, chunk, position)
      if (next === null) {
        this.kept = Buffer.from(chunk.subarray(position))
        return
      }
      position = next
    }
  }

  /** Consumes what it can and returns the new position; null when more bytes are needed. */
  private step(sink: Sink, chunk: Buffer, position: number): number | null {
    const { reading } = this
    switch (reading.at) {
      case 'head':
        return this.head(sink, chunk, position)
      case 'length': {
        const end = Math.min(chunk.length, position + reading.left)
        reading.left -= end - position
        sink.body(chunk.subarray(position, end), reading.left === 0)
        if (reading.left === 0) this.finish(sink)
        return end
      }
      case 'frame size': {
        const end = chunk.indexOf(CRLF, position)
        if (end === -1) return null
        const size = Number.parseInt(chunk.toString('latin1', position, end), 16)
        if (!(size >= 0)) throw new Error('not a chunked body')
        this.reading = size === 0 ? { at: 'after frame', last: true } : { at: 'frame', left: size }
        return end + 2
      }
      case 'frame': {
        const end = Math.min(chunk.length, position + reading.left)
        reading.left -= end - position
        sink.body(chunk.subarray(position, end), reading.left === 0)
        if (reading.left === 0) this.reading = { at: 'after frame', last: false }
        return end
      }
      case 'after frame':
        if (chunk.length < position + 2) return null
        if (reading.last) this.finish(sink)
        else this.reading = { at: 'frame size' }
        return position + 2
    }
  }

  private head(sink: Sink, chunk: Buffer, position: number): number | null {
    const end = chunk.indexOf(HEAD_END, position)
    if (end === -1) return null
    const text = chunk.toString('latin1', position, end).toLowerCase()
    const length = /\r\ncontent-length: *(\d+)/.exec(text)?.[1]
    if (length !== undefined) this.reading = { at: 'length', left: Number(length) }
    else if (text.includes('\r\ntransfer-encoding: chunked')) this.reading = { at: 'frame size' }
    else throw new Error(`an answer without a length: ${text}`)
    sink.head(Number(text.slice(9, 12)))
    if (length === '0') this.finish(sink)
    return end + 4
  }

  private finish(sink: Sink): void {
    this.sink = null
    this.reading = { at: 'head' }
    sink.end()
  }
}
