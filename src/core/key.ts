// Who may call, and how much.

/** Limits of one scope; null means no limit. */
export type LimitSet = {
  /** Requests in any minute. */
  readonly rpm: number | null
  /** Tokens, in and out, in any minute. */
  readonly tpm: number | null
  /** Requests in flight at once. */
  readonly concurrency: number | null
}

export const NO_LIMITS: LimitSet = { rpm: null, tpm: null, concurrency: null }

/** Options of a request that a key may forbid. */
export const OPTION_NAMES = [
  'fallbacks',
  'provider',
  'timeout',
  'tags',
  'trace',
  'max_cost',
  'hedge',
  'task',
  'session',
  'region',
  'quality',
  'cache',
] as const
export type OptionName = (typeof OPTION_NAMES)[number]

/** A secret of a virtual key, as kept: never the secret itself. */
export type KeySecret = {
  /** HMAC-SHA-256 of the secret with the gateway's pepper, base64url. */
  readonly hash: string
  /** Last four characters, to tell keys apart in lists. */
  readonly hint: string
  /** When this secret stops working, ms since the epoch; null for the current one. */
  readonly expiresAt: number | null
}

/** A key that we issue. Lists that are null allow everything; empty lists allow nothing. */
export type VirtualKey = {
  readonly id: string
  readonly name: string
  readonly teamId: string | null
  /** Id of the user whose key it is; absent: nobody’s but the operator’s. Such a key has no team. */
  readonly userId?: string
  /** Globs over model names (`openai/*`). */
  readonly models: readonly string[] | null
  /** Endpoint families (`chat`, `embeddings`, …), as in `http/endpoints.ts`. */
  readonly endpoints: readonly string[] | null
  /** CIDR blocks of callers. */
  readonly addresses: readonly string[] | null
  readonly limits: LimitSet
  readonly tags: readonly string[]
  /** Options that its requests may not have; absent: none are forbidden. */
  readonly forbids?: readonly string[]
  /** The caller must name its end user. */
  readonly requireEndUser: boolean
  readonly metadata: Readonly<Record<string, string>>
  readonly disabled: boolean
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly secrets: readonly KeySecret[]
}

export type Team = {
  readonly id: string
  readonly name: string
  /** Name of the organisation that it belongs to; absent: to none. */
  readonly organisation?: string | null
  readonly limits: LimitSet
  readonly models: readonly string[] | null
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly disabled: boolean
  readonly createdAt: number
}

/** A key that may do everything: for whoever asks without one. */
export const UNRESTRICTED_KEY: VirtualKey = {
  id: 'anybody',
  name: 'anybody',
  teamId: null,
  models: null,
  endpoints: null,
  addresses: null,
  limits: NO_LIMITS,
  tags: [],
  requireEndUser: false,
  metadata: {},
  disabled: false,
  createdAt: 0,
  expiresAt: null,
  secrets: [],
}
