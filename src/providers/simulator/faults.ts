// What can go wrong at a provider, by name: the simulator plays it, tests and drills ask for it.

/** Each fault in a streamed answer; a whole answer shows its nearest counterpart (see `fault-plan.ts`). */
export const FAULTS = [
  /** 500 with OpenAI's words. */
  'error_500',
  /** 503, overloaded. */
  'error_503',
  /** 429 with `Retry-After`. */
  'rate_limited',
  /** 401: the key is not known. */
  'unauthorized',
  /** 403: the account's quota is used up. */
  'quota_403',
  /** 400: the prompt is longer than the context. */
  'context_400',
  /** 200 with a page of HTML, as proxies and captive portals answer. */
  'refused_body',
  /** 200 with nothing in it. */
  'empty_200',
  /** 200 whose body, or whose first event, is an error object. */
  'error_in_200',
  /** The role chunk, then an error event. */
  'error_after_first_event',
  /** The head, then nothing until the caller gives up. */
  'stall_before_first',
  /** Half of the answer, then nothing until the caller gives up. */
  'stall_midstream',
  /** One piece every two seconds. */
  'trickle',
  /** Half of the answer, then the end of the body without a finish reason or `[DONE]`. */
  'cut',
  /** An event that is no JSON in the middle of a good stream. */
  'garbage_chunk',
  /** Even the head takes ten times the usual time to the first token. */
  'slow_start',
] as const

export type Fault = (typeof FAULTS)[number]

const KNOWN: ReadonlySet<string> = new Set(FAULTS)

export function isFault(name: string): name is Fault {
  return KNOWN.has(name)
}
