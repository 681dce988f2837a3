// The gateway as `npm start` runs it: from a bundle of its sources, whose parts are loaded when they are first used.
import { expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundled } from '../scripts/bundle.mjs'
import { workerUrl } from '../src/head-thread.ts'
import { ROOT, startProcess, temporaryFolder } from './process.ts'

const MAIN = bundled('src/main.ts')
const FOLDER = path.dirname(path.join(ROOT, MAIN))

test('a bundle answers as the sources do, streams, and loads the admin API and reports at their first question', async () => {
  using folder = temporaryFolder()
  await using gateway = startProcess({ folder: folder.path, file: MAIN })
  const { url, adminUrl } = await gateway.ready()
  const [, admin = '', key = ''] = /admin token +(\S+)\n +virtual key +(\S+)/.exec(gateway.stdout()) ?? []
  const chat = (stream: boolean) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sim/small', stream, messages: [{ role: 'user', content: 'Hello!' }] }),
    })
  expect(await (await chat(false)).json()).toMatchObject({ object: 'chat.completion' })
  expect(await (await chat(true)).text()).toEndWith('data: [DONE]\n\n')
  const asked = async (place: string): Promise<string> => {
    const response = await fetch(`${adminUrl}${place}`, { headers: { authorization: `Bearer ${admin}` } })
    return `${response.status} ${await response.text()}`
  }
  expect(await asked('/metrics')).toMatch(/^200 [^]*weir_requests_total\{[^}]*\} 2\n/)
  expect(await asked('/admin/reports/spend?by=model')).toMatch(/^200 .*small/)
  expect(await asked('/admin/openapi.json')).toStartWith('200 {"openapi"')
  gateway.kill('SIGTERM')
  expect(await gateway.ended).toBe(0)
})

test('the command line says the same from a bundle', () => {
  const said = (file: string) => spawnSync(process.execPath, [file, 'keys', '--help'], { cwd: ROOT, encoding: 'utf8' })
  const [source, bundle] = [said('src/cli/main.ts'), said(bundled('src/cli/main.ts'))]
  expect(bundle.stdout).toContain('Usage')
  expect([bundle.stdout, bundle.stderr, bundle.status]).toEqual([source.stdout, source.stderr, source.status])
})

test('the thread that trains heads is found beside a bundle and beside the sources', () => {
  for (const file of [path.join(FOLDER, 'main-x.js'), path.join(ROOT, 'src/head-thread.ts')])
    expect(existsSync(fileURLToPath(workerUrl(pathToFileURL(file).href)))).toBe(true)
})

test('the stack of an error tells the lines of the sources', () => {
  const exporting = readdirSync(FOLDER).find(
    (name) =>
      name.endsWith('.js') && /export \{[^}]*\bopenConnection\b/.test(readFileSync(path.join(FOLDER, name), 'utf8')),
  )
  const program = `const { openConnection } = await import(${JSON.stringify(path.join(FOLDER, exporting ?? ''))})
    try { openConnection({ path: '/no/such/folder/x.db', sync: 'process' }) } catch (error) { console.log(error.stack) }`
  const { stdout } = spawnSync(process.execPath, ['-e', program], { cwd: ROOT, encoding: 'utf8' })
  expect(stdout).toMatch(/openConnection \(\S*src\/store\/sqlite-connection\.ts:\d+:\d+\)/)
})
