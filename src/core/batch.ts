// Batches: requests of a file that are executed when there is room for them.
//
// States: validating → in_progress → finalizing → completed. `validating → failed`: the file is no list of requests.
// `in_progress → finalizing → expired`: its time is over. `validating, in_progress → cancelling → cancelled`: its owner's wish.

export type BatchStatus =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'expired'
  | 'cancelling'
  | 'cancelled'

/** States in which there is still something to do. */
export const OPEN_STATUSES: readonly BatchStatus[] = ['validating', 'in_progress', 'finalizing', 'cancelling']

/** What is wrong with the file of a batch. */
export type BatchProblem = {
  readonly code: string
  readonly message: string
  /** From 1; null where it is no line in particular. */
  readonly line: number | null
  readonly param: string | null
}

/** A batch that its provider executes: which one, and with which of the provider's credentials. */
export type ForwardedTo = {
  /** `provider/model`. */
  readonly deploymentId: string
  readonly credentialId: string | null
  /** When the handing in began, wall ms. */
  readonly since: number
  readonly lines: number
}

/**
 * Who executes the lines of a batch. `own` → the gateway; `handing_in` → (found or made) `handed_in` → `ended`: from then on
 * the gateway executes what is left.
 */
export type Forwarding =
  | { readonly type: 'own' }
  /** The provider may have it already: it is looked for before it is handed in again. */
  | { readonly type: 'handing_in'; readonly to: ForwardedTo }
  | { readonly type: 'handed_in'; readonly to: ForwardedTo; readonly id: string }
  | { readonly type: 'ended'; readonly to: ForwardedTo; readonly id: string | null }

export type Batch = {
  readonly id: string
  /** As of a file: see `ownerOf`. */
  readonly owner: string
  /** In whose name its lines are executed. */
  readonly keyId: string
  /** Path of the endpoint that all its lines call. */
  readonly endpoint: string
  readonly inputFileId: string
  /** As the caller wrote it, `24h`. */
  readonly completionWindow: string
  readonly metadata: Readonly<Record<string, string>> | null
  readonly status: BatchStatus
  /** Absent: nobody has decided yet. */
  readonly forwarding?: Forwarding
  /** The state in which it will be over once its files are written. */
  readonly endsAs: 'completed' | 'expired' | 'cancelled'
  readonly createdAt: number
  /** What is not done by then is not executed any more. */
  readonly dueAt: number
  /** When the batch itself is forgotten. */
  readonly keptUntil: number
  /** How long its files are kept after they were made. */
  readonly filesKeptMs: number
  /** When it came into each state that it has seen. */
  readonly enteredAt: Readonly<Partial<Record<BatchStatus, number>>>
  readonly problems: readonly BatchProblem[]
  readonly outputFileId: string | null
  readonly errorFileId: string | null
  /** Lines of the file. */
  readonly total: number
  readonly completed: number
  readonly failed: number
}

/** One request of a batch that is still to be executed. */
export type BatchLine = {
  /** Its line in the file, from 1. */
  readonly position: number
  /** The caller's name for it. */
  readonly customId: string
  /** How often it was begun and has to be begun again: a part of its id. */
  readonly tries: number
  /** Body of the request, JSON. */
  readonly body: string
}

/** What came of a line. */
export type LineResult = {
  readonly position: number
  readonly ok: boolean
  /** The line of the output or error file: JSON without a line break. */
  readonly text: string
}

/** Id of the request that executes a line: the same after a crash, so that what was booked is known. */
export function lineRequestId(batchId: string, { position, tries }: Pick<BatchLine, 'position' | 'tries'>): string {
  const own = batchId.slice(batchId.indexOf('_') + 1)
  return `req_${own}_${position}${tries === 0 ? '' : `_${tries}`}`
}
