import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { PRESETS } from '../src/providers/presets.ts'
import { type Files, importsOf, LEVELS, violations } from './architecture.ts'

const ROOT = path.dirname(import.meta.dirname)
const PROVIDERS = new Set(['openai', 'anthropic', 'simulator'])

function repository(): Files {
  const files = new Map<string, string>()
  for (const folder of ['src', 'test', 'bench', 'scripts'])
    for (const name of readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      const file = `${folder}/${name.replaceAll('\\', '/')}`
      // This file plants what the rules forbid.
      if (/\.(?:ts|mjs)$/.test(file) && !/^test\/architecture(?:\.test)?\.ts$/.test(file))
        files.set(file, readFileSync(path.join(ROOT, file), 'utf8'))
    }
  return files
}

test('the code keeps the rules of docs/architecture.md', () => {
  const files = repository()
  expect(files.size).toBeGreaterThan(50)
  // `custom` is a kind of tool, too.
  const found = violations(files, new Set(Object.keys(PRESETS).filter((name) => name !== 'custom')))
  expect(found.map(({ file, rule, detail }) => `${file}: ${rule}: ${detail}`)).toEqual([])
})

test('docs/architecture.md names every part and every level in their order', () => {
  const text = readFileSync(path.join(ROOT, 'docs/architecture.md'), 'utf8')
  const picture = LEVELS.map(({ parts }) => parts.join(' ')).join(' → ')
  expect(text.replace(/\s+/g, ' ')).toContain(picture)
})

const BAD: readonly (readonly [sentence: string, file: string, text: string, rule: string])[] = [
  ['core imports a package', 'src/core/a.ts', "import { z } from 'zod'", 'pure'],
  ['core imports a node module', 'src/core/a.ts', "import path from 'node:path'", 'pure'],
  ['core imports upwards', 'src/core/a.ts', "import type { Store } from '../store/store.ts'", 'level'],
  ['a dialect reads the clock', 'src/dialects/a.ts', "import { systemClock } from '../core/clock.ts'", 'pure'],
  ['a dialect asks for the time', 'src/dialects/a.ts', 'const at = Date.now()', 'pure'],
  ['a dialect logs', 'src/dialects/a.ts', "console.log('x')", 'pure'],
  ['a dialect imports a provider', 'src/dialects/a.ts', "import { a } from '../providers/wire.ts'", 'level'],
  ['a wire imports a node module', 'src/providers/openai/a.ts', "import 'node:zlib'", 'pure'],
  ['subject folders import each other', 'src/limits/a.ts', "import { b } from '../ledger/b.ts'", 'level'],
  ['folders of the lowest level import each other', 'src/config/a.ts', "import { b } from '../metrics/b.ts'", 'level'],
  ['an import of several lines', 'src/store/a.ts', "import {\n  a,\n  b,\n} from '../keys/b.ts'", 'level'],
  ['a re-export', 'src/store/a.ts', "export { b } from '../keys/b.ts'", 'level'],
  ['a re-export of all', 'src/store/a.ts', "export * from '../keys/b.ts'", 'level'],
  ['a dynamic import', 'src/store/a.ts', "const b = await import('../keys/b.ts')", 'level'],
  ['a type by import', 'src/store/a.ts', "type B = import('../keys/b.ts').B", 'level'],
  ['http imports admin', 'src/http/a.ts', "import { b } from '../admin/b.ts'", 'level'],
  ['the path imports the server', 'src/handle.ts', "import { b } from './http/server.ts'", 'level'],
  ['the app imports the command line', 'src/app.ts', "import { b } from './cli/main.ts'", 'level'],
  ['a file of no level', 'src/stray.ts', "import { b } from './core/error.ts'", 'level'],
  ['an import of a file of no level', 'src/main.ts', "import { b } from './stray.ts'", 'level'],
  ['source imports a test', 'src/core/a.ts', "import { b } from '../../test/b.ts'", 'level'],
  ['an import without ending', 'src/keys/a.ts', "import { b } from './b'", 'ending'],
  ['a stage names a store', 'src/keys/a.ts', "import { b } from '../store/sqlite.ts'", 'concrete'],
  ['admin names a store', 'src/admin/a.ts', "import { b } from '../store/sqlite-keys.ts'", 'concrete'],
  ['routing names a provider', 'src/routing/a.ts', "import { b } from '../providers/openai/wire.ts'", 'concrete'],
  ['routing reads the preset table', 'src/routing/a.ts', "import { b } from '../providers/presets.ts'", 'concrete'],
  ['Bun is named in a stage', 'src/routing/a.ts', 'const now = Bun.nanoseconds()', 'bun'],
  ['bun:sqlite outside the store', 'src/ledger/a.ts', "import { Database } from 'bun:sqlite'", 'bun'],
  ['a second socket', 'src/routing/a.ts', "const answer = await fetch('https://example.com')", 'fetch'],
  ['a second socket by another name', 'src/routing/a.ts', 'const send = globalThis.fetch', 'fetch'],
  ['a bare TCP connection', 'src/routing/a.ts', "import { connect } from 'node:net'", 'network'],
  ['a file is read in a stage', 'src/routing/a.ts', "import { readFileSync } from 'node:fs'", 'files'],
  ['the environment in a stage', 'src/keys/a.ts', 'const token = process.env.TOKEN', 'environment'],
  ['a branch on a provider', 'src/routing/a.ts', "if (provider.name === 'openai') retry()", 'provider name'],
  ['a turned branch on a provider', 'src/routing/a.ts', "if ('openai' !== provider.name) retry()", 'provider name'],
  ['a case of a provider', 'src/http/a.ts', "switch (name) {\n  case 'anthropic':\n}", 'provider name'],
  ['a barrel', 'src/keys/index.ts', '', 'barrel'],
  ['a name that says nothing', 'src/keys/key-utils.ts', '', 'name'],
  ['a folder that says nothing', 'src/helpers/a.ts', '', 'name'],
  ['a manager', 'src/keys/key-manager.ts', '', 'name'],
  ['unfinished work in source', 'src/keys/a.ts', '// TODO: later', 'unfinished'],
  ['unfinished work in a script', 'scripts/a.mjs', '// FIXME', 'unfinished'],
]

