// `weir explain --live` before a running gateway of which one target has failed, and whose key has spent money.
import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { runWords } from '../src/cli/testing.ts'
import { completion, startUpstream } from './gateway.ts'
import { startProcess, temporaryFolder } from './process.ts'

const TOKEN = 'an-admin-token-of-some-length-1234'
const BODY = { model: 'chat', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 5 }

function config(down: string, up: string): string {
  const provider = (url: string): string =>
    `{ preset: openai-compatible, base_url: ${url}/v1, keys: [upstream-secret-value], models: { m: { price: { input: 1, output: 2 } } } }`
  return `
providers:
  down: ${provider(down)}
  up: ${provider(up)}
routes: { chat: { strategy: order, targets: [down/m, up/m] } }
budgets: [{ scope: gateway, window: month, limit_usd: 10 }, { scope: key, window: day, limit_usd: 1 }, { scope: team, window: day, limit_usd: 3 }]
`
}

async function explain(adminUrl: string, words: readonly string[]) {
  return runWords(['explain', '-m', 'chat', '--live', ...words], {
    environment: { WEIR_ADMIN_TOKEN: TOKEN, WEIR_ADMIN_URL: adminUrl },
    outside: { readInput: async () => JSON.stringify(BODY) },
  })
}

test('the running gateway tells who is down, what was measured, and what is left of the budgets', async () => {
  using down = startUpstream(() => Response.json({ error: { message: 'no' } }, { status: 503 }))
  using up = startUpstream(() => Response.json(completion()))
  using folder = temporaryFolder()
  writeFileSync(path.join(folder.path, 'weir.yaml'), config(down.url, up.url))
  await using weir = startProcess({ folder: folder.path, environment: { WEIR_ADMIN_TOKEN: TOKEN } })
  const { url, adminUrl } = await weir.ready()
  const made = await fetch(`${adminUrl}/admin/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'app' }),
  })
  const { secret } = (await made.json()) as { secret: string }
  for (let request = 0; request < 4; request++) {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
      body: JSON.stringify(BODY),
    })
    expect(answer.status).toBe(200)
    await answer.text()
  }

  const { code, out } = await explain(adminUrl, ['--key', 'app'])
  expect(code).toBe(0)
  expect(out).toMatch(/^chat: order/)
  expect(out).toMatch(/1 +up\/m +target .*n 0\) +in +0 +/)
  expect(out).toMatch(/down\/m +.*(?:cool|recover)/)
  // 4 × (10 × $1 + 5 × $2) a million; the team's budget is not this key's.
  expect(out).toMatch(/Budgets:\n.*\n.* gateway +10 +0\.00008 +0 +9\.99992\n/)
  expect(out).toMatch(/ key key_\S+ +1 +0\.00008 +0 +0\.99992\n$/)
  expect(JSON.parse((await explain(adminUrl, ['--json'])).out)).toMatchObject({
    route: 'chat',
    targets: [{ target: 'up/m', health: { state: 'in', in_flight: 0 } }],
    budgets: [{ scope: 'gateway', left: '9.99992' }],
  })
  for (const [words, told] of [
    [['--key', 'nobody'], 'There is no key `nobody` at the running gateway.'],
    [['--dialect', 'x'], '`dialect` is one of'],
    [['-m', 'cat'], 'There is no model "cat" here.'],
    [['--token', 'wrong'], 'token'],
  ] as const) {
    const refused = await explain(adminUrl, words)
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining(told)])
  }
})
