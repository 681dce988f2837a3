// Executes batches, each in its own turn, all within the same room.
//
// What a batch has come to is in the store and nowhere else, so that a start goes on where a crash has left off: a batch
// is taken by its state and moved to the next one until it is over. A line that meets a limit makes its whole batch wait;
// a line that fails for good is a result like any other.
import type { Config } from '../config/schema.ts'
import type { Batch, BatchLine, LineResult } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../metrics/log.ts'
import type { BatchStore, FileStore } from '../store/store.ts'
import { finishBatch } from './finish.ts'
import type { Forwarder } from './forward.ts'
import { runLine } from './line.ts'
import type { LineTools } from './line.ts'
import { createRoom } from './room.ts'
import { validateBatch } from './validate.ts'

export type BatchRunnerTools = LineTools & {
  readonly store: FileStore & BatchStore
  readonly clock: Clock
  readonly log: Logger
  readonly newFileId: () => string
  /** Batches that a provider executes. */
  readonly forwarder: Forwarder
  /** Asked each time: a reload may change them. */
  readonly settings: () => Pick<Config, 'batches' | 'server'>
  /** Requests in flight, lines included. */
  readonly inFlight: () => number
}

export interface BatchRunner {
  /** Goes on with every batch that is not over. */
  start(): Promise<void>
  /** There is something to do for this batch. */
  wake(batchId: string): void
  /** Begins no more lines; those that run may finish, until `cut`. */
  stop(): void
  /** Ends the lines that still run; resolves when nothing is touched any more. */
  cut(): Promise<void>
  readonly linesInFlight: number
}

/** A batch that is worked on. */
type Job = {
  readonly id: string
  /** Somebody asked for it while it was worked on. */
  again: boolean
  /** No line is begun before, monotonic ms. */
  pausedUntilMs: number
  /** Lines that met a limit since one did not. */
  refusals: number
  /** How often each line had bad luck. */
  readonly unlucky: Map<number, number>
  /** Ends a wait early: its state has changed. */
  wakeUp: () => void
}

const PAGE = 64
const LONGEST_PAUSE_MS = 60_000
const STORE_PAUSE_MS = 5_000

