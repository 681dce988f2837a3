// A WebSocket of an upstream, as a session uses it.

export interface UpstreamSocketListener {
  message(data: string | Uint8Array): void
  pong(): void
  /** 1006: the connection broke off. */
  closed(code: number, reason: string): void
}

export interface UpstreamSocket {
  /** Gives what comes from now on; what came before is given at once, in order. */
  listen(listener: UpstreamSocketListener): void
  send(data: string | Uint8Array): void
  /** Sent, and not taken by the network yet. */
  readonly bufferedBytes: number
  /** Reads nothing more until `resume`. */
  pause(): void
  resume(): void
  ping(): void
  close(code: number, reason: string): void
}

/** Gathers what comes before anybody listens. */
export function createInbox(): UpstreamSocketListener & { listen(listener: UpstreamSocketListener): void } {
  let listener: UpstreamSocketListener | null = null
  let waiting: ((to: UpstreamSocketListener) => void)[] = []
  const give = (event: (to: UpstreamSocketListener) => void): void => {
    if (listener === null) waiting.push(event)
    else event(listener)
  }
  return {
    message: (data) => give((to) => to.message(data)),
    pong: () => give((to) => to.pong()),
    closed: (code, reason) => give((to) => to.closed(code, reason)),
    listen(to) {
      listener = to
      for (const event of waiting) event(to)
      waiting = []
    },
  }
}
