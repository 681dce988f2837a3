import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Alert } from '../core/alert.ts'
import { openData } from '../data.ts'
import { clockAt, runWords } from './testing.ts'

const NOON = Date.UTC(2026, 10, 23, 12)
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-alerts-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function weir(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  return runWords(words, {
    clock: clockAt(NOON),
    environment: { WEIR_DATA: path.join(folder, 'data'), WEIR_CONFIG: path.join(folder, 'weir.yaml') },
  })
}

function write(yaml: string): void {
  writeFileSync(path.join(folder, 'weir.yaml'), yaml)
}

test('`weir alerts list` shows what was told, and where it went', async () => {
  const { store, close } = await openData(path.join(folder, 'data'), {})
  const alert = (threshold: string): Alert => ({
    kind: 'credential_bad',
    subject: { scope: 'credential', id: 'openai#1' },
    threshold,
    window: { from: NOON, until: null },
    at: NOON,
    facts: { provider: 'openai' },
  })
  await store.raiseAlert(alert(''))
  await store.raiseAlert(alert('again'))
  await store.planAlert(1, { at: NOON, deliveries: [{ destination: 'slack', heldUntil: NOON }] })
  await close()
  const { code, out } = await weir('alerts', 'list')
  expect([code, out]).toEqual([
    0,
    [
      'time                  kind            severity  what                                             deliveries',
      '2026-11-23 12:00:00Z  credential_bad  critical  The credential openai#1 is not accepted any more  -',
      '2026-11-23 12:00:00Z  credential_bad  critical  The credential openai#1 is not accepted any more  slack waiting',
      '',
    ]
      .join('\n')
      .replace(
        'what                                             ',
        'what                                              ',
      ),
  ])
  const page = await weir('alerts', 'list', '--limit', '1', '--json')
  expect(JSON.parse(page.out)).toMatchObject({ data: [{ kind: 'credential_bad', deliveries: [] }], next: '2' })
  expect((await weir('alerts', 'list', '--kind', 'report')).out).toBe('Nothing was told.\n')
  expect(await weir('alerts', 'list', '--kind', 'weather')).toMatchObject({ code: 2 })
})

test('`weir alerts test` sends to each destination of the config and says what came of it', async () => {
  const bodies: Record<string, unknown>[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      bodies.push((await request.json()) as Record<string, unknown>)
      const isSlack = new URL(request.url).pathname === '/slack'
      return isSlack ? new Response('no_team', { status: 404 }) : new Response(null, { status: 204 })
    },
  })
  const at = `http://127.0.0.1:${server.port}`
  write(`
alerts:
  slack: ${at}/slack
  recipients: [{ name: ops, discord: "${at}/discord" }]
`)
  try {
    const all = await weir('alerts', 'test')
    expect([all.code, all.out]).toEqual([1, 'FAILED  slack: it answered 404: no_team\nok      ops.discord\n'])
    const one = await weir('alerts', 'test', 'ops.discord', '--json')
    expect([one.code, JSON.parse(one.out)]).toEqual([0, { data: [{ destination: 'ops.discord', problem: null }] }])
    expect(JSON.stringify(bodies)).toContain('`weir alerts test` asked for a test message'.replaceAll('`', '\\\\`'))
  } finally {
    await server.stop(true)
  }
})

test('`weir alerts test` without a destination says what to do', async () => {
  write('alerts: {}\n')
  expect(await weir('alerts', 'test')).toMatchObject({ code: 1, err: expect.stringContaining('names no destination') })
  expect(await weir('alerts', 'test', 'slack')).toMatchObject({ code: 1, err: expect.stringContaining('`slack`') })
})
