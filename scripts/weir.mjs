#!/usr/bin/env node
// `weir …`: the command line, from a checkout.
import { ensureInstalled, runBun } from './setup.mjs'

ensureInstalled()
runBun('src/cli/main.ts', process.argv.slice(2))
