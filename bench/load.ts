// Load: closed loops for cost, an open loop for latency, streams held open at once, and streams that idle.
import { type Connection, connect } from './http-client.ts'
import { quantile } from './figures.ts'

/**
 * Where requests go: a port, and the bytes of one whole request. `numberAt`: where ten digits stand in them that are another number
 * in each request, so that each is a conversation of its own; null: all are the same.
 */
export type Aim = { readonly port: number; readonly request: Uint8Array; readonly numberAt: number | null }

const NUMBER_DIGITS = 10
/** What stands for the number in a request. */
export const NUMBER_PLACE = '0'.repeat(NUMBER_DIGITS)

/** Gives the bytes of the next request. */
function requestsOf({ request, numberAt }: Aim): () => Uint8Array {
  if (numberAt === null) return () => request
  let number = Math.floor(Math.random() * 1e9)
  return () => {
    const own = Buffer.from(request)
    own.write(String(++number).padStart(NUMBER_DIGITS, '0'), numberAt, 'latin1')
    return own
  }
}

const EVENT_END = Buffer.from('\n\n')
const FAILURES_UNTIL_GIVING_UP = 50

/** Requests on their way until stopped. */
export type RunningLoad = {
  /** Answers and events so far. */
  readonly counts: { answers: number; events: number; failures: number }
  /** Lets requests in flight end and closes the connections. */
  stop(): Promise<void>
}

/** A closed loop: each connection sends its next request when the answer to its last one has ended. */
export async function startLoad(aim: Aim, connections: number): Promise<RunningLoad> {
  const nextRequest = requestsOf(aim)
  const counts = { answers: 0, events: 0, failures: 0 }
  let running = true
  const loops: Promise<void>[] = []
  for (let index = 0; index < connections; index++) {
    const connection = await connect(aim.port)
    loops.push(
      new Promise((resolve) => {
        const next = () => {
          if (running && counts.failures < FAILURES_UNTIL_GIVING_UP) {
            connection.send(nextRequest(), sink)
            return
          }
          connection.close()
          resolve()
        }
        const sink = {
          head: (status: number) => {
            if (status !== 200) counts.failures++
          },
          body: (bytes: Buffer) => {
            counts.events += countEvents(bytes)
          },
          end: () => {
            counts.answers++
            next()
          },
          failed: () => {
            counts.failures = FAILURES_UNTIL_GIVING_UP
            resolve()
          },
        }
        next()
      }),
    )
  }
  return {
    counts,
    stop: async () => {
      running = false
      await Promise.all(loops)
    },
  }
}

function countEvents(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(EVENT_END); at !== -1; at = bytes.indexOf(EVENT_END, at + 2)) count++
  return count
}

export type Latency = {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly answers: number
  readonly failures: number
}

/**
 * An open loop: requests leave on a schedule whether or not earlier ones were answered, and each latency counts from its
 * scheduled time, so that a stall shows in all the requests that it held up.
 */
export async function openLoop(aim: Aim, ratePerS: number, durationMs: number): Promise<Latency> {
  const nextRequest = requestsOf(aim)
  const total = Math.round((ratePerS * durationMs) / 1000)
  const idle: Connection[] = await Promise.all(Array.from({ length: 64 }, () => connect(aim.port)))
  const all = [...idle]
  const waiting: number[] = []
  const latencies: number[] = []
  let failures = 0
  let scheduled = 0
  const startMs = performance.now() + 20

  await new Promise<void>((resolve, reject) => {
    const done = () => {
      if (latencies.length + failures < total) return
      clearInterval(timer)
      resolve()
    }
    const send = (connection: Connection, dueMs: number) => {
      let status = 0
      connection.send(nextRequest(), {
        head: (value) => {
          status = value
        },
        body: () => {},
        end: () => {
          if (status === 200) latencies.push(performance.now() - dueMs)
          else failures++
          const held = waiting.shift()
          if (held === undefined) idle.push(connection)
          else send(connection, held)
          done()
        },
        failed: reject,
      })
    }
    const timer = setInterval(() => {
      const nowMs = performance.now()
      for (; scheduled < total; scheduled++) {
        const dueMs = startMs + (scheduled * 1000) / ratePerS
        if (dueMs > nowMs) break
        const connection = idle.pop()
        if (connection === undefined) waiting.push(dueMs)
        else send(connection, dueMs)
      }
    }, 1)
  })
  for (const connection of all) connection.close()
  return { p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), answers: latencies.length, failures }
}

/** Opens `count` streams and waits until each has had its first events; the returned function closes them. */
export async function holdStreams(aim: Aim, count: number): Promise<() => void> {
  const nextRequest = requestsOf(aim)
  const connections: Connection[] = []
  const opened: Promise<void>[] = []
  for (let index = 0; index < count; index++) {
    const connection = await connect(aim.port)
    connections.push(connection)
    opened.push(
      new Promise((resolve, reject) => {
        let events = 0
        connection.send(nextRequest(), {
          head: (status) => {
            if (status !== 200) reject(new Error(`an idle stream was answered with ${status}`))
          },
          body: (bytes) => {
            events += countEvents(bytes)
            if (events >= 2) resolve()
          },
          end: () => reject(new Error('an idle stream ended')),
          failed: reject,
        })
      }),
    )
  }
  await Promise.all(opened)
  return () => {
    for (const connection of connections) connection.close()
  }
}