export function createBatchRunner(tools: BatchRunnerTools): BatchRunner {
  const { store, clock, log } = tools
  const jobs = new Map<string, { readonly job: Job; readonly ended: Promise<void> }>()
  const stopping = new AbortController()
  const cutting = new AbortController()
  const room = createRoom({
    clock,
    places: () => tools.settings().batches.concurrency,
    isBusy: () => tools.inFlight() - room.taken > tools.settings().batches.pauseAboveInFlight,
  })

  const now = (): number => clock.now()

  function wake(batchId: string): void {
    const known = jobs.get(batchId)
    if (known !== undefined) {
      known.job.again = true
      known.job.wakeUp()
    } else if (!stopping.signal.aborted) begin(batchId)
  }

  function begin(id: string): void {
    const job: Job = { id, again: false, pausedUntilMs: 0, refusals: 0, unlucky: new Map(), wakeUp: () => {} }
    const ended = work(job).finally(() => {
      jobs.delete(id)
      if (job.again) wake(id)
    })
    jobs.set(id, { job, ended })
  }

  async function work(job: Job): Promise<void> {
    while (!stopping.signal.aborted)
      try {
        job.again = false
        const batch = await store.getBatch(job.id, null)
        if (batch === null || !(await advance(batch, job))) return
      } catch (error) {
        if (stopping.signal.aborted) return
        // Most likely the store is away; the batch is where it was.
        log.error('batch_stuck', { batch: job.id, error: String(error) })
        await pause(job, STORE_PAUSE_MS)
      }
  }

  /** One step; false: there is nothing more to do. */
  async function advance(batch: Batch, job: Job): Promise<boolean> {
    const { batches, server } = tools.settings()
    const json = { depth: server.jsonDepth, keys: server.jsonKeys }
    switch (batch.status) {
      case 'validating':
        await validateBatch(batch, { store, now, maxLines: batches.maxLines, json })
        return true
      case 'in_progress':
        if (await isForwarded(batch, job)) return true
        await executeLines(batch, job)
        await expireIfDue(batch)
        return true
      case 'cancelling':
        if (await isForwarded(batch, job)) return true
        await finishBatch(batch, { store, now, newFileId: tools.newFileId })
        return true
      case 'finalizing':
        await finishBatch(batch, { store, now, newFileId: tools.newFileId })
        return true
      case 'failed':
      case 'completed':
      case 'expired':
      case 'cancelled':
        log.info('batch_ended', {
          batch: batch.id,
          status: batch.status,
          completed: batch.completed,
          failed: batch.failed,
        })
        return false
    }
  }

  /** One step with a batch that its provider executes; false: what is left of it is executed here. */
  async function isForwarded(batch: Batch, job: Job): Promise<boolean> {
    const step = await tools.forwarder.step(batch, cutting.signal)
    if (step.type === 'own') return false
    if (step.type === 'wait') await pause(job, Math.min(step.waitMs, Math.max(1_000, batch.dueAt - clock.now())))
    return true
  }

  /** Until no line is left, its time is over, or somebody has moved the batch on. */
  async function executeLines(batch: Batch, job: Job): Promise<void> {
    const running = new Set<Promise<void>>()
    let failure: unknown = null
    try {
      for (let after = 0; ;) {
        const lines = await store.waitingLines(batch.id, { after, limit: PAGE })
        if (lines.length === 0 && after === 0) {
          await finalize(batch, 'completed')
          return
        }
        for (const line of lines) {
          const leave = await nextPlace(batch, job)
          if (leave === null) return
          after = line.position
          const ended: Promise<void> = executeLine(batch, line, job)
            .catch((error: unknown) => void (failure ??= error))
            .finally(() => {
              leave()
              running.delete(ended)
            })
          running.add(ended)
          if (failure !== null) throw failure
        }
        if (lines.length === PAGE) continue
        // Those that are to be begun again stand among the waiting ones once more.
        await Promise.all(running)
        if (failure !== null) throw failure
        after = 0
      }
    } finally {
      await Promise.all(running)
    }
  }

  /** Waits for its turn; null: no further line of this batch is to be begun. */
  async function nextPlace(batch: Batch, job: Job): Promise<(() => void) | null> {
    for (;;) {
      const current = await store.getBatch(batch.id, null)
      if (current?.status !== 'in_progress' || clock.now() >= batch.dueAt || stopping.signal.aborted) return null
      const pauseMs = job.pausedUntilMs - clock.monotonicMs()
      if (pauseMs > 0) {
        await pause(job, Math.min(pauseMs, batch.dueAt - clock.now()))
        continue
      }
      const leave = await place(batch, job)
      if (leave === 'changed') continue
      return leave
    }
  }

  async function place(batch: Batch, job: Job): Promise<(() => void) | 'changed' | null> {
    const giveUp = new AbortController()
    const cancelTimer = clock.after(Math.max(0, batch.dueAt - clock.now()), () => giveUp.abort())
    job.wakeUp = () => giveUp.abort()
    try {
      return await room.enter(AbortSignal.any([giveUp.signal, stopping.signal]))
    } catch {
      return stopping.signal.aborted ? null : 'changed'
    } finally {
      cancelTimer()
      job.wakeUp = () => {}
    }
  }

  async function executeLine(batch: Batch, line: BatchLine, job: Job): Promise<void> {
    const unlucky = job.unlucky.get(line.position) ?? 0
    const outcome = await runLine(batch, line, { unlucky, signal: cutting.signal }, tools)
    switch (outcome.type) {
      case 'done':
        job.refusals = 0
        job.unlucky.delete(line.position)
        await keep(batch, outcome.result)
        return
      case 'again': {
        if (!outcome.isLimit) job.unlucky.set(line.position, unlucky + 1)
        const waitMs = Math.min(LONGEST_PAUSE_MS, outcome.waitMs * 2 ** Math.min(job.refusals, 6))
        if (outcome.isLimit) job.refusals++
        job.pausedUntilMs = Math.max(job.pausedUntilMs, clock.monotonicMs() + waitMs)
        await store.retryLine(batch.id, line.position, line.tries + 1)
        return
      }
      case 'stopped':
    }
  }

  /** An answer that is paid for is not lost to a store that is away for a while. */
  async function keep(batch: Batch, result: LineResult): Promise<void> {
    for (;;)
      try {
        return await store.finishLines(batch.id, [result])
      } catch (error) {
        if (cutting.signal.aborted) throw error
        log.error('batch_stuck', { batch: batch.id, error: String(error) })
        await new Promise<void>((resolve) => void clock.after(STORE_PAUSE_MS, resolve))
      }
  }

  async function finalize(batch: Batch, endsAs: Batch['endsAs']): Promise<void> {
    await store.moveBatch(batch.id, ['in_progress'], { status: 'finalizing', at: clock.now(), patch: { endsAs } })
  }

  async function expireIfDue(batch: Batch): Promise<void> {
    if (clock.now() < batch.dueAt || stopping.signal.aborted) return
    const left = await store.waitingLines(batch.id, { after: 0, limit: 1 })
    await finalize(batch, left.length > 0 ? 'expired' : 'completed')
  }

  /** Waits, at most until something changes or the runner stops. */
  function pause(job: Job, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancelTimer()
        stopping.signal.removeEventListener('abort', end)
        job.wakeUp = () => {}
        resolve()
      }
      const cancelTimer = clock.after(Math.max(0, ms), end)
      stopping.signal.addEventListener('abort', end, { once: true })
      job.wakeUp = end
    })
  }

  return {
    async start() {
      for (const id of await store.openBatches(null)) wake(id)
    },
    wake,
    stop: () => stopping.abort(),
    async cut() {
      stopping.abort()
      cutting.abort()
      await Promise.allSettled([...jobs.values()].map(({ ended }) => ended))
    },
    get linesInFlight() {
      return room.taken
    },
  }
}
