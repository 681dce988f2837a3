// One life of a gateway over a store, for histories with crashes: a crash loses what is not committed.
import type { Journal } from '../src/ledger/journal.ts'
import { createJournal } from '../src/ledger/journal.ts'
import type { Store } from '../src/store/store.ts'

export type Life = {
  readonly journal: Journal
  /** What was handed in is in the store afterwards. */
  readonly commit: () => Promise<void>
  /** Set by the crash: nothing is committed any more. */
  dead: boolean
}

/** Commits only when it is told to. */
export function lifeOver(store: Store): Life {
  let flush: (() => void) | null = null
  const life: Life = {
    dead: false,
    journal: createJournal({
      commit: (batch) => (life.dead ? new Promise(() => {}) : store.commit(batch)),
      onError: () => {},
      schedule: (run) => (flush = run),
    }),
    async commit() {
      flush?.()
      flush = null
      await life.journal.flush()
    },
  }
  return life
}
