import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { clockAt, runWords } from './testing.ts'

const NOW = Date.UTC(2026, 10, 28, 12)
const root = mkdtempSync(path.join(tmpdir(), 'weir-cli-declared-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let number = 0
/** A data folder of its own, and a file that says this. */
function setUp(text: string) {
  const folder = path.join(root, String(number++))
  const file = `${folder}.yaml`
  writeFileSync(file, text)
  const weir = (...words: string[]) =>
    runWords(words, {
      clock: clockAt(NOW),
      environment: { WEIR_DATA: folder, WIDGET_KEY: 'sk-widget-0123456789abcdef' },
    })
  return { file, folder, weir, secrets: `${folder}.json` }
}

const ACCESS = `teams:
  research: { limits: { rpm: 600 } }
keys:
  batch: { team: research }
  widget: { secret: "\${WIDGET_KEY}" }
`

test('plan tells a pipeline by its exit code whether there is something to do; apply does it', async () => {
  const { file, folder, weir, secrets } = setUp(ACCESS)
  const before = await weir('plan', file)
  expect(before).toMatchObject({ code: 3, err: '' })
  expect(existsSync(folder)).toBe(false)
  expect(before.out).toContain('+ team research\n    limits.rpm: 600\n')
  expect(before.out).toContain('3 to create, 0 to change, 0 to remove.')
  expect(await weir('apply', file, '--secrets', secrets)).toMatchObject({
    code: 0,
    out: expect.stringContaining('Done: 3 to create'),
  })
  expect(await weir('plan', file)).toMatchObject({ code: 0, out: 'The store is as the file says.\n' })
  expect(await weir('apply', file)).toMatchObject({ code: 0, out: 'The store is as the file says.\n' })
  expect((await weir('keys', 'list', '--team', 'research')).out).toContain('batch')
})

test('secrets that are made go to a file for its owner alone, and nowhere else', async () => {
  const { file, weir, secrets } = setUp(ACCESS)
  const applied = await weir('apply', file, '--secrets', secrets)
  const kept = JSON.parse(readFileSync(secrets, 'utf8')) as Record<string, string>
  expect(kept).toEqual({ batch: expect.stringMatching(/^sk-weir-/) })
  expect(statSync(secrets).mode & 0o777).toBe(0o600)
  for (const secret of [kept['batch']!, 'sk-widget-0123456789']) expect(applied.out + applied.err).not.toContain(secret)
})

test.each([
  ['nowhere to put it', [], 'There would be secrets for batch, and nowhere to put them.'],
  ['a file that is there already', ['--secrets', 'itself'], 'is there already; secrets are not written over it'],
])('a secret with %s is not made', async (_, words, message) => {
  const { file, weir } = setUp(ACCESS)
  const where = words.map((word) => (word === 'itself' ? file : word))
  expect(await weir('apply', file, ...where)).toMatchObject({ code: 1, err: expect.stringContaining(message) })
  expect((await weir('plan', file)).out).toContain('3 to create')
})

test('what is not in the file is named, and removed by --prune', async () => {
  const { file, weir, secrets } = setUp(ACCESS)
  await weir('apply', file, '--secrets', secrets)
  writeFileSync(file, 'teams: { research: { limits: { rpm: 600 } } }\nkeys: { batch: { team: research } }\n')
  const kept = await weir('plan', file)
  expect(kept).toMatchObject({ code: 0, out: expect.stringContaining('left alone without --prune: key widget.') })
  expect(await weir('plan', file, '--prune')).toMatchObject({
    code: 3,
    out: '- key widget\n0 to create, 0 to change, 1 to remove.\n',
  })
  expect((await weir('apply', file, '--prune')).code).toBe(0)
  expect((await weir('keys', 'list')).out).not.toContain('widget')
})

test('--json is for scripts', async () => {
  const { file, weir } = setUp('teams: { research: { limits: { rpm: 600 } } }')
  expect(JSON.parse((await weir('plan', file, '--json')).out)).toEqual({
    steps: [
      { action: 'create', kind: 'team', name: 'research', changes: [{ field: 'limits.rpm', from: null, to: 600 }] },
    ],
    not_in_file: [],
  })
})

test('a file with a mistake is refused with its line, and makes nothing', async () => {
  const { file, folder, weir } = setUp('teams:\n  research: { limits: { rmp: 600 } }\n')
  const { code, err } = await weir('apply', file)
  expect([code, err]).toEqual([
    1,
    expect.stringContaining(`${file}:2:25: teams.research.limits.rmp: there is no field \`rmp\``),
  ])
  expect(err).toContain('(Did you mean rpm?)')
  expect(existsSync(folder)).toBe(false)
})
