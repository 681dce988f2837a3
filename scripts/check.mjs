// `npm run check`: types, lint, format and dead code. All four run even when one fails, so that one run tells everything.
import { spawnSync } from 'node:child_process'
import { ensureInstalled, ROOT, toolPath } from './setup.mjs'

const CHECKS = [
  ['types', 'tsc', []],
  ['lint', 'oxlint', ['--type-aware', '--deny-warnings']],
  ['format', 'oxfmt', ['--check']],
  ['dead code', 'knip', ['--no-progress']],
]

ensureInstalled()
const failed = []
for (const [title, tool, args] of CHECKS) {
  const started = Date.now()
  const result = spawnSync(toolPath(tool), args, { cwd: ROOT, encoding: 'utf8' })
  const passed = result.status === 0
  if (!passed) {
    failed.push(title)
    process.stdout.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n`)
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${String(title)} (${seconds} s)\n`)
}
process.exit(failed.length === 0 ? 0 : 1)
