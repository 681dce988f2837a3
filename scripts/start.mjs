// `npm start`: set up, then serve.
import { ensureInstalled, runBun } from './setup.mjs'

ensureInstalled()
runBun('src/main.ts', process.argv.slice(2))
