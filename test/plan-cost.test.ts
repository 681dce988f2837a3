// `npm run bench:plan` in its short form, as a process of its own: what is counted for coverage would be counted as the plan's.
// Bounds wide enough for a machine that does other things meanwhile.
import { beforeAll, describe, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { type PlanFigures, STRATEGIES } from '../bench/plan.ts'
import { ROOT } from './process.ts'

let figures: PlanFigures = { plans: [], choices: [] }
beforeAll(() => {
  const bench = path.join(ROOT, 'bench', 'plan.ts')
  const { stdout, stderr } = spawnSync(process.execPath, [bench, '--quick', '--json'], { cwd: ROOT, encoding: 'utf8' })
  expect(stderr).toBe('')
  figures = JSON.parse(stdout) as PlanFigures
}, 60_000)

describe('planning is cheap and keeps nothing', () => {
  test.each(STRATEGIES)('%s', (strategy) => {
    const [five, hundred] = figures.plans.filter((one) => one.strategy === strategy)
    expect(five!.cpuUs).toBeLessThan(60)
    expect(hundred!.cpuUs).toBeLessThan(500)
    expect(hundred!.grownBytes).toBeLessThan(2_000_000)
  })
})

test('a choice by quality between twelve targets costs a fraction of a millisecond for a page of text', () => {
  // The aim is 200 µs on a machine that does nothing else.
  expect(figures.choices.find(({ characters }) => characters === 4_096)!.p50).toBeLessThan(600)
})
