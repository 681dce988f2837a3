// Reloading the config while requests run: all or nothing. A wrong file leaves the running config as it is and reports the problems.
// One reload runs at a time; whatever asks during one is answered by one more that starts after it, so the last word on disk wins.
import { type FSWatcher, watch } from 'node:fs'
import path from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { LoadResult } from './load.ts'
import type { Problem } from './problem.ts'

export type Loaded = Extract<LoadResult, { ok: true }>
export type ReloadReason = 'signal' | 'file' | 'call'
export type ReloadResult =
  | { readonly ok: true; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Calls back whenever the file may have changed; returns a function that stops it. */
export type WatchFile = (changed: () => void) => () => void

export type Reloader = {
  /** Loads and applies; resolves when that is done. Never rejects. */
  reload(reason: ReloadReason): Promise<ReloadResult>
  close(): void
}

export type ReloaderOptions = {
  readonly load: () => Promise<LoadResult>
  /** Swaps the new config in, or throws and leaves the old one. A `path` on the error names the field at fault. */
  readonly apply: (loaded: Loaded) => void | Promise<void>
  /** Null: only signals and calls reload. */
  readonly watchFile: WatchFile | null
  readonly clock: Clock
  readonly onResult: (reason: ReloadReason, result: ReloadResult) => void
  /** How long the file must be quiet: an editor writes in several steps. */
  readonly quietMs?: number
}

export function createReloader(options: ReloaderOptions): Reloader {
  const quietMs = options.quietMs ?? 200
  let running: Promise<ReloadResult> | null = null
  let next: Promise<ReloadResult> | null = null
  let cancelQuiet: (() => void) | null = null
  let closed = false

  const run = async (reason: ReloadReason): Promise<ReloadResult> => {
    const result = await attempt(options)
    options.onResult(reason, result)
    return result
  }
  const start = (reason: ReloadReason): Promise<ReloadResult> => {
    const started = run(reason).finally(() => {
      running = null
    })
    running = started
    return started
  }
  const reload = (reason: ReloadReason): Promise<ReloadResult> => {
    if (running === null) return start(reason)
    next ??= running.then(() => {
      next = null
      return start(reason)
    })
    return next
  }
  const stopWatching = options.watchFile?.(() => {
    cancelQuiet?.()
    cancelQuiet = options.clock.after(quietMs, () => {
      cancelQuiet = null
      if (!closed) void reload('file') // It never rejects, and `onResult` reports it.
    })
  })
  return {
    reload,
    close: () => {
      closed = true
      cancelQuiet?.()
      stopWatching?.()
    },
  }
}

async function attempt(options: ReloaderOptions): Promise<ReloadResult> {
  let loaded: LoadResult
  try {
    loaded = await options.load()
  } catch (error) {
    return { ok: false, problems: [bare(error)] }
  }
  if (!loaded.ok) return loaded
  try {
    await options.apply(loaded)
    return { ok: true, warnings: loaded.warnings }
  } catch (error) {
    const field = error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : null
    return { ok: false, problems: [field === null ? bare(error) : loaded.problemAt(field, (error as Error).message)] }
  }
}

function bare(error: unknown): Problem {
  const message = error instanceof Error ? error.message : String(error)
  return { file: 'config', line: null, column: null, path: '', message, hint: null }
}

/**
 * Watches a real file. Its folder is watched instead of the file itself: an editor replaces the file by a rename, and a mounted
 * Kubernetes ConfigMap swaps a link named `..data` beside it; a watch on the old file would stay silent after either.
 * When the system cannot watch (no such folder, no watches left), `failed` is told, and nothing is watched.
 */
export function watchConfigFile(file: string, failed: (error: Error) => void): WatchFile {
  return (changed) => {
    const name = path.basename(file)
    let watcher: FSWatcher
    try {
      watcher = watch(path.dirname(path.resolve(file)), { persistent: false }, (_event, found) => {
        if (found === null || found === name || found === '..data') changed()
      })
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)))
      return () => {}
    }
    watcher.on('error', failed)
    return () => watcher.close()
  }
}
