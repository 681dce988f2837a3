// `prompts:` of the file: what is kept of what is asked and answered.
import { PROMPT_MODES, type PromptMode } from '../core/kept-prompt.ts'
import { choice, duration, type Field, leaf, section, size } from './fields.ts'

export type PromptsConfig = {
  readonly keep: PromptMode
  /** Of the requests, with `sampled`; 0–1. */
  readonly share: number
  readonly retentionMs: number
  readonly maxSizeBytes: number
}

const DAY = 86_400_000
const MIB = 1024 ** 2

export const prompts: Field<PromptsConfig> = section<PromptsConfig>(
  { description: 'What is kept of what is asked and answered in chats. Unless you say so: nothing.' },
  {
    keep: choice(
      {
        description:
          'Nothing (`off`), only keyed hashes (`hashed`), a share as it is and of the rest hashes (`sampled`), all without what looks like personal data or a secret (`redacted`), or all (`full`). The metadata `prompts` of a key, or of its team, says otherwise for its requests. A no-store request is never kept.',
      },
      PROMPT_MODES,
      'off',
    ),
    share: leaf<number>(
      {
        description: 'Share of the requests that are kept as they are, with `keep: sampled`.',
        kind: 'number',
        range: '0 to 1',
      },
      (value) =>
        typeof value === 'number' && value >= 0 && value <= 1
          ? { value }
          : { expected: 'a number from 0 to 1, such as 0.1' },
      0.1,
    ),
    retentionMs: duration(
      { description: 'How long they are kept. A shorter time counts for what is kept already, too.' },
      { min: 3_600_000, max: 3660 * DAY },
      30 * DAY,
    ),
    maxSizeBytes: size(
      { description: 'Largest request with its answer that is kept; of larger ones only the hashes are.' },
      { min: 1024, max: 16 * MIB },
      MIB / 4,
    ),
  },
)
