// The gateway as a process of its own, as `npm start` runs it: what only shows there is tested there (signals, the first
// lines it prints, files, exit codes).
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export const ROOT = path.dirname(import.meta.dirname)

export type Folder = Disposable & { readonly path: string }

/** A temporary folder that is removed with everything in it. */
export function temporaryFolder(): Folder {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-process-'))
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

export type Addresses = { readonly url: string; readonly adminUrl: string }

export type RunningProcess = AsyncDisposable & {
  readonly pid: number
  stdout(): string
  stderr(): string
  /** Resolves when it says that it is ready; rejects with its output when it ends before. */
  ready(): Promise<Addresses>
  kill(signal: NodeJS.Signals): void
  /** Its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

export type ProcessOptions = {
  /** Where it runs; its data goes to `data` in there unless the environment says otherwise. */
  readonly folder: string
  /** Beside free loopback ports; nothing of our own environment is passed on. */
  readonly environment?: Readonly<Record<string, string>>
  readonly file?: string
  readonly args?: readonly string[]
  /** Runs it as this user. */
  readonly uid?: number
}

export function startProcess({
  folder,
  environment = {},
  file = 'src/main.ts',
  args = [],
  uid,
}: ProcessOptions): RunningProcess {
  const child = spawn(process.execPath, [path.join(ROOT, file), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid }),
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      DO_NOT_TRACK: '1',
      WEIR_LISTEN: '127.0.0.1:0',
      WEIR_ADMIN_LISTEN: '127.0.0.1:0',
      WEIR_DATA: path.join(folder, 'data'),
      ...environment,
    },
  })
  const output = { stdout: '', stderr: '' }
  const wakers: (() => void)[] = []
  const wake = (): void => {
    for (const waker of wakers.splice(0)) waker()
  }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      wake()
    })
  let over = false
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      over = true
      resolve(signal ?? code ?? 0)
      wake()
    })
  })
  const kill = (signal: NodeJS.Signals): void => void child.kill(signal)
  return {
    pid: child.pid ?? 0,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    async ready() {
      for (;;) {
        const [, url, adminUrl] = /is ready\n +gateway +(\S+)\/v1\n +admin +(\S+)/.exec(output.stdout) ?? []
        if (url !== undefined && adminUrl !== undefined && output.stdout.includes('"Hello!"')) return { url, adminUrl }
        if (over) throw new Error(`the gateway ended before it was ready:\n${output.stdout}${output.stderr}`)
        await new Promise<void>((resolve) => void wakers.push(resolve))
      }
    },
    kill,
    ended,
    async [Symbol.asyncDispose]() {
      if (!over) kill('SIGKILL')
      await ended
    },
  }
}
