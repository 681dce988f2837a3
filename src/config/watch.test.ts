import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Clock } from '../core/clock.ts'
import { loadConfig, type LoadResult } from './load.ts'
import type { Config } from './schema.ts'
import { createReloader, type Loaded, type ReloadReason, type ReloadResult, watchConfigFile } from './watch.ts'

function manualClock(): Clock & { fire(): void; pending(): number } {
  const timers = new Set<() => void>()
  return {
    now: () => 0,
    monotonicMs: () => 0,
    after: (_, callback) => {
      timers.add(callback)
      return () => timers.delete(callback)
    },
    fire: () => {
      const due = [...timers]
      timers.clear()
      for (const callback of due) callback()
    },
    pending: () => timers.size,
  }
}

function loading(text: () => string): () => Promise<LoadResult> {
  return () =>
    loadConfig({ path: 'weir.yaml', readFile: async () => new TextEncoder().encode(text()), environment: {} })
}

function setup(overrides: { load?: () => Promise<LoadResult>; apply?: (loaded: Loaded) => void } = {}) {
  const state = { text: 'log: { level: warn }', config: null as Config | null, changed: () => {}, stopped: false }
  const results: [ReloadReason, ReloadResult][] = []
  const clock = manualClock()
  const reloader = createReloader({
    load: overrides.load ?? loading(() => state.text),
    apply: overrides.apply ?? ((loaded) => void (state.config = loaded.config)),
    watchFile: (changed) => {
      state.changed = changed
      return () => void (state.stopped = true)
    },
    clock,
    onResult: (reason, result) => void results.push([reason, result]),
  })
  return { state, results, clock, reloader }
}

describe('a reload', () => {
  test('applies what the file says and reports it', async () => {
    const { state, results, reloader } = setup()
    expect(await reloader.reload('signal')).toEqual({ ok: true, warnings: [] })
    expect(state.config?.log.level).toBe('warn')
    expect(results).toEqual([['signal', { ok: true, warnings: [] }]])
  })

  test('of a wrong file leaves the running config', async () => {
    const { state, reloader } = setup()
    await reloader.reload('call')
    state.text = 'log: { level: loud }'
    const result = await reloader.reload('call')
    expect(result.ok ? [] : result.problems.map((problem) => problem.path)).toEqual(['log.level'])
    expect(state.config?.log.level).toBe('warn')
  })

  test('whose config cannot be applied names the field and its place', async () => {
    const { reloader } = setup({
      apply: () => {
        throw Object.assign(new Error('no such level'), { path: 'log.level' })
      },
    })
    const result = await reloader.reload('call')
    expect(result.ok ? null : result.problems[0]).toEqual({
      file: 'weir.yaml',
      line: 1,
      column: 15,
      path: 'log.level',
      message: 'no such level',
      hint: null,
    })
  })

  test.each([
    [
      'applying',
      {
        apply: () => {
          throw new Error('broken')
        },
      },
    ],
    [
      'loading',
      {
        load: async () => {
          throw new Error('broken')
        },
      },
    ],
  ])('never rejects: %s throws', async (_, overrides) => {
    const { reloader } = setup(overrides)
    const result = await reloader.reload('call')
    expect(result.ok ? null : result.problems[0]?.message).toBe('broken')
  })

  test('that is asked for during another one starts after it, once', async () => {
    const gates: (() => void)[] = []
    let running = 0
    const { reloader, results } = setup({
      load: async () => {
        expect(++running).toBe(1)
        await new Promise<void>((resolve) => gates.push(resolve))
        running--
        return loading(() => '')()
      },
    })
    const first = reloader.reload('call')
    const second = reloader.reload('call')
    const third = reloader.reload('signal')
    expect(third).toBe(second)
    gates[0]!()
    await first
    while (gates.length < 2) await Promise.resolve()
    gates[1]!()
    await second
    expect(results).toHaveLength(2)
  })
})

describe('a change of the file', () => {
  test('reloads once it has been quiet', async () => {
    const { state, results, clock } = setup()
    state.changed()
    state.changed()
    state.changed()
    expect(clock.pending()).toBe(1)
    clock.fire()
    while (results.length === 0) await Promise.resolve()
    expect(results.map(([reason]) => reason)).toEqual(['file'])
  })

  test('is not looked at after closing', () => {
    const { state, clock, reloader } = setup()
    state.changed()
    reloader.close()
    expect(clock.pending()).toBe(0)
    expect(state.stopped).toBe(true)
  })
})

describe('watching a real file', () => {
  const folders: string[] = []
  const stops: (() => void)[] = []
  afterEach(() => {
    for (const stop of stops.splice(0)) stop()
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })

  test.each([
    ['written in place', (file: string) => writeFileSync(file, 'b')],
    [
      'replaced by a rename, as editors do',
      (file: string) => {
        writeFileSync(`${file}.tmp`, 'b')
        renameSync(`${file}.tmp`, file)
      },
    ],
  ])('notices that it was %s', async (_, change) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-watch-'))
    folders.push(folder)
    const file = path.join(folder, 'weir.yaml')
    writeFileSync(file, 'a')
    const noticed = Promise.withResolvers<void>()
    stops.push(watchConfigFile(file, noticed.reject)(noticed.resolve))
    change(file)
    await noticed.promise
  })

  test('says so when there is nothing to watch', () => {
    let failure: Error | null = null
    const watch = watchConfigFile(
      path.join(tmpdir(), 'weir-no-such-folder', 'weir.yaml'),
      (error) => void (failure = error),
    )
    stops.push(watch(() => {}))
    expect(failure).toBeInstanceOf(Error)
  })
})
