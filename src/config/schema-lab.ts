// `lab:` of the file: what may be learned from answers after they have left, and what that may cost.
import { choice, duration, type Field, integer, leaf, section, size } from './fields.ts'

export type LabConfig = {
  /** Whether answers are looked at for evidence of quality, where the route does not say. */
  readonly evidence: 'off' | 'quality' | 'all'
  readonly retentionMs: number
  /** Of the time of the process, 0–1. */
  readonly cpuShare: number
  readonly maxWaiting: number
  readonly maxWaitingSizeBytes: number
  readonly maxAnswerSizeBytes: number
}

const MIB = 1024 ** 2
const DAY = 86_400_000

/** A share, written as a number from `min` to `max`. */
function share(description: string, { min, max }: { readonly min: number; readonly max: number }, fallback: number) {
  return leaf<number>(
    { description, kind: 'number', range: `${min} to ${max}` },
    (value) =>
      typeof value === 'number' && value >= min && value <= max
        ? { value }
        : { expected: `a number from ${min} to ${max}, such as ${fallback}` },
    fallback,
  )
}

export const lab: Field<LabConfig> = section<LabConfig>(
  { description: 'What may be learned from answers after they have left, and what that may cost.' },
  {
    evidence: choice(
      {
        description:
          'Whose answers are looked at for what is plainly wrong with them (empty, cut, not in the form that was asked for, refused, in a loop): of nobody, of routes that choose by quality, `auto` among them, or of all. A route may say otherwise.',
      },
      ['off', 'quality', 'all'],
      'quality',
    ),
    retentionMs: duration(
      { description: 'How long single pieces of evidence are kept. Scores and sums by day stay.' },
      { min: DAY, max: 3660 * DAY },
      90 * DAY,
    ),
    cpuShare: share(
      'Most of the time of the process that looking at answers may take. Answers that come faster are not looked at, and counted in `weir_lab_dropped_total`.',
      { min: 0.001, max: 1 },
      0.05,
    ),
    maxWaiting: integer({ description: 'Most answers that wait to be looked at.' }, { min: 1, max: 1_000_000 }, 1_000),
    maxWaitingSizeBytes: size(
      { description: 'Requests and answers that wait, or are being copied, all together.' },
      { min: 1024, max: 1024 * MIB },
      32 * MIB,
    ),
    maxAnswerSizeBytes: size({ description: 'Largest answer that is looked at.' }, { min: 1024, max: 64 * MIB }, MIB),
  },
)
