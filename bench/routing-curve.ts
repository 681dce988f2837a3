// The figures of a cost–quality curve: its hull, the area under it, what it saves at a wanted quality, calls to the strong model.

/** Mean cost and mean quality of one way to route all prompts of a table. */
export type Point = { readonly usd: number; readonly quality: number }

/** Share of the best single model's cost that is saved while its quality is kept to 100, 99, 95, 90 %; null: never reached. */
export type Savings = { readonly [level in (typeof LEVELS)[number]]: number | null }
const LEVELS = ['100', '99', '95', '90'] as const

/** Upper hull, cheapest first, quality rising. Between two points any mixture of both ways of routing can be had. */
export function hullOf(points: readonly Point[]): Point[] {
  const hull: Point[] = []
  for (const point of [...points].sort((a, b) => a.usd - b.usd || b.quality - a.quality)) {
    if (hull.length > 0 && point.quality <= hull.at(-1)!.quality) continue
    while (hull.length >= 2 && !isAbove(hull.at(-2)!, hull.at(-1)!, point)) hull.pop()
    hull.push(point)
  }
  return hull
}

function isAbove(left: Point, middle: Point, right: Point): boolean {
  return (
    (middle.quality - left.quality) * (right.usd - left.usd) > (right.quality - left.quality) * (middle.usd - left.usd)
  )
}

/**
 * AIQ (Hu et al. 2024, RouterBench): mean height of the hull between the costs of the cheapest and the dearest single model. Left of the
 * hull's first point nothing can be had and counts 0; right of its last one its quality stays.
 */
export function averageQuality(hull: readonly Point[], fromUsd: number, toUsd: number): number {
  if (toUsd <= fromUsd) return hull.at(-1)?.quality ?? 0
  let area = 0
  for (const [position, left] of hull.entries()) {
    const right = hull[position + 1] ?? { usd: Math.max(toUsd, left.usd), quality: left.quality }
    const start = Math.max(fromUsd, left.usd)
    const end = Math.min(toUsd, right.usd)
    if (end > start) area += ((heightAt(left, right, start) + heightAt(left, right, end)) / 2) * (end - start)
  }
  return area / (toUsd - fromUsd)
}

function heightAt(left: Point, right: Point, usd: number): number {
  return right.usd === left.usd
    ? right.quality
    : left.quality + ((right.quality - left.quality) * (usd - left.usd)) / (right.usd - left.usd)
}

export function savingsOf(hull: readonly Point[], best: Point): Savings {
  const saved = (share: number): number | null => {
    const usd = costOfQuality(hull, share * best.quality)
    return usd === null || best.usd === 0 ? null : 1 - usd / best.usd
  }
  return { '100': saved(1), '99': saved(0.99), '95': saved(0.95), '90': saved(0.9) }
}

/** Least cost at which the hull has that quality. */
function costOfQuality(hull: readonly Point[], quality: number): number | null {
  const position = hull.findIndex((point) => point.quality >= quality - 1e-9)
  if (position < 0) return null
  const right = hull[position]!
  const left = hull[position - 1]
  if (left === undefined || right.quality <= quality) return right.usd
  return left.usd + ((right.usd - left.usd) * (quality - left.quality)) / (right.quality - left.quality)
}

/**
 * CPT (Ong et al. 2024, RouteLLM): the share of calls that must go to the strong model to close that share of the gap between weak and
 * strong, when prompts go in the order of the predicted gain.
 */
export function callShare(
  pairs: readonly { readonly gain: number; readonly weak: number; readonly strong: number }[],
  closed: number,
): number | null {
  const total = pairs.reduce((sum, { weak, strong }) => sum + strong - weak, 0)
  if (total <= 0) return null
  let gained = 0
  for (const [calls, { weak, strong }] of [...pairs].sort((a, b) => b.gain - a.gain).entries()) {
    gained += strong - weak
    if (gained >= closed * total) return (calls + 1) / pairs.length
  }
  return 1
}
