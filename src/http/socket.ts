// A client's WebSocket between the listener, which has it, and the session that it is for. Whoever answers a request for an
// upgrade hands the session over with the response; the listener then switches protocols.

/** The client's end, as a session uses it. */
export interface ClientSocket {
  /** False: the client does not take as much as comes; send nothing more until `drained`. */
  send(data: string | Uint8Array): boolean
  /** Reads nothing more until `resume`: what the client sends waits in its connection. */
  pause(): void
  resume(): void
  /** Says goodbye; nothing can be sent afterwards. */
  close(code: number, reason: string): void
}

/** A session, as the listener drives it. */
export interface SocketSession {
  open(socket: ClientSocket): void
  message(data: string | Uint8Array): void
  drained(): void
  /** The client has gone, or has answered the goodbye. */
  closed(): void
}

type Switching = { readonly session: SocketSession; readonly headers: Readonly<Record<string, string>> }

const switching = new WeakMap<Response, Switching>()

/** The answer that switches to the session. @param headers of the switch itself, e.g. the protocol that was chosen */
export function switchTo(session: SocketSession, headers: Readonly<Record<string, string>>): Response {
  // What is seen where nobody can switch: not by our own listener.
  const response = new Response('This address is for WebSockets.', { status: 426, headers: { upgrade: 'websocket' } })
  switching.set(response, { session, headers })
  return response
}

/** The session that a response switches to; null: it is a response like any other. */
export function sessionIn(response: Response): Switching | null {
  return switching.get(response) ?? null
}

export function isUpgrade(request: Request): boolean {
  return request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}
