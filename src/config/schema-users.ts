// `users:` of the file: people with a login of their own, who pay for what their keys ask.
import { OPTION_NAMES, type OptionName } from '../core/key.ts'
import type { Operation } from '../core/model.ts'
import { formatUsd } from '../core/money.ts'
import { parseAmount } from './budget-values.ts'
import { choice, duration, type Field, flag, integer, leaf, list, section, text } from './fields.ts'

export type UsersConfig = {
  readonly enabled: boolean
  readonly registration: 'closed' | 'invitation' | 'open'
  readonly defaultGroup: string
  readonly sessionMs: number
  readonly maxKeys: number
  /** Of each user, those that nobody has taken yet. */
  readonly maxInvitations: number
  /** Dollars, exact decimal text: a config is shown as JSON, which has no big integers. */
  readonly welcomeUsd: string
  readonly inviterUsd: string
  readonly keyEndpoints: readonly string[]
  readonly keyForbids: readonly OptionName[]
  /** Where users pay; absent: nothing is said of it. */
  readonly topupUrl?: string
  /** Signs top-ups; absent: none are taken. */
  readonly topupSecret?: string
}

const DAY_MS = 86_400_000

// A table and not a list, so that a new operation does not compile until somebody has thought of users.
const FOR_USERS: Readonly<Record<Operation, boolean>> = {
  chat: true,
  completions: true,
  count_tokens: false,
  embeddings: true,
  moderations: true,
  images: true,
  audio: true,
  rerank: true,
  responses: true,
  realtime: true,
  files: true,
  batches: true,
  // A provider's own API has more than models: files, fine-tuning and bills of whoever owns the credential.
  pass: false,
}
const ENDPOINTS = Object.keys(FOR_USERS).filter((family) => family !== 'count_tokens')

function amount(description: string): Field<string> {
  return leaf(
    { description, kind: 'dollars', range: 'from 0, nine decimal places at most' },
    (value) => {
      const nano = parseAmount(value)
      return nano === null
        ? { expected: 'dollars such as 5 or 0.25, nine decimal places at most' }
        : { value: formatUsd(nano) }
    },
    '0',
  )
}

export const users: Field<UsersConfig> = section<UsersConfig>(
  { description: 'People with a login of their own at `/user`, who pay for what their keys ask. See docs/resale.md.' },
  {
    enabled: flag(
      {
        description:
          'Whether there are users. Off: there is nothing at `/user`, and keys of users are answered `key_disabled`.',
      },
      false,
    ),
    registration: choice(
      { description: 'Who may register: nobody (the operator makes users), who has an invitation, or everybody.' },
      ['closed', 'invitation', 'open'],
      'invitation',
    ),
    defaultGroup: text(
      { description: 'Group of who registers, unless an invitation names another.', kind: 'name' },
      'default',
    ),
    sessionMs: duration({ description: 'How long a log-in lasts.' }, { min: 60_000, max: 366 * DAY_MS }, 7 * DAY_MS),
    maxKeys: integer({ description: 'Most keys of a user.' }, { min: 0, max: 10_000 }, 20),
    maxInvitations: integer(
      { description: 'Most invitations of a user that nobody has taken yet; 0: only the operator invites.' },
      { min: 0, max: 10_000 },
      0,
    ),
    welcomeUsd: amount('What the balance of who registers begins with.'),
    inviterUsd: amount('What a user is credited for each registration by an invitation of theirs.'),
    keyEndpoints: list(
      {
        description:
          'Endpoint families that new keys of users may use. `pass` gives a user the provider’s own API, with your credential: files, fine-tuning and all.',
      },
      choice({ description: '' }, ENDPOINTS),
      ENDPOINTS.filter((family) => FOR_USERS[family as Operation]),
    ),
    keyForbids: list(
      {
        description:
          'Options that new keys of users may not have. The defaults would show, or ask for, what a request costs you.',
      },
      choice({ description: '' }, OPTION_NAMES),
      ['trace', 'max_cost'],
    ),
    topupUrl: text(
      {
        description: 'Address of your shop: pages of users link to it, with the user’s id as `user` in the query.',
        kind: 'URL',
        expected: 'a URL such as https://shop.example.com/credit',
      },
      undefined,
      (value) => (/^https?:\/\//.test(value) && URL.canParse(value) ? value : null),
    ),
    topupSecret: text(
      {
        description:
          'Secret that signs top-ups (`POST /user/topups`), as Standard Webhooks write it: `whsec_` and base64. Without it none are taken.',
        kind: 'secret',
        expected: '`whsec_` and 24 to 64 bytes in base64, such as `openssl rand -base64 32` gives',
        secret: true,
      },
      undefined,
      (value) => (readWebhookSecret(value) === null ? null : value),
    ),
  },
)

/** The bytes of `whsec_…`; null when it is none, or too short to be one. */
export function readWebhookSecret(written: string): Uint8Array | null {
  const base64 = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/.exec(written)?.[1]
  if (base64 === undefined) return null
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length >= 24 && bytes.length <= 64 ? bytes : null
}
