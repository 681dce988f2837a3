// Makes the checkout runnable on a machine that has only Node and npm: installs the locked dependencies when they are
// missing or no longer match package-lock.json, and finds the Bun binary that one of them carries.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
  try {
    if (installed()) return
    process.stderr.write('weir: installing dependencies (once, about a minute) …\n')
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
    // Not `npm ci`: it refuses a lock file that lacks the binaries of other platforms, which a registry mirror may not
    // carry. `--no-save` takes the locked versions and writes nothing back.
    const result = spawnSync(npm, ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: ROOT,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    })
    if (result.status !== 0) {
      process.stderr.write('weir: `npm install` failed; see its message above. Is the npm registry reachable?\n')
      process.exitCode = 1
      process.exit()
    }
    writeFileSync(MARK, lockHash())
  } finally {
    rmSync(INSTALL_LOCK, { recursive: true, force: true })
  }
}

// `npm start` and `npm test` at once in a fresh clone must not install over each other. mkdir is atomic; a lock whose
// owner has died is taken over.
function holdInstallLock() {
  for (;;) {
    try {
      mkdirSync(INSTALL_LOCK)
      writeFileSync(path.join(INSTALL_LOCK, 'pid'), String(process.pid))
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      let owner = 0
      try {
        owner = Number(readFileSync(path.join(INSTALL_LOCK, 'pid'), 'utf8'))
        process.kill(owner, 0)
      } catch {
        rmSync(INSTALL_LOCK, { recursive: true, force: true })
        continue
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    }
  }
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

/** The environment that Bun must see before it starts. */
export function bunEnvironment(extra = {}) {
  return {
    ...process.env,
    // Bun reads this once at start: its default of 256 concurrent fetches would cap the whole gateway.
    BUN_CONFIG_MAX_HTTP_REQUESTS: process.env.BUN_CONFIG_MAX_HTTP_REQUESTS ?? '65336',
    DO_NOT_TRACK: '1',
    ...extra,
  }
}

/** Runs Bun on a file in the foreground, passing signals on, and ends this process as Bun ended. */
export function runBun(file, args, extra = {}) {
  const child = spawn(bunPath(), [path.join(ROOT, file), ...args], { stdio: 'inherit', env: bunEnvironment(extra) })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal's Ctrl-C reaches the whole process group, so the child already has it; a second one would cut its drain.
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => {
    process.stderr.write(`weir: Bun could not be started: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]))
}
