// People who have a login of their own and pay for what their keys ask: their groups, their balance, and what a request is
// sold to them for.
import { timesMillionths, type NanoUsd } from './money.ts'

/** Somebody who has a login. */
export type User = {
  readonly id: string
  /** What they log in with; lower case. */
  readonly login: string
  /** Name of the group. */
  readonly group: string
  readonly disabled: boolean
  readonly createdAt: number
  /** Id of the user whose invitation they took; null: none. */
  readonly invitedBy: string | null
}

/** What users have in common: what they pay, and what their keys may use. */
export type UserGroup = {
  readonly name: string
  /** What is charged for a cost of 1, in millionths: 1_250_000n is a quarter more than it cost. */
  readonly multiplierMillionths: bigint
  /** Globs over model names; null allows everything. */
  readonly models: readonly string[] | null
  readonly createdAt: number
}

/** Whom a request is sold to, and for how much more or less than it cost. */
export type SaleTerms = {
  readonly userId: string
  readonly group: string
  readonly multiplierMillionths: bigint
}

/** The user behind a key, as a request needs it. */
export type KeyOwner = SaleTerms & {
  readonly models: readonly string[] | null
  readonly disabled: boolean
}

/** What one entry was sold for. */
export type Sale = SaleTerms & { readonly chargedNanoUsd: NanoUsd }

/** The sale of what cost that much, under these terms. */
export function saleOf({ userId, group, multiplierMillionths }: SaleTerms, costNanoUsd: NanoUsd): Sale {
  return { userId, group, multiplierMillionths, chargedNanoUsd: timesMillionths(costNanoUsd, multiplierMillionths) }
}

export const CREDIT_KINDS = ['topup', 'code', 'gift', 'correction'] as const
/** Where money on a balance came from: a payment, a code, the operator's welcome, or the operator's hand. */
export type CreditKind = (typeof CREDIT_KINDS)[number]

/** What was put on a balance, or taken from it (below zero). Never edited: a balance is Σ credits − Σ charges. */
export type Credit = {
  readonly id: string
  readonly userId: string
  readonly at: number
  readonly kind: CreditKind
  readonly amountNanoUsd: NanoUsd
  /** Id of the payment, the code or the occasion: of one kind there is one credit with it. */
  readonly reference: string
  readonly note: string
}

export const CODE_KINDS = ['redemption', 'invitation'] as const
export type CodeKind = (typeof CODE_KINDS)[number]

/** Something to give away that works once: money for a balance, or the right to register. The code itself is not kept. */
export type UserCode = {
  readonly id: string
  readonly kind: CodeKind
  /** HMAC-SHA-256 of the code with the gateway's pepper. */
  readonly hash: string
  /** Id of those that were made together. */
  readonly batch: string
  /** What it puts on a balance: of an invitation the balance that is registered. */
  readonly amountNanoUsd: NanoUsd
  /** Group of who registers with it; null: the default one. */
  readonly group: string | null
  readonly note: string
  /** Id of the user who made it; null: the operator. */
  readonly madeBy: string | null
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly usedBy: string | null
  readonly usedAt: number | null
}

/** A log-in that lasts; its secret is the cookie. */
export type UserSession = {
  readonly hash: string
  readonly userId: string
  readonly createdAt: number
  readonly expiresAt: number
}
