// What is said of answers, counted and kept.
//
// A piece of evidence counts at once in the scoreboard, and waits to be written: requests, evidence, sums by day and changed beliefs go
// down in one transaction, every few seconds, so that after a crash beliefs and evidence still agree, without the last of both. What a
// source says again of the same answer in the same kind (`say`) takes the place of what it said: the old is taken out of the beliefs
// as far as it has not faded. `say` is durable when it resolves, and one after the other, so that a source that calls twice at
// once is counted once.
import type { AnsweredRequest, StoredEvidence, StoredScore } from '../core/evidence.ts'
import type { Clock } from '../core/clock.ts'
import type { JsonValue } from '../core/json.ts'
import type { EvidenceStore } from '../store/store.ts'
import { EVIDENCE, type Evidence, type EvidenceKind, keptAfter, readScoreState, weighed } from './score.ts'
import { type Scoreboard, type ScoreRow, scopeChainOf } from './scoreboard.ts'
import { isTask, mostBelieved, type TaskShares } from './task.ts'

/** One piece of evidence and who it comes from. */
export type Said = { readonly source: string; readonly evidence: Evidence; readonly comment: string | null }

/** Something learned that is written down with the evidence: changed states by name, since they were taken last. */
export type Learner = {
  /** Its states have names that begin so. */
  readonly prefix: string
  readonly takeChanged: () => readonly { readonly name: string; readonly state: JsonValue }[]
  /** They could not be written, and count as changed again. */
  readonly noteChanged: (names: readonly string[]) => void
  readonly restore: (states: readonly { readonly name: string; readonly state: JsonValue }[]) => void
}

export interface EvidenceBook {
  /** A request was looked at: what is said of it later finds its task and its deployment. */
  note(request: AnsweredRequest): void
  /** Counts what nobody can have said before. */
  count(about: AnsweredRequest, said: Said): void
  /**
   * Counts what may have been said before; durable when it resolves, with the pieces that took the place of another. `named`: what the tasks of
   * the request really were; what was said of it before moves to them.
   */
  say(about: AnsweredRequest, said: readonly Said[], named?: TaskShares): Promise<number>
  /** A request that was looked at; null: it was not, or that is too long ago. */
  find(requestId: string): Promise<AnsweredRequest | null>
  /** Everything that was said of a request. */
  saidOf(requestId: string): Promise<readonly StoredEvidence[]>
  /** Takes back what was kept. */
  load(): Promise<void>
  /** Writes what waits. */
  flush(): Promise<void>
  stop(): void
}

export type EvidenceBookTools = {
  readonly store: EvidenceStore
  readonly clock: Clock
  readonly scoreboard: Scoreboard
  readonly learners: readonly Learner[]
  readonly onError: (error: unknown) => void
}

const FLUSH_MS = 5_000
/** While the store is away: older rows are then forgotten first; their part in the beliefs stays. */
const MAX_PENDING = 20_000

