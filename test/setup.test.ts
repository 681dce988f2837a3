// The tool chain's own scripts, run with Node in a copy of the checkout whose npm and Bun are small stand-ins.
import { afterAll, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import manifest from '../package.json' with { type: 'json' }

const ROOT = path.dirname(import.meta.dirname)
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

type Result = { readonly code: number | null; readonly output: string }
type Checkout = {
  readonly root: string
  /** Runs `node <args>` in the checkout. */
  readonly node: (...args: string[]) => Promise<Result>
  readonly installs: () => number
  readonly builds: () => number
}

/** What a bundle is made of, and a Bun that makes one. */
const SOURCES = ['src/main.ts', 'src/cli/main.ts', 'src/lab/head-worker.ts']
const BUILD = `if [ "$1" = build ]; then
  while [ "$1" != --outdir ]; do shift; done
  mkdir -p "$2/cli" "$2/lab" && touch "$2/main.js" "$2/cli/main.js" "$2/lab/head-worker.js" && echo >> builds; exit
fi`

/** `npm install` leaves a Bun that makes bundles (or does what `build` says) and prints its arguments (or does what `bun` says); all are shell scripts. */
function checkout(scripts: { readonly npm?: string; readonly build?: string; readonly bun?: string } = {}): Checkout {
  const root = mkdtempSync(path.join(tmpdir(), 'weir-setup-'))
  folders.push(root)
  cpSync(path.join(ROOT, 'scripts'), path.join(root, 'scripts'), { recursive: true })
  writeFileSync(path.join(root, 'package-lock.json'), '{"lockfileVersion":3}')
  writeFileSync(path.join(root, 'package.json'), '{}')
  for (const source of SOURCES) {
    mkdirSync(path.dirname(path.join(root, source)), { recursive: true })
    writeFileSync(path.join(root, source), '')
  }
  const tools = path.join(root, 'tools')
  mkdirSync(tools)
  const bun = path.join(tools, 'bun')
  writeFileSync(
    bun,
    `#!/bin/sh\n${scripts.build ?? BUILD}\n${scripts.bun ?? 'echo "bun $1 $2 $BUN_CONFIG_MAX_HTTP_REQUESTS"'}\n`,
  )
  const install = 'mkdir -p node_modules/.bin && cp tools/bun node_modules/.bin/bun && echo "$@" >> installs'
  writeFileSync(path.join(tools, 'npm'), `#!/bin/sh\n${scripts.npm ?? install}\n`)
  for (const tool of ['bun', 'npm']) chmodSync(path.join(tools, tool), 0o755)
  return {
    root,
    node: (...args) =>
      new Promise((resolve, reject) => {
        const { BUN_CONFIG_MAX_HTTP_REQUESTS: _, ...environment } = process.env
        const child = spawn('node', args, { cwd: root, env: { ...environment, PATH: `${tools}:${process.env.PATH}` } })
        let output = ''
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += String(piece)))
        child.on('error', reject)
        child.on('close', (code) => resolve({ code, output }))
      }),
    installs: () => linesOf(path.join(root, 'installs')),
    builds: () => linesOf(path.join(root, 'builds')),
  }
}

function linesOf(file: string): number {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0
}

test('the first start installs what the lock file says, and then starts', async () => {
  const { root, node, installs } = checkout()
  const { code, output } = await node('scripts/start.mjs', '--flag')
  expect([code, installs()]).toEqual([0, 1])
  // Nothing may be written back: two machines that start the same commit run the same versions.
  expect(readFileSync(path.join(root, 'installs'), 'utf8')).toStartWith('install --no-save ')
  expect(output).toContain('installing dependencies')
  expect(output).toMatch(/bun \S+\/dist\/\w+\/main\.js --flag/)
})

test('a later start installs nothing and says nothing of it', async () => {
  const { node, installs } = checkout()
  await node('scripts/start.mjs')
  const { code, output } = await node('scripts/start.mjs')
  expect([code, installs()]).toEqual([0, 1])
  expect(output).toMatch(/^bun \S+\/main\.js/)
})

