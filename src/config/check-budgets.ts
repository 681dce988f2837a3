// What the schema alone cannot see of `budgets:`.
import { didYouMean } from '../core/nearest.ts'
import { type Finding, mapping } from './finding.ts'

/** Budgets that are for the same in the same window, and cheaper routes that are not there. */
export function checkBudgets(root: Readonly<Record<string, unknown>>): Finding[] {
  const budgets = root['budgets']
  const routes = new Set(Object.keys(mapping(root['routes'])))
  if (!Array.isArray(budgets)) return []
  const findings: Finding[] = []
  const seen = new Map<string, number>()
  budgets.forEach((written: unknown, index) => {
    const { scope, id, window, time_zone: zone, on_exhausted: exhausted } = mapping(written)
    const name = JSON.stringify([scope, id, window, zone])
    const earlier = seen.get(name)
    if (earlier !== undefined)
      findings.push({
        path: ['budgets', index],
        at: 'value',
        message: `this budget is for the same as number ${earlier + 1} of the list, in the same window`,
        hint: 'Keep one of the two.',
      })
    else seen.set(name, index)
    const degrade = mapping(exhausted)['degrade']
    const to = typeof degrade === 'string' ? degrade : mapping(degrade)['to']
    if (typeof to !== 'string' || routes.has(to)) return
    findings.push({
      path: ['budgets', index, 'on_exhausted'],
      at: 'value',
      message: `there is no route \`${to}\` to degrade to`,
      hint: didYouMean(to, routes) ?? 'Name one of `routes`.',
    })
  })
  return findings
}