export function createEvidenceBook({ store, clock, scoreboard, learners, onError }: EvidenceBookTools): EvidenceBook {
  const answered = new Map<string, AnsweredRequest>()
  const relabelled = new Map<string, AnsweredRequest>()
  /** By request, source and kind. */
  const evidence = new Map<string, StoredEvidence>()
  let cancel: (() => void) | null = null
  let writing: Promise<void> = Promise.resolve()
  let saying: Promise<unknown> = Promise.resolve()
  let isStopped = false

  function later(): void {
    if (isStopped) return
    cancel ??= clock.after(FLUSH_MS, () => {
      cancel = null
      flush().catch(onError)
    })
  }

  function put<T>(pending: Map<string, T>, key: string, value: T): void {
    pending.delete(key)
    pending.set(key, value)
    for (const oldest of pending.keys()) {
      if (pending.size <= MAX_PENDING) break
      pending.delete(oldest)
    }
    later()
  }

  function note(request: AnsweredRequest): void {
    put(answered, request.id, request)
  }

  function count(about: AnsweredRequest, { source, evidence: piece, comment }: Said): void {
    const { id: requestId, keyId, teamId, deployment, shares } = about
    const { quality, weight } = weighed(piece)
    if (Number.isNaN(quality) || !(weight > 0)) return
    const at = clock.now()
    scoreboard.observe(scopeChainOf(keyId, teamId), deployment, shares, piece, at)
    const row = {
      requestId,
      source,
      kind: piece.kind,
      at,
      deployment,
      task: mostBelieved(shares),
      quality,
      weight,
      comment,
    }
    put(evidence, keyOf(requestId, source, piece.kind), row)
  }

  async function sayNow(asked: AnsweredRequest, said: readonly Said[], named: TaskShares | null): Promise<number> {
    const kept = (await saidOf(asked.id)).map((row) => (named === null ? row : moved(asked, row, named)))
    const about = named === null ? asked : { ...asked, shares: named }
    if (named !== null) {
      note(about)
      put(relabelled, about.id, about)
    }
    let replaced = 0
    for (const one of said) {
      const key = keyOf(about.id, one.source, one.evidence.kind)
      const before = kept.find((row) => keyOf(row.requestId, row.source, row.kind) === key)
      if (before !== undefined) {
        takeBack(about, before)
        replaced++
      }
      count(about, one)
    }
    await flush()
    return replaced
  }

  /** The same piece of evidence, counted for other tasks. */
  function moved(about: AnsweredRequest, row: StoredEvidence, named: TaskShares): StoredEvidence {
    takeBack(about, row)
    const { kind, quality, weight, at, deployment, source } = row
    if (!isKind(kind)) return row
    const now = clock.now()
    const left = { kind, quality, weight: weight * keptAfter(now - at) }
    scoreboard.observe(scopeChainOf(about.keyId, about.teamId), deployment, named, left, now)
    const next = { ...row, task: mostBelieved(named) }
    put(evidence, keyOf(about.id, source, kind), next)
    return next
  }

  async function saidOf(requestId: string): Promise<readonly StoredEvidence[]> {
    const rows = new Map(
      (await store.evidenceOf(requestId)).map((row) => [keyOf(requestId, row.source, row.kind), row]),
    )
    for (const row of evidence.values())
      if (row.requestId === requestId) rows.set(keyOf(requestId, row.source, row.kind), row)
    return [...rows.values()]
  }

  function takeBack(
    { keyId, teamId, shares }: AnsweredRequest,
    { deployment, kind, quality, weight, at }: StoredEvidence,
  ) {
    if (!isKind(kind)) return
    scoreboard.withdraw(scopeChainOf(keyId, teamId), deployment, shares, { kind, quality, weight }, at, clock.now())
  }

  function flush(): Promise<void> {
    writing = writing.then(write, write)
    return writing
  }

  async function write(): Promise<void> {
    const batch = {
      answered: [...answered.values()],
      relabelled: [...relabelled.values()],
      evidence: [...evidence.values()],
      scores: scoreboard.takeChanged().map(({ state, ...row }) => ({ ...row, state: JSON.stringify(state) })),
      learned: learners.flatMap(({ takeChanged }) =>
        takeChanged().map(({ name, state }) => ({ name, state: JSON.stringify(state) })),
      ),
    }
    if (batch.answered.length + batch.evidence.length + batch.scores.length + batch.learned.length === 0) return
    try {
      await store.putEvidence(batch)
    } catch (error) {
      scoreboard.noteChanged(batch.scores)
      for (const { prefix, noteChanged } of learners)
        noteChanged(batch.learned.flatMap(({ name }) => (name.startsWith(prefix) ? [name] : [])))
      later()
      throw error
    }
    // What came meanwhile under the same name stays.
    for (const [pending, rows] of [
      [answered, batch.answered],
      [relabelled, batch.relabelled],
    ] as const)
      for (const row of rows) if (pending.get(row.id) === row) pending.delete(row.id)
    for (const row of batch.evidence) {
      const key = keyOf(row.requestId, row.source, row.kind)
      if (evidence.get(key) === row) evidence.delete(key)
    }
  }

  return {
    note,
    count,
    say(about, said, named) {
      const done = saying.then(() => sayNow(about, said, named ?? null))
      saying = done.catch(() => undefined)
      return done
    },
    find: async (requestId) =>
      relabelled.get(requestId) ?? answered.get(requestId) ?? (await store.getAnswered(requestId)),
    saidOf,
    async load() {
      scoreboard.restore(readScores(await store.qualityScores()))
      for (const { prefix, restore } of learners) {
        const states = await store.learnedStates(prefix)
        restore(states.map(({ name, state }) => ({ name, state: JSON.parse(state) as JsonValue })))
      }
    },
    flush,
    stop() {
      isStopped = true
      cancel?.()
      cancel = null
    },
  }
}

/** Stored beliefs as a scoreboard takes them; what cannot be read any more is left out. */
export function readScores(stored: readonly StoredScore[]): readonly ScoreRow[] {
  return stored.flatMap(({ scope, task, deployment, state }) => {
    const read = readScoreState(JSON.parse(state) as JsonValue)
    return read === null || !isTask(task) ? [] : [{ scope, task, deployment, state: read }]
  })
}

function keyOf(requestId: string, source: string, kind: string): string {
  return `${requestId} ${kind} ${source}`
}

function isKind(kind: string): kind is EvidenceKind {
  return Object.hasOwn(EVIDENCE, kind)
}
