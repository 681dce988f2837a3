import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { runWords } from './testing.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'weir-admin-call-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const place = path.join(folder, name)
  writeFileSync(place, text)
  return place
}

const CONFIG = file('good.yaml', 'server: { admin_listen: "127.0.0.1:9911" }\n')
const BROKEN = file('broken.yaml', 'sever: {}\n')

type Asked = { readonly url: string | null; readonly err: string }

/** Where `weir status` looks for the gateway, or what it says. */
async function asked(words: readonly string[], environment: Readonly<Record<string, string>>): Promise<Asked> {
  let url: string | null = null
  const { err } = await runWords(['status', '--json', ...words], {
    environment: { WEIR_ADMIN_TOKEN: 'token', ...environment },
    outside: {
      askAdmin: async (request) => {
        url = request.url
        return { status: 200, body: {} }
      },
    },
  })
  return { url, err }
}

describe('the admin API is looked for', () => {
  for (const [where, words, environment, base] of [
    [
      'where the option says, before all else',
      ['--admin-url', 'http://10.1.1.1:1/'],
      { WEIR_ADMIN_URL: 'http://a:2' },
      'http://10.1.1.1:1',
    ],
    [
      'where WEIR_ADMIN_URL says',
      [],
      { WEIR_ADMIN_URL: 'https://weir.example', WEIR_ADMIN_LISTEN: ':1' },
      'https://weir.example',
    ],
    ['where WEIR_ADMIN_LISTEN lets it listen', [], { WEIR_ADMIN_LISTEN: '127.0.0.1:9000' }, 'http://127.0.0.1:9000'],
    ['at this machine where it listens everywhere', [], { WEIR_ADMIN_LISTEN: '0.0.0.0:9000' }, 'http://127.0.0.1:9000'],
    ['at a port alone', [], { WEIR_ADMIN_LISTEN: ':9000' }, 'http://127.0.0.1:9000'],
    ['in version 6 of the protocol', [], { WEIR_ADMIN_LISTEN: '[::]:9000' }, 'http://[::1]:9000'],
    ['at such an address', [], { WEIR_ADMIN_LISTEN: '[fd00::1]:9000' }, 'http://[fd00::1]:9000'],
    ['where the file says', ['--config', CONFIG], {}, 'http://127.0.0.1:9911'],
    ['where the file of WEIR_CONFIG says', [], { WEIR_CONFIG: CONFIG }, 'http://127.0.0.1:9911'],
    [
      'where the environment overrides the file, even a broken one',
      [],
      { WEIR_CONFIG: BROKEN, WEIR_ADMIN_LISTEN: ':9000' },
      'http://127.0.0.1:9000',
    ],
  ] as const)
    test(where, async () => {
      expect((await asked(words, environment)).url).toBe(`${base}/admin/health`)
    })

  test('where it listens by default', async () => {
    const empty = file('empty.yaml', '')
    expect((await asked(['--config', empty], {})).url).toBe('http://127.0.0.1:8788/admin/health')
  })

  for (const [what, environment, words] of [
    ['a port that the system chooses', { WEIR_ADMIN_LISTEN: '127.0.0.1:0' }, 'does not tell where the admin API is'],
    ['no address', { WEIR_ADMIN_LISTEN: 'here' }, 'does not tell where the admin API is'],
    ['a file that is not valid', { WEIR_CONFIG: BROKEN }, 'The config does not tell where the admin API is: '],
  ] as const)
    test(`${what} is told, and how to name it`, async () => {
      const { url, err } = await asked([], environment)
      expect(url).toBeNull()
      expect(err).toContain(words)
      expect(err).toContain('--admin-url')
    })
})
