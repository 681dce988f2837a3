// The bench of the ledger, small: whether it works, and whether the figures that do not depend on size hold already.
import { expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { ROOT } from './process.ts'

function bench(...args: string[]) {
  return spawnSync(process.execPath, [path.join(ROOT, 'bench', 'ledger.ts'), ...args], { cwd: ROOT, encoding: 'utf8' })
}

test('on a store of a hundred and twenty thousand entries reports and the log are quick, and the books add up', () => {
  const { stdout, stderr } = bench('--entries', '120000', '--verify', '--json')
  expect(stderr).toBe('')
  const figures = JSON.parse(stdout) as Record<string, number> & {
    reportMs: { p50: number }
    newestMs: { p50: number }
  }
  expect(figures).toMatchObject({ entries: 120_000, differences: 0 })
  // Twice the goals, for a machine that does something else beside.
  expect(figures.reportMs.p50).toBeLessThan(200)
  expect(figures.newestMs.p50).toBeLessThan(40)
  expect(figures['reportsMeanwhile']).toBeGreaterThan(0)
  // Ten million take less than 4 GB then. (Of fewer entries in a year, the sums of each hour and model weigh more than the entries.)
  expect(figures['bytesPerEntry']).toBeLessThan(400)
}, 60_000)

test('the bench explains itself, and refuses a number of entries that is none', () => {
  expect(bench('--help').stdout).toContain('--entries N')
  expect(bench('--entries', 'many')).toMatchObject({ status: 1, stderr: expect.stringContaining('whole number') })
})
