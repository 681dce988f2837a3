// `npm run format`: write the one formatting.
import { spawnSync } from 'node:child_process'
import { ensureInstalled, ROOT, toolPath } from './setup.mjs'

ensureInstalled()
const result = spawnSync(toolPath('oxfmt'), process.argv.slice(2), { cwd: ROOT, stdio: 'inherit' })
process.exit(result.status ?? 1)
