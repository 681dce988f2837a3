// What a token costs on machines that are paid by the hour: what the machines cost in a time, over the tokens of that time. Pure.
import { type NanoUsd, PICO_PER_NANO } from '../core/money.ts'
import { inputTokens, outputTokens, type Usage } from '../core/usage.ts'

export type AmortiseInput = {
  /** Of all machines together. */
  readonly hourNanoUsd: NanoUsd
  readonly hours: number
  readonly usage: Usage
  /** How many times an input token's work an output token is. */
  readonly outputWeight: number
}

/** Pico-dollars a token, rounded half up; null: there were no tokens. */
export type AmortisedRates = { readonly input: bigint; readonly output: bigint }

/** Weights are counted in thousandths. */
const THOUSANDTHS = 1_000n

export function amortise({ hourNanoUsd, hours, usage, outputWeight }: AmortiseInput): AmortisedRates | null {
  const weight = BigInt(Math.round(outputWeight * 1_000))
  const weighed = BigInt(inputTokens(usage)) * THOUSANDTHS + BigInt(outputTokens(usage)) * weight
  if (weighed === 0n) return null
  const pico = hourNanoUsd * BigInt(hours) * PICO_PER_NANO
  const each = (share: bigint): bigint => (2n * pico * share + weighed) / (2n * weighed)
  return { input: each(THOUSANDTHS), output: each(weight) }
}
