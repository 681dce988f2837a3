// The crash soak, short: whether the books survive `kill -9` under load, and whether the soak itself works.
import { expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { ROOT } from './process.ts'

function soak(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(ROOT, 'bench', 'crash.ts'), ...args], { cwd: ROOT })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...output }))
  })
}

test('after each kill -9 under load every request that the upstream saw has exactly one entry', async () => {
  const { code, stdout, stderr } = await soak('--kills', '3', '--rate', '200', '--json')
  expect(stderr).toBe('')
  const count = JSON.parse(stdout) as Record<string, number>
  expect(count).toMatchObject({
    kills: 3,
    wrong: { missing: 0, twice: 0, unfinished: 0, invented: 0, unsummed: 0, open: 0 },
    examples: [],
    good: true,
  })
  // The soak would say the same if nothing had happened: requests were answered, and others were cut off.
  expect(count['answered']).toBeGreaterThan(10)
  expect(count['recovered']).toBeGreaterThan(0)
  expect(count['entries']).toBe(Number(count['seen']) + Number(count['recoveredUnseen']))
  expect(code).toBe(0)
}, 60_000)

test('the soak explains itself, and refuses a number of kills that is none', async () => {
  const help = await soak('--help')
  expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('--kills N')])
  const wrong = await soak('--kills', 'some')
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('--kills takes a whole number above 0') })
})
