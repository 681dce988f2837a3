// What the tests of this folder share: an outbox over a real store in memory, a clock that only they move, and a receiver.
import { configOf } from '../config/testing.ts'
import type { Alert, AlertOf } from '../core/alert.ts'
import { drivenClock, type DrivenClock } from '../providers/simulator/driven-clock.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import type { Channel } from './destinations.ts'
import type { Message } from './message.ts'
import type { Named } from './named.ts'
import { createOutbox, type Outbox, type OutboxOptions } from './outbox.ts'
import type { Sent } from './send.ts'

export const HOUR = 3_600_000

/** A threshold of a budget of a key. */
export function thresholdAlert(at: number, change: Partial<AlertOf<'budget_threshold'>> = {}): Alert {
  return {
    kind: 'budget_threshold',
    subject: { scope: 'team', id: 'team_1' },
    threshold: '0.8',
    window: { from: at - (at % HOUR), until: at - (at % HOUR) + HOUR },
    at,
    facts: { budget: 'b', share: 0.8, limitUsd: '10', spentUsd: '8', resetsAt: null, onExhausted: 'reject' },
    ...change,
  }
}

type Received = { readonly channel: string; readonly message: Message; readonly atMs: number }

export type Bench = AsyncDisposable & {
  readonly store: Store
  readonly clock: DrivenClock
  /** Every try, in order, whatever came of it. */
  readonly tries: Received[]
  /** What receivers took. */
  readonly taken: Received[]
  readonly log: {
    readonly id: string
    readonly type: 'delivered' | 'failed' | 'given_up'
    readonly problem: string | null
  }[]
  readonly errors: unknown[]
  outbox(options?: Partial<OutboxOptions>): Outbox
  /** Lets time pass until a condition holds. */
  until(condition: () => boolean): Promise<void>
  /** Lets so much time pass, with everything that happens in it. */
  pass(ms: number): Promise<void>
}

const NOBODY: Named = { name: null, teamId: null, teamName: null }

/** `alerts`: as it is written in the file. `answer`: what a receiver says to a try. */
export function startBench(
  alerts: unknown,
  answer: (channel: Channel, message: Message, clock: DrivenClock) => Sent | Promise<Sent> = () => ({
    type: 'delivered',
  }),
): Bench {
  const clock = drivenClock()
  const store = openSqliteStore({ path: ':memory:', sync: 'process' })
  const outboxes: Outbox[] = []
  const bench: Bench = {
    store,
    clock,
    tries: [],
    taken: [],
    log: [],
    errors: [],
    outbox(options = {}) {
      const outbox = createOutbox({
        store,
        clock,
        random: () => 0.5,
        config: () => configOf({ alerts }).alerts,
        named: async ({ subject }) => ({ ...NOBODY, teamId: subject.scope === 'team' ? subject.id : null }),
        send: async (message, channel) => {
          const received = { channel: channel.type, message, atMs: clock.monotonicMs() }
          bench.tries.push(received)
          const sent = await answer(channel, message, clock)
          if (sent.type === 'delivered') bench.taken.push(received)
          return sent
        },
        log: {
          planned: () => {},
          delivered: ({ id }) => void bench.log.push({ id, type: 'delivered', problem: null }),
          failed: ({ id }, problem, isLast) =>
            void bench.log.push({ id, type: isLast ? 'given_up' : 'failed', problem }),
          error: (error) => void bench.errors.push(error),
        },
        ...options,
      })
      outboxes.push(outbox)
      return outbox
    },
    until: (condition) => clock.run(held(condition)),
    pass(ms) {
      const endMs = clock.monotonicMs() + ms
      return clock.run(held(() => clock.monotonicMs() >= endMs))
    },
    async [Symbol.asyncDispose]() {
      for (const outbox of outboxes) await outbox.stop()
      await store.close()
    },
  }
  return bench

  async function held(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve))
  }
}
