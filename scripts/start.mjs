// `npm start`: set up, then serve.
import { bundled } from './bundle.mjs'
import { ensureInstalled, runBun } from './setup.mjs'

ensureInstalled()
runBun(bundled('src/main.ts'), process.argv.slice(2))
