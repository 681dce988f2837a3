// Runs a TypeScript file of this repository with Bun: `node scripts/run.mjs bench/run.ts …`.
import { ensureInstalled, runBun } from './setup.mjs'

ensureInstalled()
runBun(process.argv[2], process.argv.slice(3))