test.each(BAD)('%s: refused', (_, file, text, rule) => {
  expect(violations(new Map([[file, text]]), PROVIDERS).map((violation) => violation.rule)).toContain(rule)
})

const GOOD: readonly (readonly [sentence: string, file: string, text: string])[] = [
  ['the path downwards', 'src/handle.ts', "import type { Plan } from './routing/plan.ts'"],
  ['http knows the path', 'src/http/server.ts', "import type { A } from '../handle.ts'\nBun.serve({})"],
  ['a stage knows the store by its interface', 'src/keys/a.ts', "import type { KeyStore } from '../store/store.ts'"],
  ['the app names a store', 'src/app.ts', "import { openSqliteStore } from './store/sqlite.ts'"],
  ['the command line uses the process entry', 'src/cli/main.ts', "import { serve } from '../main.ts'\nprocess.env.X"],
  ['the upstream opens a socket', 'src/providers/upstream.ts', "import { connect } from 'node:net'\nawait fetch('x')"],
  ['a method named fetch', 'src/admin/a.ts', 'return { fetch(request) { return app.fetch(request, (b)) } }'],
  ['an asynchronous method named fetch', 'src/app.ts', 'async fetch(request: Request): Promise<Response> {}'],
  ['a signature named fetch', 'src/app.ts', 'type A = { fetch(request: Request): Promise<Response> }'],
  ['a function handed in as fetch', 'src/http/a.ts', 'const { listen, fetch } = options\nreturn fetch(request)'],
  ['a comment that speaks of fetch()', 'src/keys/a.ts', '// fetch(x) and process.env and Bun.serve\n/* fetch( */'],
  ['a text that speaks of fetch()', 'src/keys/a.ts', "const hint = 'call fetch(url)'"],
  ['a dialect of its own name', 'src/http/a.ts', "if (dialect.id === 'openai-chat') go()"],
  ['the wire that a provider declares', 'src/cli/a.ts', "if (provider.wire === 'simulator') skip()"],
  ['a provider knows its own name', 'src/providers/a.ts', "if (wire === 'openai') go()"],
  ['a test may do all that', 'src/keys/a.test.ts', "import { a } from '../store/sqlite.ts'\nawait fetch('x')"],
  [
    'the version is read from the package',
    'src/version.ts',
    "import manifest from '../package.json' with { type: 'json' }",
  ],
]

test.each(GOOD)('%s: fine', (_, file, text) => {
  expect(violations(new Map([[file, text]]), PROVIDERS)).toEqual([])
})

test('imports of every form are seen, and none that is only written about', () => {
  const text = `import a from './a.ts'
import type { B } from "./b.ts"
import './c.ts'
export { d } from './d.ts'
import {
  e, // from 'nowhere'
} from './e.ts'
const f = () => import('./f.ts')
// import('./g.ts')
export const from = './h.ts'
`
  expect(importsOf(text).toSorted()).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts'])
})
