// What to test next: for each route, every other model that its operator named, by what it would save there.
import { NO_USAGE, USAGE_UNITS } from '../core/usage.ts'
import type { Usage } from '../core/usage.ts'
import { type RankedTest, rankTests, type TestIdea } from '../lab/next-test.ts'
import { expectedQuality } from '../lab/quality.ts'
import type { Scoreboard } from '../lab/scoreboard.ts'
import { TASKS } from '../lab/task.ts'
import { costOf } from '../ledger/cost.ts'
import { deploymentsAt, deploymentsOf } from '../routing/route.ts'
import type { Snapshot } from '../snapshot.ts'
import type { ReportStore, SpendRow } from '../store/store.ts'

export type IdeaTools = {
  readonly store: Pick<ReportStore, 'spend'>
  readonly snapshot: Snapshot
  readonly scoreboard: Scoreboard
  readonly now: number
  readonly margin: number
}

const HOUR_MS = 3_600_000
const MONTH_MS = 30 * 86_400_000
const MOST_IDEAS = 20
/** Nobody knows beforehand which tasks a month will bring: all count alike. */
const ALL_TASKS = TASKS.map(() => 1 / TASKS.length)

export async function ideasOf({ store, snapshot, scoreboard, now, margin }: IdeaTools): Promise<readonly RankedTest[]> {
  const { catalogue, priceOf } = snapshot
  // Sums are of whole hours: this one, too.
  const to = now + HOUR_MS
  const spent = await store.spend({ by: ['route', 'provider', 'model'], bucket: null, from: now - MONTH_MS, to })
  const named = new Set(
    catalogue.routes.flatMap((route) => [...deploymentsOf(route), ...route.fallbacks.flatMap(deploymentsAt)]),
  )
  const qualityOf = (id: string): TestIdea['baselineQuality'] =>
    expectedQuality(ALL_TASKS, scoreboard.scores(['gateway'], id, now), null)
  const ideas = catalogue.routes.flatMap((route): TestIdea[] => {
    const main = mainOf(spent, route.name)
    if (main === null || !deploymentsOf(route).some(({ id }) => id === main.id)) return []
    const { row, id: baseline } = main
    return [...named].flatMap(({ id: candidate }): TestIdea[] => {
      const rates = priceOf(candidate, now)?.rates
      if (candidate === baseline || rates === undefined) return []
      return [
        {
          route: route.name,
          baseline,
          candidate,
          requests: row.requests,
          baselineNanoUsd: Number(row.costNanoUsd) / row.requests,
          candidateNanoUsd: Number(costOf(meanOf(row), rates)),
          baselineQuality: qualityOf(baseline),
          candidateQuality: qualityOf(candidate),
        },
      ]
    })
  })
  return rankTests(ideas, margin).slice(0, MOST_IDEAS)
}

/** Who answers most of a route. */
function mainOf(rows: readonly SpendRow[], name: string): { readonly id: string; readonly row: SpendRow } | null {
  const own = rows.filter(({ group, requests }) => group.route === name && requests > 0)
  const [row] = own.toSorted((one, other) => other.requests - one.requests)
  if (row === undefined) return null
  return { id: `${row.group.provider ?? ''}/${row.group.model ?? ''}`, row }
}

function meanOf({ usage, requests }: SpendRow): Usage {
  const mean: { -readonly [unit in keyof Usage]: number } = { ...NO_USAGE }
  for (const unit of USAGE_UNITS) mean[unit] = Math.round(usage[unit] / requests)
  return mean
}
