// What is in memory before anything was asked: see docs/decisions/2026-11-28-loaded-when-first-used.md.
import { expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const ROOT = path.dirname(import.meta.dirname)

/** Files and packages that a gateway has loaded when it begins to serve. */
function loadedAtStart(): readonly string[] {
  const program = `await import('./src/serve.ts'); process.stdout.write(JSON.stringify(Object.keys(require.cache)))`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], { cwd: ROOT, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return (JSON.parse(stdout) as readonly string[]).map((file) => path.relative(ROOT, file).replaceAll('\\', '/'))
}

test('what most gateways never use is loaded by its first use, and not at the start', () => {
  const loaded = loadedAtStart()
  expect(loaded).toContain('src/app.ts')
  const apart = [
    /^node_modules\/(?:zod|@hono|nodemailer|ajv|@smithy|csv-parse|citty)\//,
    // All but the registry, which writes the text.
    /^node_modules\/(?:prom-client\/(?!lib\/(?:registry|util)\.js$)|@opentelemetry|tdigest|bintrees)/,
    /^node_modules\/hono\/(?!dist\/http-exception\.js$)/,
    /^src\/(?:cli|declared|import|replay)\//,
    /^src\/admin\/(?:api|schemas|route)/,
    /^src\/ledger\/(?:price-file|litellm-prices|models-dev-prices|statement-html)\./,
  ]
  expect(loaded.filter((file) => apart.some((one) => one.test(file)))).toEqual([])
})
