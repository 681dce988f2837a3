// What the gateway does by itself from time to time: health checks of providers, and drills.
//
// A health check (`providers.<name>.health_check`) is a small chat with one model, sent when nothing was heard of it for a
// while, or while it cools down: then it is the probe that brings it back without a caller having to be it. Its cost is
// booked on the key `key_health_check`. A drill (`drills`) is due so long after the last one of its name began; the store
// remembers that, so a restart neither skips nor repeats one. One timer looks at all of them.
import type { DrillConfig } from '../config/schema-drills.ts'
import { parseBreaks, parseScope } from '../core/drill.ts'
import { GatewayError } from '../core/error.ts'
import type { Clock } from '../core/clock.ts'
import type { Stages } from '../handle.ts'
import type { Logger } from '../metrics/log.ts'
import type { Health } from '../routing/health.ts'
import type { Snapshot } from '../snapshot.ts'
import type { DrillStore } from '../store/store.ts'
import type { Drills } from './drills.ts'
import { ownCaller, sendOwn, smallChat } from './own-request.ts'

export type ScheduleTools = {
  readonly clock: Clock
  readonly snapshot: () => Snapshot
  readonly stages: () => Stages
  readonly health: Pick<Health, 'states'>
  readonly drills: Pick<Drills, 'start'>
  readonly store: Pick<DrillStore, 'listDrills'>
  readonly log: Logger
}

export interface Schedule {
  start(): Promise<void>
  stop(): void
}

const LOOK_MS = 1_000
const REMEMBERED = 1_000
const CALLER = ownCaller('key_health_check', 'health_check')

export function createSchedule({ clock, snapshot, stages, health, drills, store, log }: ScheduleTools): Schedule {
  const abort = new AbortController()
  /** When each check was sent last, and each drill begun, wall ms. */
  const checkedAt = new Map<string, number>()
  const drilledAt = new Map<string, number>()
  let cancel: (() => void) | null = null

  function look(): void {
    cancel = clock.after(LOOK_MS, look)
    const { config } = snapshot()
    for (const [name, { healthCheck }] of Object.entries(config.providers))
      if (healthCheck !== undefined) check(`${name}/${healthCheck.model}`, healthCheck.everyMs)
    for (const drill of config.drills) void begin(drill)
  }

  function check(deployment: string, everyMs: number): void {
    const now = clock.now()
    const last = checkedAt.get(deployment)
    if (last !== undefined && now - last < everyMs) return
    const state = health.states().find((one) => one.deployment === deployment)
    const isOut = state?.state === 'cooling' || state?.state === 'half_open'
    // Callers have asked it within the last minute: they know better than a check does.
    if (state !== undefined && !isOut && state.answered > 0) return
    checkedAt.set(deployment, now)
    sendOwn(stages(), smallChat(deployment, false, abort.signal), CALLER).catch((error: unknown) =>
      log.error('health_check_failed', { deployment, error: String(error) }),
    )
  }

  async function begin({ name, everyMs, routes, broken, on, forMs }: DrillConfig): Promise<void> {
    const now = clock.now()
    const last = drilledAt.get(name)
    // A new one waits its time, so that a start is never a drill.
    if (last === undefined) drilledAt.set(name, now)
    if (last === undefined || now - last < everyMs) return
    drilledAt.set(name, now)
    const breaks = broken.flatMap((text) => parseBreaks(text) ?? [])
    const scope = parseScope(on)
    if (scope === null) return
    try {
      await drills.start({ routes, breaks, on: scope, forMs }, name)
    } catch (error) {
      // One that runs already, or names what a reload has taken away: the next time is soon enough.
      const why = error instanceof GatewayError ? error.message : String(error)
      log.warn('drill_not_begun', { name, error: why })
    }
  }

  return {
    async start() {
      for (const { name, startedAt } of await store.listDrills({ limit: REMEMBERED }))
        if (name !== null && !drilledAt.has(name)) drilledAt.set(name, startedAt)
      cancel = clock.after(LOOK_MS, look)
    },
    stop() {
      cancel?.()
      abort.abort()
    },
  }
}
