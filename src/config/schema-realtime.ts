// `realtime:` of the file: the parsed values as types, then their fields.
import { duration, integer, section, size } from './fields.ts'

export type RealtimeConfig = {
  /** At once, all callers together. */
  readonly sessions: number
  readonly idleMs: number
  readonly sessionMs: number
  readonly messageLimitBytes: number
}

const MINUTE = 60_000
const MIB = 1024 ** 2

export const realtime = section<RealtimeConfig>(
  { description: 'Live sessions: OpenAI’s realtime and Gemini’s Live API.' },
  {
    sessions: integer(
      { description: 'Sessions at once, all callers together. Above it new ones are answered `overloaded`.' },
      { min: 0, max: 1_000_000 },
      1_000,
    ),
    idleMs: duration(
      { description: 'A session in which nothing is said by either side for so long is ended.' },
      { min: 1_000, max: 24 * 60 * MINUTE },
      10 * MINUTE,
    ),
    sessionMs: duration(
      { description: 'A session may last so long.' },
      { min: 1_000, max: 24 * 60 * MINUTE },
      60 * MINUTE,
    ),
    messageLimitBytes: size({ description: 'Largest message of either side.' }, { min: 1024, max: 64 * MIB }, 16 * MIB),
  },
)
