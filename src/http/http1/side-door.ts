// A connection that is not for us, handed to the server beside us with everything it has sent: from then on bytes go to and fro, each way no
// faster than they are taken.
import type { Socket } from 'bun'

/** One end of a pair: what is written to it goes to the socket, and what does not fit waits here. */
class End {
  socket: Socket<unknown> | null = null
  #rest: Uint8Array | null = null
  #isEnding = false

  /** False: it takes no more at present. */
  write(bytes: Uint8Array): boolean {
    if (this.#rest !== null) {
      this.#rest = Buffer.concat([this.#rest, bytes])
      return false
    }
    const taken = this.socket?.write(bytes) ?? 0
    if (taken >= bytes.length) return true
    // -1: it is closed, and its handler says so. The bytes are the caller's for this call only.
    this.#rest = Buffer.from(bytes.subarray(Math.max(0, taken)))
    return false
  }

  /** The socket takes more; true: all of it is out. */
  flush(): boolean {
    const rest = this.#rest
    if (rest === null) return true
    const taken = this.socket?.write(rest) ?? 0
    if (taken > 0) this.#rest = taken >= rest.length ? null : rest.subarray(taken)
    if (this.#rest !== null) return false
    if (this.#isEnding) this.socket?.end()
    return true
  }

  /** Says goodbye when all is out. */
  end(): void {
    this.#isEnding = true
    if (this.#rest === null) this.socket?.end()
  }
}

export class Tunnel {
  readonly #client = new End()
  readonly #server = new End()
  #isOver = false

  constructor(client: Socket<unknown>) {
    this.#client.socket = client
  }

  /** Bytes of the client. */
  receive(bytes: Uint8Array): void {
    if (!this.#server.write(bytes)) this.#client.socket?.pause()
  }

  /** The client's socket takes more. */
  drained(): void {
    if (this.#client.flush()) this.#server.socket?.resume()
  }

  /** The client has gone. */
  close(): void {
    this.#isOver = true
    this.#server.socket?.terminate()
  }

  /** @param onOpen is told the port from which the server will see the connection, before it sees a byte; returns what to do at its end */
  connect(port: number, onOpen: (localPort: number) => () => void): void {
    const client = this.#client
    const server = this.#server
    const isOver = (): boolean => this.#isOver
    let onClose = (): void => {}
    const over = (): void => {
      onClose()
      client.end()
    }
    Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open(socket) {
          if (isOver()) return socket.terminate()
          onClose = onOpen(socket.localPort)
          server.socket = socket
          if (server.flush()) client.socket?.resume()
        },
        data(socket, bytes) {
          if (!client.write(bytes)) socket.pause()
        },
        drain() {
          if (server.flush()) client.socket?.resume()
        },
        close: over,
        error: over,
        connectError: over,
      },
    }).catch(over)
  }
}
