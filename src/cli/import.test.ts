import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { runWords } from './testing.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'weir-cli-import-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => path.join(folder, name)

const CONFIG = `model_list:
  - model_name: chat
    litellm_params: { model: openai/gpt-5-mini, api_key: sk-of-openai, temperature: 0 }
`
writeFileSync(at('config.yaml'), CONFIG)

const weir = (...words: string[]) => runWords(words, { environment: { WEIR_DATA: at('data') } })

test('without --output it shows what would be written, without secrets, and writes nothing', async () => {
  const { code, out } = await weir('import', 'litellm', at('config.yaml'))
  expect(code).toBe(0)
  expect(out).toContain('- openai/gpt-5-mini')
  expect(out).toContain(
    `${at('config.yaml')}:3: dropped model_list[0].litellm_params.temperature: a default for requests`,
  )
  expect(out).toContain('3 carried over, 0 changed, 1 without a counterpart.\nNo configuration was written')
  expect(out).not.toContain('sk-of-openai')
})

test('what it writes is for its owner alone, is taken by `weir check`, and stays as it is the second time', async () => {
  const output = at('weir.yaml')
  const words = ['import', 'litellm', at('config.yaml'), '--output', output]
  expect((await weir(...words)).out).toContain(`${output} is written.`)
  expect(statSync(output).mode & 0o777).toBe(0o600)
  expect(readFileSync(output, 'utf8')).toContain('sk-of-openai')
  expect((await weir(...words)).out).toContain(`${output} says this already.`)
  expect(await weir('check', '--config', output)).toMatchObject({
    code: 0,
    out: expect.stringContaining('no problem found'),
  })
})

test('a file that says something else is written over only when that is asked for', async () => {
  const output = at('mine.yaml')
  writeFileSync(output, 'providers: {}\n')
  const words = ['import', 'litellm', at('config.yaml'), '--output', output]
  expect(await weir(...words)).toMatchObject({
    code: 1,
    err: expect.stringContaining('is there and says something else'),
  })
  expect(readFileSync(output, 'utf8')).toBe('providers: {}\n')
  expect((await weir(...words, '--replace')).code).toBe(0)
  expect(statSync(output).mode & 0o777).toBe(0o600)
  expect(readFileSync(output, 'utf8')).toContain('gpt-5-mini')
})

test('--json tells each finding for a script', async () => {
  const { out } = await weir('import', 'litellm', at('config.yaml'), '--json')
  expect(JSON.parse(out)).toMatchObject({
    output: null,
    counts: { carried: 3, changed: 0, dropped: 1 },
    findings: expect.arrayContaining([
      { outcome: 'carried', place: 'model_list[0].model_name', line: 2, message: 'route `chat`' },
    ]),
  })
})

test.each([
  ['a file that is not there', 'nowhere.yaml', null, 'cannot be read'],
  ['a file that is no configuration of LiteLLM', 'other.yaml', 'routes: {}', 'there is no `model_list`'],
])('%s is refused', async (_, name, text, words) => {
  if (text !== null) writeFileSync(at(name), text)
  expect(await weir('import', 'litellm', at(name))).toMatchObject({ code: 1, err: expect.stringContaining(words) })
})
