// What a configuration asks of quality, as planning takes it.
import type { DefaultQualityConfig } from '../config/schema-quality.ts'
import { parseUsd } from '../core/money.ts'
import { Z_NORMAL, Z_STRICT } from '../core/quality.ts'
import type { QualityTerms } from './route.ts'

export type QualityRules = DefaultQualityConfig

export function termsOf(
  { floor, baselineShare, strict, minObservations, degrade, explore }: QualityRules,
  baseline: string | null,
): QualityTerms {
  return {
    floor,
    baselineShare,
    z: strict ? Z_STRICT : Z_NORMAL,
    minOwnObservations: minObservations,
    degrade,
    explorationShare: explore.share,
    baseline,
    exploration: {
      spendShare: explore.shareOfSpend,
      maxNanoUsd: explore.maxUsd === null ? null : parseUsd(explore.maxUsd, 9),
    },
  }
}
