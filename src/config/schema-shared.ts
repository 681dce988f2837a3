// Fields that stand in several sections of the file: deadlines and limits.
import type { LimitSet } from '../core/key.ts'
import type { Timeouts } from '../core/model.ts'
import { duration, type Field, limit, section } from './fields.ts'

const TIMEOUT = { min: 10, max: 86_400_000 }

export function timeoutFields(fallbacks: Partial<Timeouts>) {
  return {
    connectMs: duration({ description: 'Until the connection to the provider stands.' }, TIMEOUT, fallbacks.connectMs),
    firstTokenMs: duration(
      {
        description: 'Until the head of a whole answer, or the first token of a stream.',
        synonyms: ['ttft', 'first_byte'],
      },
      TIMEOUT,
      fallbacks.firstTokenMs,
    ),
    idleMs: duration({ description: 'Between two chunks of an answer.' }, TIMEOUT, fallbacks.idleMs),
    totalMs: duration(
      { description: 'The whole request, all attempts together.', synonyms: ['request_timeout'] },
      TIMEOUT,
      fallbacks.totalMs,
    ),
  }
}

export function someTimeouts(whose: string): Field<Partial<Timeouts>> {
  const fields = timeoutFields({})
  return section<Partial<Timeouts>>({ description: `Deadlines of ${whose}; others stay.` }, fields, { optional: true })
}

const limitKinds = {
  rpm: limit({ description: 'Requests in any minute.', synonyms: ['requests_per_minute'] }),
  tpm: limit({ description: 'Tokens, in and out, in any minute.', synonyms: ['tokens_per_minute'] }),
}

export function limitSet(whose: string): Field<LimitSet> {
  return section<LimitSet>(
    { description: `Limits of ${whose}.` },
    {
      ...limitKinds,
      concurrency: limit({ description: 'Requests in flight at once.', synonyms: ['max_parallel_requests'] }),
    },
  )
}
