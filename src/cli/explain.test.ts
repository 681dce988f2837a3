import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { runWords } from './testing.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'weir-explain-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const config = path.join(folder, 'weir.yaml')
writeFileSync(
  config,
  `
providers: { sim: { preset: simulator } }
routes:
  chat:
    strategy: cheapest
    targets: [sim/large, sim/small, { use: sim/reasoner, when: { header: { x-plan: pro } } }]
    on: { context_length: [sim/large] }
`,
)

async function weir(words: readonly string[], input = '') {
  return runWords([...words, '--config', config], {
    environment: { WEIR_DATA: path.join(folder, 'data') },
    outside: { readInput: async () => input },
  })
}

const request = JSON.stringify({ model: 'other', messages: [{ role: 'user', content: 'Hi' }] })

test('weir explain tells who would be asked, who not, and why', async () => {
  const { code, out } = await weir(['explain', '-m', 'chat'], request)
  expect(code).toBe(0)
  expect(out).toMatch(/^chat: cheapest/)
  expect(out).toMatch(/1 +sim\/small +target +cheapest +0\.\d+/)
  expect(out).toMatch(/2 +sim\/large/)
  expect(out).toContain('On context_length: sim/large.')
  expect(out).toMatch(/sim\/reasoner +is for requests where header x-plan is pro/)
})

test('weir explain --json tells the same to a script, and takes headers', async () => {
  const told = await weir(['explain', '-m', 'chat', '--json', '--header', 'x-plan=pro'], request)
  expect(JSON.parse(told.out).targets.map(({ target }: { target: string }) => target)).toContain('sim/reasoner')
})

for (const [title, words, input, expected] of [
  [
    'a model that is not there',
    ['-m', 'cat'],
    request,
    'model_unknown: There is no model "cat" here. Did you mean chat?',
  ],
  ['what is no JSON', ['-m', 'chat'], '{', 'The request is not valid JSON.'],
  ['what is no object', ['-m', 'chat'], '[]', 'The request must be a JSON object.'],
  ['a file that is not there', ['--request', '/nowhere/x.json'], '', '/nowhere/x.json cannot be read'],
  ['a dialect that is not there', ['-m', 'chat', '--dialect', 'x'], request, '`dialect` is one of'],
  ['a header that is none', ['-m', 'chat', '--header', 'x'], request, '`x` is no header'],
  [
    'a header with a space',
    ['-m', 'chat', '--header', 'x plan=pro'],
    request,
    '`x plan=pro` cannot be sent as a header',
  ],
] as const)
  test(`${title} is told`, async () => {
    const { code, err } = await weir(['explain', ...words], input)
    expect(code).toBe(1)
    expect(err).toContain(expected)
  })
