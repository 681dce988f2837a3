// The processes of a bench: each started on its core, asked for what it consumes, and stopped.
import { bundled } from '../scripts/bundle.mjs'
import settings from '../scripts/bun-settings.json' with { type: 'json' }
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, cpus, tmpdir, type, release, arch } from 'node:os'
import path from 'node:path'

const ROOT = path.dirname(import.meta.dirname)
const START_LIMIT_MS = 20_000
const TICKS_PER_S = 100 // USER_HZ, which Linux has fixed for /proc

// Of util-linux; where it is missing nothing is pinned, and the output says so.
const PIN = 'taskset'

/** Where things run: the system under test alone on one core, load and mock upstream on another. */
export const CORES = (() => {
  const several = availableParallelism() > 1 && spawnSync(PIN, ['--version']).status === 0
  return several ? { system: '0', load: '1' } : null
})()

export type Machine = {
  readonly date: string
  readonly system: string
  readonly cpu: string
  readonly cores: number
  readonly bun: string
  readonly pinning: string
}

export function describeMachine(): Machine {
  const several = 'system under test on core 0; mock upstream and load on core 1'
  return {
    date: new Date().toISOString().slice(0, 10),
    system: `${type()} ${release()} ${arch()}`,
    cpu: (cpus()[0]?.model ?? 'unknown').trim(),
    cores: cpus().length,
    bun: Bun.version,
    pinning: CORES === null ? 'none (one core, or no `taskset`): everything shares what there is' : several,
  }
}

/** Throws with a clear sentence where the bench cannot measure. */
export function demandLinux(): void {
  if (existsSync('/proc/self/stat')) return
  throw new Error('The bench reads CPU time and memory from /proc: it needs Linux.')
}

/** Puts this process, the load generator, on its core. */
export function pinLoad(): void {
  if (CORES !== null) spawnSync(PIN, ['-acp', CORES.load, String(process.pid)])
}

export type Child = { readonly pid: number; readonly port: number; stop(): Promise<void> }

/** A folder that is removed with everything in it when the bench ends, however it ends. */
export function scratchFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-bench-'))
  process.on('exit', () => {
    try {
      // A server that was killed this moment may still be closing its files.
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    } catch (error) {
      process.stderr.write(`bench: ${folder} could not be removed: ${String(error)}\n`)
    }
  })
  return folder
}

function launch(
  core: string | undefined,
  file: string,
  args: readonly string[],
  environment: object,
  log: string,
): ChildProcess {
  const bun = [process.execPath, path.join(ROOT, file), ...args]
  const command = core === undefined ? bun : [PIN, '-c', core, ...bun]
  const output = openSync(log, 'a')
  const child = spawn(command[0] ?? '', command.slice(1), {
    cwd: path.dirname(log),
    // The scripts of the bench end with their standard input, so that a bench that was killed leaves none behind.
    stdio: ['pipe', 'pipe', output],
    // Nothing of the caller's environment: a provider's key there would change what the gateway serves.
    env: {
      PATH: process.env['PATH'],
      HOME: path.dirname(log),
      ...settings,
      ...environment,
    },
  })
  closeSync(output)
  // Ctrl-C on the bench must not leave servers behind; and first they go, then the folder that they write to.
  process.prependListener('exit', () => child.kill('SIGKILL'))
  return child
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await gone
  clearTimeout(timer)
}

/** Starts a script of the bench that prints `{"port":N}` when it listens. */
export async function startScript(
  folder: string,
  side: 'system' | 'load',
  file: string,
  args: readonly string[] = [],
): Promise<Child> {
  const log = path.join(folder, `${path.basename(file)}.log`)
  const child = launch(CORES?.[side], file, args, {}, log)
  const port = await new Promise<number>((resolve, reject) => {
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      if (text.includes('\n')) resolve((JSON.parse(text) as { port: number }).port)
    })
    child.once('exit', () => reject(new Error(`${file} ended before it listened:\n${readFileSync(log, 'utf8')}`)))
  })
  return { pid: child.pid ?? 0, port, stop: () => stop(child) }
}

