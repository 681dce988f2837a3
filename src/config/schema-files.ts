// `files:` and `batches:` of the file: the parsed values as types, then their fields.
import { choice, duration, integer, section, size } from './fields.ts'

export type FilesConfig = {
  readonly retentionMs: number
  readonly fileLimitBytes: number
  /** All files of one team, or of a key without one. */
  readonly ownerLimitBytes: number
}

export type BatchesConfig = {
  readonly forward: 'auto' | 'never'
  /** Lines of all batches at once. */
  readonly concurrency: number
  readonly pauseAboveInFlight: number
  readonly maxLines: number
  readonly retentionMs: number
}

const DAY = 86_400_000
const MIB = 1024 ** 2

export const files = section<FilesConfig>(
  { description: 'Files that clients keep here, such as those of batches.' },
  {
    retentionMs: duration(
      { description: 'How long a file is kept, unless it was uploaded with `expires_after`.' },
      { min: 3_600_000, max: 3660 * DAY },
      30 * DAY,
    ),
    fileLimitBytes: size({ description: 'Largest file.' }, { min: 1024, max: 1024 * MIB }, 200 * MIB),
    ownerLimitBytes: size(
      { description: 'All files of one team together, or of one key that has no team.' },
      { min: 1024, max: 1024 * 1024 * MIB },
      2048 * MIB,
    ),
  },
)

export const batches = section<BatchesConfig>(
  { description: 'Batches of requests, which are executed when there is room for them.' },
  {
    forward: choice(
      {
        description:
          'Whether a batch whose lines would all go to one model of a provider that takes batches is handed on to it, for half of the price: `auto` or `never`.',
      },
      ['auto', 'never'],
      'auto',
    ),
    concurrency: integer(
      { description: 'Lines at once, all batches together. `0` executes none.' },
      { min: 0, max: 10_000 },
      4,
    ),
    pauseAboveInFlight: integer(
      { description: 'While more requests of others are in flight, no further line is begun.' },
      { min: 0, max: 1_000_000 },
      64,
    ),
    maxLines: integer({ description: 'Most lines of one batch.' }, { min: 1, max: 1_000_000 }, 50_000),
    retentionMs: duration(
      { description: 'How long a batch can be asked for, from its making.' },
      { min: 8 * DAY, max: 3660 * DAY },
      30 * DAY,
    ),
  },
)