test('Bun starts with more concurrent fetches than its default', async () => {
  const { output } = await checkout().node('scripts/start.mjs', '-')
  expect(Number(/bun \S+\/main\.js - (\d+)/.exec(output)?.[1])).toBeGreaterThan(10_000)
})

test('a changed lock file is installed', async () => {
  const { root, node, installs } = checkout()
  await node('scripts/start.mjs')
  writeFileSync(path.join(root, 'package-lock.json'), '{"lockfileVersion":3,"packages":{}}')
  await node('scripts/start.mjs')
  expect(installs()).toBe(2)
})

test('dependencies that somebody deleted are installed again', async () => {
  const { root, node, installs } = checkout()
  await node('scripts/start.mjs')
  rmSync(path.join(root, 'node_modules', '.bin'), { recursive: true })
  const { code } = await node('scripts/start.mjs')
  expect([code, installs()]).toEqual([0, 2])
})

test('two starts at once install once', async () => {
  const slow = 'mkdir -p node_modules/.bin && cp tools/bun node_modules/.bin/bun && echo "$@" >> installs && sleep 0.3'
  const { root, node, installs } = checkout({ npm: slow })
  const results = await Promise.all([node('scripts/start.mjs'), node('scripts/weir.mjs', 'check')])
  expect(results.map(({ code }) => code)).toEqual([0, 0])
  expect(installs()).toBe(1)
  expect(existsSync(path.join(root, '.weir-install.lock'))).toBe(false)
})

test('the lock of an installer that died is taken over', async () => {
  const { root, node, installs } = checkout()
  // No process has such a number.
  writeFileSync(path.join(root, '.weir-install.lock'), '4194304999')
  const { code } = await node('scripts/start.mjs')
  expect([code, installs()]).toEqual([0, 1])
})

test('an installation that fails is said, starts nothing, and is tried again', async () => {
  const { node } = checkout({ npm: 'echo "no registry" >&2; exit 7' })
  const { code, output } = await node('scripts/start.mjs')
  expect(code).toBe(1)
  expect(output).toContain('no registry')
  expect(output).toContain('`npm install` failed')
  expect(output).not.toContain('main.')
  expect((await node('scripts/start.mjs')).output).toContain('`npm install` failed')
})

test('the bundle is made once, and again when a source, a dependency or a file beside them is another one', async () => {
  const { root, node, builds } = checkout()
  await node('scripts/start.mjs')
  const { output } = await node('scripts/weir.mjs', 'check')
  expect(output).toMatch(/^bun \S+\/cli\/main\.js check/)
  expect(builds()).toBe(1)
  const changes = ['src/main.ts', 'src/cli/other.ts', 'src/lab/model.json', 'package.json']
  for (const [number, file] of changes.entries()) {
    writeFileSync(path.join(root, file), '{ }')
    await node('scripts/start.mjs')
    expect([file, builds()]).toEqual([file, number + 2])
  }
  writeFileSync(path.join(root, 'src/main.test.ts'), '')
  await node('scripts/start.mjs')
  expect(builds()).toBe(changes.length + 1)
})

test('bundles of some starts ago stay for gateways that still run, older ones go', async () => {
  const { root, node } = checkout()
  const bundles = new Set<string>()
  for (let number = 0; number < 8; number++) {
    writeFileSync(path.join(root, 'src/main.ts'), 'x'.repeat(number))
    bundles.add(/dist\/(\w+)/.exec((await node('scripts/start.mjs')).output)?.[1] ?? '')
  }
  expect(readdirSync(path.join(root, 'dist')).toSorted()).toEqual([...bundles].slice(-5).toSorted())
})

test('two starts at once make one whole bundle', async () => {
  const { root, node } = checkout({ build: `sleep 0.2\n${BUILD}` })
  await node('scripts/run.mjs', 'installs-only')
  const results = await Promise.all([node('scripts/start.mjs'), node('scripts/start.mjs'), node('scripts/weir.mjs')])
  expect(results.map(({ code, output }) => [code, /dist\/\w+\/(?:cli\/)?main\.js/.test(output)])).toEqual([
    [0, true],
    [0, true],
    [0, true],
  ])
  expect(readdirSync(path.join(root, 'dist')).filter((name) => name.includes('.'))).toEqual([])
})