export type Gateway = Child & {
  /** A virtual key's header. */
  readonly authorization: string
  /** GET of the admin API. */
  admin(path: string): Promise<unknown>
}

/** `lab`: 2 % of the requests of the route `chat` are copied to a candidate that stays in shadow. */
type GatewayOptions = { readonly lab: boolean }

/** A key with limits that nothing reaches, by the command line: the admin API would be loaded to make it, and stay in memory. */
function createKey(dataFolder: string): string {
  const limits = ['--rpm', '1000000000', '--tpm', '1000000000000', '--concurrency', '1000000']
  const command = [
    path.join(ROOT, bundled('src/cli/main.ts')),
    'keys',
    'create',
    '--name',
    'bench',
    ...limits,
    '--data',
    dataFolder,
  ]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the key could not be made: ${stderr}`)
  return stdout.trim()
}

/** The gateway as it is really started: a key with limits, request log, durable ledger and metrics, all on. */
export async function startGateway(
  folder: string,
  upstream: string,
  { lab }: GatewayOptions = { lab: false },
): Promise<Gateway> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const log = path.join(folder, 'gateway.log')
  const config = path.join(folder, 'weir.yaml')
  const token = `bench-${crypto.randomUUID()}`
  const secret = createKey(path.join(folder, 'data'))
  writeFileSync(
    config,
    `providers:
  mock:
    preset: openai-compatible
    base_url: ${upstream}
    keys: [x]
    models: { m: { price: { input: 0.15, output: 0.6 } } }
  claude:
    preset: anthropic
    base_url: ${upstream.replace(/\/v1$/, '')}
    keys: [x]
    models: { m: { price: { input: 0.15, output: 0.6 } } }
  candidate:
    preset: openai-compatible
    base_url: ${upstream}
    keys: [x]
    models: { m: { price: { input: 0.1, output: 0.4 } } }
routes: { chat: { targets: [mock/m] } }
`,
  )
  const child = launch(
    CORES?.system,
    bundled('src/main.ts'),
    [],
    {
      WEIR_LISTEN: `127.0.0.1:${port}`,
      WEIR_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
      WEIR_DATA: path.join(folder, 'data'),
      WEIR_CONFIG: config,
      WEIR_ADMIN_TOKEN: token,
    },
    log,
  )
  // What it logs is kept: one line a request is part of what it does.
  const lines = openSync(log, 'a')
  child.stdout?.on('data', (piece: Buffer) => writeFileSync(lines, piece))
  const base = `http://127.0.0.1:${adminPort}`
  await ready(child, `http://127.0.0.1:${port}/readyz`, log)
  const ask = async (method: string, at: string, body: string | null): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(base + at, { method, headers, body })
    if (!answer.ok) throw new Error(`${method} ${at}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  if (lab) await ask('POST', '/admin/experiments', JSON.stringify(SHADOWED))
  return {
    pid: child.pid ?? 0,
    port,
    authorization: `Bearer ${secret}`,
    admin: (at) => ask('GET', at, null),
    stop: () => stop(child),
  }
}

/** So many pairs are never reached: it stays in shadow, and its money lasts. */
const SHADOWED = {
  route: 'chat',
  baseline: 'mock/m',
  candidate: 'candidate/m',
  stages: ['shadow'],
  pairs_per_stage: 100_000,
  shadow_rate: 0.02,
  max_usd: 1_000_000,
  share_of_spend: null,
  start: true,
}

async function ready(child: ChildProcess, url: string, log: string): Promise<void> {
  const untilMs = performance.now() + START_LIMIT_MS
  while (performance.now() < untilMs && child.exitCode === null) {
    const status = await fetch(url).then(
      (answer) => answer.status,
      () => 0,
    )
    if (status === 200) return
    await pause(50)
  }
  throw new Error(`the gateway did not get ready:\n${readFileSync(log, 'utf8').slice(-4000)}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** CPU time that all threads of a process have used, ms, to 10 ms. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in parentheses may hold spaces; utime and stime are the 14th and 15th fields of the line.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_S
}

/** Resident memory of a process, MB of 2^20 bytes. */
export function rssMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024
}
