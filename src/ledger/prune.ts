// Keeps the request log within its retention: what is older goes, a little at a time, so that no request waits for it.
// Responses, files, batches and cached answers that have expired go with it. Entries and roll-ups stay: what a request cost is kept for good.
import type { Clock } from '../core/clock.ts'
import type {
  BatchStore,
  CacheStore,
  EvidenceStore,
  FileStore,
  PromptStore,
  RequestStore,
  ResponseStore,
} from '../store/store.ts'

const EVERY_MS = 60_000
/** Rows of one go, and the pause before the next one where there was more. */
const GROUP = 500
const PAUSE_MS = 100
/** Files and batches are large: fewer of them in one go. */
const FILES_GROUP = 4

export type PruneOptions = {
  readonly store: Pick<
    RequestStore & ResponseStore & FileStore & BatchStore & CacheStore & EvidenceStore & PromptStore,
    | 'pruneRequests'
    | 'pruneResponses'
    | 'pruneFiles'
    | 'pruneBatches'
    | 'pruneAnswers'
    | 'pruneEvidence'
    | 'prunePrompts'
  >
  readonly clock: Clock
  /** Asked each time: a reload may change it. */
  readonly retentionMs: () => number
  /** Of single pieces of evidence of quality. */
  readonly evidenceMs: () => number
  /** Of what is kept of prompts and answers. */
  readonly promptsMs: () => number
  readonly onError: (error: unknown) => void
}

/** Begins at once; returns a function that ends it. */
export function startPruning({ store, clock, retentionMs, evidenceMs, promptsMs, onError }: PruneOptions): () => void {
  let stopped = false
  let cancel = (): void => {}
  const next = (delayMs: number): void => {
    if (!stopped) cancel = clock.after(delayMs, () => void prune())
  }
  async function prune(): Promise<void> {
    try {
      const now = clock.now()
      const requests = await store.pruneRequests({ before: now - retentionMs(), limit: GROUP })
      const responses = await store.pruneResponses({ now, limit: GROUP })
      const files = await store.pruneFiles({ now, limit: FILES_GROUP })
      const batches = await store.pruneBatches({ now, limit: FILES_GROUP })
      const answers = await store.pruneAnswers({ now, limit: GROUP })
      const evidence = await store.pruneEvidence({ before: now - evidenceMs(), limit: GROUP })
      const prompts = await store.prunePrompts({ before: now - promptsMs(), limit: GROUP })
      const isMore =
        requests === GROUP ||
        responses === GROUP ||
        answers >= GROUP ||
        evidence >= GROUP ||
        prompts === GROUP ||
        files === FILES_GROUP ||
        batches === FILES_GROUP
      next(isMore ? PAUSE_MS : EVERY_MS)
    } catch (error) {
      onError(error)
      next(EVERY_MS)
    }
  }
  next(0)
  return () => {
    stopped = true
    cancel()
  }
}
