// Makes the checkout runnable on a machine that has only Node and npm: installs the locked dependencies when they are
// missing or no longer match package-lock.json, and finds the Bun binary that one of them carries.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const MARK = path.join(ROOT, 'node_modules', '.weir-lock-hash')
const INSTALL_LOCK = path.join(ROOT, '.weir-install.lock')

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(path.join(ROOT, 'package-lock.json')))
    .update(process.platform + process.arch)
    .digest('hex')
}

function installed() {
  return existsSync(MARK) && readFileSync(MARK, 'utf8') === lockHash() && existsSync(bunPath())
}

/** Installs dependencies if needed; quiet when there is nothing to do. Exits the process when npm fails. */
export function ensureInstalled() {
  if (installed()) return
  holdInstallLock()
  let done = false
  try {
    done = installed() || install()
  } finally {
    rmSync(INSTALL_LOCK, { force: true })
  }
  if (done) return
  process.stderr.write('weir: `npm install` failed; see its message above. Is the npm registry reachable?\n')
  process.exit(1)
}

function install() {
  process.stderr.write('weir: installing dependencies (once, about a minute) …\n')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  // Not `npm ci`: it refuses a lock file that lacks the binaries of other platforms, which a registry mirror may not
  // carry. `--no-save` takes the locked versions and writes nothing back.
  const result = spawnSync(npm, ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (result.status === 0) writeFileSync(MARK, lockHash())
  return result.status === 0
}

// `npm start` and `npm test` at once in a fresh clone must not install over each other. The lock comes into being with its
// owner's number in it (a link is atomic and carries the content), and one whose owner has died is taken over.
function holdInstallLock() {
  const own = `${INSTALL_LOCK}.${process.pid}`
  writeFileSync(own, String(process.pid))
  try {
    while (!tryLink(own)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  } finally {
    rmSync(own, { force: true })
  }
}

function tryLink(own) {
  try {
    linkSync(own, INSTALL_LOCK)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  try {
    process.kill(Number(readFileSync(INSTALL_LOCK, 'utf8')), 0)
  } catch {
    rmSync(INSTALL_LOCK, { recursive: true, force: true })
  }
  return false
}

/** Path of the Bun binary. The platform package is preferred: `.bin/bun` is a placeholder where install scripts are off. */
export function bunPath() {
  const windows = process.platform === 'win32'
  const file = windows ? 'bun.exe' : 'bun'
  const system = windows ? 'windows' : process.platform
  for (const suffix of ['', '-musl', '-baseline', '-musl-baseline']) {
    const candidate = path.join(ROOT, 'node_modules', '@oven', `bun-${system}-${process.arch}${suffix}`, 'bin', file)
    if (existsSync(candidate)) return candidate
  }
  return path.join(ROOT, 'node_modules', '.bin', file)
}

/** Path of a tool in node_modules/.bin. */
export function toolPath(name) {
  return path.join(ROOT, 'node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name)
}

/**
 * The environment that Bun must see before it starts; what the caller has set already stands.
 * - `BUN_CONFIG_MAX_HTTP_REQUESTS`: the default of 256 concurrent fetches would cap the whole gateway.
 * - `BUN_JSC_forceRAMSize`: the collector lets the heap grow with the machine's memory. The gateway's own heap is a few
 *   megabytes; on a large machine it would otherwise keep tens of megabytes of garbage for nothing.
 * - `BUN_JSC_numberOfGCMarkers`: a heap this small is marked sooner by one thread than by several that share it out (0 to 7 % of the CPU
 *   of a request on one core).
 * - `BUN_JSC_smallHeapGrowthFactor`: the heap is collected whole when it has grown by this since the last time. 1.8 instead of 2 takes some
 *   8 MB less, and no more CPU was seen; 1.6 takes another 10 MB less and 7 % more CPU a request.
 * - `BUN_JSC_numberOfDFGCompilerThreads`, `…FTL…`: one compiler of each kind; each keeps memory of its own after its work.
 * - `MIMALLOC_PURGE_DELAY` (ms): freed memory goes back to the system that much later. At 0 a thread of its own was busy with it, which cost
 *   3 to 5 µs a request; of ten seconds instead of 100 ms nothing was seen but some 10 MB more.
 */
export function bunEnvironment(extra = {}) {
  const settings = JSON.parse(readFileSync(path.join(ROOT, 'scripts', 'bun-settings.json'), 'utf8'))
  return { ...settings, ...process.env, ...extra }
}

/** Runs Bun on a file in the foreground, passing signals on, and ends this process as Bun ended. */
export function runBun(file, args, extra = {}) {
  let child = null
  // Before the start: a signal that came in between would end this process and leave Bun alone.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal's Ctrl-C reaches the whole process group, so the child already has it; a second one would cut its drain.
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child?.kill(signal)
    })
  }
  child = spawn(bunPath(), [path.join(ROOT, file), ...args], { stdio: 'inherit', env: bunEnvironment(extra) })
  child.on('error', (error) => {
    process.stderr.write(`weir: Bun could not be started: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]))
}
