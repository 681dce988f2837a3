// A warning in the answers of models that their vendors withdraw.
import type { Deployment } from '../core/model.ts'

/** So long before the day the callers are told. */
const NOTICE_MS = 180 * 86_400_000

/** What a caller should know of the model's end; null when it has none, or a distant one. */
export function retirementWarning({ id, facts }: Pick<Deployment, 'id' | 'facts'>, now: number): string | null {
  const { retiredOn, successor } = facts
  if (retiredOn === null) return null
  const day = Date.parse(retiredOn)
  if (now < day - NOTICE_MS) return null
  const next = successor === null ? '' : ` Its vendor names ${successor} in its place.`
  return now < day
    ? `${id} will be withdrawn by its vendor on ${retiredOn}.${next}`
    : `${id} is withdrawn by its vendor since ${retiredOn}.${next}`
}
