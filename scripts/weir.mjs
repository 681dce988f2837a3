#!/usr/bin/env node
// `weir …`: the command line, from a checkout.
import { bundled } from './bundle.mjs'
import { ensureInstalled, runBun } from './setup.mjs'

ensureInstalled()
runBun(bundled('src/cli/main.ts'), process.argv.slice(2))
