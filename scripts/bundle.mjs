// The program in a few files instead of some 700 (`dist/`): a process of it holds some 6 to 18 MB less. Made by Bun in half a second when a source
// has changed since, and never needed: where it cannot be made, the sources run.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { bunPath, ROOT } from './setup.mjs'

const FOLDER = path.join(ROOT, 'dist')
/** What is started, and what is started as a thread (src/head-thread.ts). */
const ENTRIES = ['src/main.ts', 'src/cli/main.ts', 'src/lab/head-worker.ts']
/** A gateway that still runs loads parts of its bundle when they are first used: the last few stay. */
const KEPT = 5

/** Path of a source's bundle from the root, or the source itself where there is none and none can be made. */
export function bundled(source) {
  try {
    const made = path.join(FOLDER, sourcesName())
    if (existsSync(made)) markUsed(made)
    else make(made)
    return path.relative(ROOT, path.join(made, fileOf(source)))
  } catch (error) {
    process.stderr.write(`weir: runs from its sources, which takes more memory: ${error.message}\n`)
    return source
  }
}

function fileOf(source) {
  return source.replace(/^src\//, '').replace(/\.ts$/, '.js')
}

/** A name that is another one as soon as a source or a dependency is. */
function sourcesName() {
  const hash = createHash('sha256')
  const add = (file) => {
    const { size, mtimeMs } = statSync(path.join(ROOT, file))
    hash.update(`${file} ${size} ${mtimeMs}\n`)
  }
  for (const file of ['package.json', 'package-lock.json', 'scripts/bundle.mjs']) add(file)
  for (const file of readdirSync(path.join(ROOT, 'src'), { recursive: true }).sort())
    if (/\.(?:ts|json)$/.test(file) && !file.endsWith('.test.ts')) add(path.join('src', file))
  return hash.digest('hex').slice(0, 16)
}

/** Appears whole or not at all, also where two make it at once. */
function make(made) {
  const making = `${made}.${process.pid}`
  mkdirSync(making, { recursive: true })
  try {
    const options = ['--root', 'src', '--target=bun', '--splitting', '--sourcemap=linked', '--outdir', making]
    const { status, error, stderr } = spawnSync(bunPath(), ['build', ...ENTRIES, ...options], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    if (error !== undefined) throw error
    if (status !== 0) throw new Error(`the bundle could not be made (exit code ${String(status)}).\n${stderr}`)
    for (const entry of ENTRIES)
      if (!existsSync(path.join(making, fileOf(entry)))) throw new Error(`the bundle lacks ${fileOf(entry)}.`)
    try {
      renameSync(making, made)
    } catch (failure) {
      if (!existsSync(made)) throw failure
    }
    removeOld(made)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}

function markUsed(made) {
  try {
    utimesSync(made, new Date(), new Date())
  } catch {
    // A bundle that came with a read-only image is used as it is: nothing is ever removed there.
  }
}

/** Of whole bundles the last few stay; what a start that was killed has left goes after an hour. */
function removeOld(made) {
  const folders = readdirSync(FOLDER)
    .map((name) => path.join(FOLDER, name))
    .filter((folder) => folder !== made)
    .map((folder) => ({ folder, at: statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((left, right) => right.at - left.at)
  const isWhole = ({ folder }) => path.extname(folder) === ''
  const left = folders.filter((one) => !isWhole(one) && one.at < Date.now() - 3_600_000)
  for (const { folder } of [...folders.filter(isWhole).slice(KEPT - 1), ...left])
    rmSync(folder, { recursive: true, force: true })
}
