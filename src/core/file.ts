// Files that clients keep at the gateway: what batches are made from and what comes of them.

/** What a file is for, in OpenAI's words; `batch_output` is made by the gateway alone. */
export const FILE_PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const
export type FilePurpose = (typeof FILE_PURPOSES)[number] | 'batch_output'

export type StoredFile = {
  readonly id: string
  /** Team of the key that made it, else the key itself: nobody else may know of it. */
  readonly owner: string
  readonly filename: string
  readonly purpose: FilePurpose
  readonly bytes: number
  /** Milliseconds since the epoch, as is the other time. */
  readonly createdAt: number
  /** From this moment on it does not exist any more. */
  readonly expiresAt: number
}

/** Content is kept in pieces of at most so many bytes, so that neither reading nor writing a large file stops the others. */
export const FILE_PIECE_BYTES = 1024 * 1024

/** Ids that are made here, as they stand in JSON: no provider's look alike. */
export const OWN_FILE_ID = /"file_[0-9a-hjkmnp-tv-z]{22}"/

/** Whose files and batches a key sees: those of its user or its team where it has one, else its own. */
export function ownerOf(key: {
  readonly id: string
  readonly teamId: string | null
  readonly userId?: string
}): string {
  return key.userId ?? key.teamId ?? key.id
}
