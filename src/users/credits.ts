// Money comes onto a balance: by a payment that was told of, by a code, or by the operator's hand. A credit is written
// before it counts, and each payment and code is credited once, however often it is told.
import { GatewayError } from '../core/error.ts'
import { randomId } from '../core/id.ts'
import { formatUsd } from '../core/money.ts'
import type { Credit, User } from '../core/user.ts'
import type { UserStore } from '../store/store.ts'
import { hashCode, readCode } from './codes.ts'

export type CreditTools = {
  readonly store: Pick<UserStore, 'getUser' | 'findUser' | 'addCredit' | 'findCode' | 'redeemCode'>
  readonly hash: (secret: string) => string
  readonly now: () => number
  /** Told after each credit: the running gateway takes it over before the caller hears of it. */
  readonly credited: () => Promise<void>
}

/** A million dollars: beyond it a credit is a slip of the pen, and sums would leave 64 bits one day. */
const MOST_NANO_USD = 10n ** 15n

/** A user by id or login. Throws `not_found`. */
export async function findUser(reference: string, store: Pick<UserStore, 'getUser' | 'findUser'>): Promise<User> {
  const user = (await store.getUser(reference)) ?? (await store.findUser(reference.trim().toLowerCase()))
  if (user !== null) return user
  throw new GatewayError('not_found', { message: `There is no user ${JSON.stringify(reference.slice(0, 100))}.` })
}

/**
 * Credits a payment, or (`correction`) what the operator sets right; below zero it takes money back. One that is told again
 * changes nothing. Throws `conflict` when its reference stands for another user or amount.
 */
export async function creditUser(
  user: User,
  input: Pick<Credit, 'amountNanoUsd' | 'reference' | 'note'> & { readonly kind: 'topup' | 'correction' },
  { store, now, credited }: CreditTools,
): Promise<{ readonly credit: Credit; readonly isNew: boolean }> {
  const { amountNanoUsd, reference, kind } = input
  if (amountNanoUsd === 0n || amountNanoUsd > MOST_NANO_USD || amountNanoUsd < -MOST_NANO_USD)
    throw new GatewayError('request_malformed', {
      message: `An amount is above or below zero, and at most ${formatUsd(MOST_NANO_USD)} dollars.`,
      param: 'amount_usd',
    })
  const written = await store.addCredit({ ...input, id: randomId('credit'), userId: user.id, at: now() })
  const { credit, isNew } = written
  if (credit.userId !== user.id || credit.amountNanoUsd !== amountNanoUsd)
    throw new GatewayError('conflict', {
      message: `The ${kind} ${JSON.stringify(reference)} was credited already: ${formatUsd(credit.amountNanoUsd)} dollars to ${credit.userId}.`,
    })
  if (isNew) await credited()
  return written
}

/** Uses a code up for a user. Throws `code_invalid`. */
export async function redeem(
  user: User,
  written: string,
  { store, hash, now, credited }: CreditTools,
): Promise<Credit> {
  const at = now()
  const code = await store.findCode('redemption', hashCode(readCode(written), hash), at)
  if (code === null) throw new GatewayError('code_invalid')
  const credit: Credit = {
    id: randomId('credit'),
    userId: user.id,
    at,
    kind: 'code',
    amountNanoUsd: code.amountNanoUsd,
    reference: code.id,
    note: code.note,
  }
  await store.redeemCode(code.id, credit)
  await credited()
  return credit
}