test.each([
  ['that fails', 'if [ "$1" = build ]; then echo "no such module" >&2; exit 1; fi', 'no such module'],
  ['that leaves nothing', 'if [ "$1" = build ]; then exit 0; fi', 'main.js'],
])('a bundle %s is said, and the sources run', async (_, build, reason) => {
  const { root, node } = checkout({ build })
  const { code, output } = await node('scripts/start.mjs')
  expect(code).toBe(0)
  expect(output).toContain('runs from its sources')
  expect(output).toContain(reason)
  expect(output).toMatch(/bun \S+\/src\/main\.ts/)
  expect(existsSync(path.join(root, 'dist')) ? readdirSync(path.join(root, 'dist')) : []).toEqual([])
})

test('a start ends as the gateway ended', async () => {
  expect((await checkout({ bun: 'exit 3' }).node('scripts/start.mjs')).code).toBe(3)
  expect((await checkout({ bun: 'kill -TERM $$' }).node('scripts/start.mjs')).code).toBe(128 + 15)
})

test('a signal is passed on to the gateway', async () => {
  // The stand-in asks its parent to stop, and stops itself only when the parent passes that on.
  const bun = `trap 'echo drained; exit 0' TERM; kill -TERM $PPID; for i in $(seq 100); do sleep 0.05; done; exit 9`
  const { code, output } = await checkout({ bun }).node('scripts/start.mjs')
  expect(output).toContain('drained')
  expect(code).toBe(0)
})

// What Bun's runner prints at its end, with its exit code, and the line that `npm test` must end with.
const RUNS: readonly (readonly [sentence: string, bun: string, code: number, line: string])[] = [
  ['all pass', "printf ' 5 pass\\n 0 fail\\n'", 0, '5 passed, 0 failed'],
  ['some are skipped', "printf ' 5 pass\\n 2 skip\\n 0 fail\\n'", 0, '5 passed, 0 failed, 2 skipped'],
  ['one fails', "printf ' 5 pass\\n 1 fail\\n'; exit 1", 1, '5 passed, 1 failed'],
  ['the runner crashes after all passed', "printf ' 5 pass\\n 0 fail\\n'; exit 1", 1, '5 passed, 1 failed'],
  ['the runner dies', 'kill -KILL $$', 1, '0 passed, 1 failed'],
  ['nothing ran', 'true', 1, '0 passed, 1 failed'],
]

test.each(RUNS)('npm test when %s', async (_, bun, code, line) => {
  const result = await checkout({ bun }).node('scripts/test.mjs', 'some.pattern')
  expect(result.output.trim().split('\n').at(-1)).toBe(line)
  expect(result.code).toBe(code)
})

test('tests do not see the keys of whoever runs them', async () => {
  const { root, node } = checkout({ bun: `printf ' 1 pass\\n'; env > environment` })
  const planted = { OPENAI_API_KEY: 'a', WEIR_ADMIN_TOKEN: 'b', AWS_REGION: 'c', WEIR_TEST_KEPT: 'd' }
  const before = { ...process.env }
  Object.assign(process.env, planted)
  try {
    await node('scripts/test.mjs', 'some.pattern')
  } finally {
    for (const name of Object.keys(planted)) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
  const seen = readFileSync(path.join(root, 'environment'), 'utf8')
  for (const name of ['OPENAI_API_KEY', 'WEIR_ADMIN_TOKEN', 'AWS_REGION']) expect(seen).not.toContain(`${name}=`)
  expect(seen).toContain('WEIR_TEST_KEPT=d')
})

test('every dependency is pinned to one version', () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    expect([name, /^\d+\.\d+\.\d+$/.test(version)]).toEqual([name, true])
})

test('the lock file is of this package.json', () => {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'))
  expect(lock.packages[''].dependencies).toEqual(manifest.dependencies)
  expect(lock.packages[''].devDependencies).toEqual(manifest.devDependencies)
})

test('every npm script names a file that is there', () => {
  for (const [name, command] of Object.entries(manifest.scripts))
    for (const file of command.split(' ').filter((word) => /\.(?:mjs|ts)$/.test(word)))
      expect([name, file, existsSync(path.join(ROOT, file))]).toEqual([name, file, true])
})
