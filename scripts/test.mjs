// `npm test [file patterns …]`: set up what the tests need, run them in parallel, report coverage, and end with one line
// `N passed, N failed[, N skipped]`.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { bunEnvironment, bunPath, ensureInstalled, ROOT } from './setup.mjs'

const MIN_COVERAGE = 0.9

ensureInstalled()
const patterns = process.argv.slice(2)
const scratch = mkdtempSync(path.join(tmpdir(), 'weir-test-'))
const python = patterns.length === 0 ? preparePython() : (process.env.WEIR_TEST_PYTHON ?? '')
const args = ['test', '--parallel', '--timeout=60000', '--only-failures']
const coverage = patterns.length === 0
if (coverage) args.push('--coverage', '--coverage-reporter=lcov', `--coverage-dir=${scratch}`)
const child = spawn(bunPath(), [...args, ...patterns], {
  cwd: ROOT,
  stdio: ['ignore', 'pipe', 'pipe'],
  // Tests never see the providers' keys of whoever runs them.
  env: withoutSecrets(bunEnvironment({ WEIR_TEST_PYTHON: python, FORCE_COLOR: '0', NO_COLOR: '1' })),
})
let output = ''
for (const stream of [child.stdout, child.stderr]) {
  stream.setEncoding('utf8')
  stream.on('data', (text) => {
    output += text
    process.stdout.write(text)
  })
}
child.on('close', (code) => {
  const count = (word) => Number(new RegExp(`^\\s*(\\d+) ${word}$`, 'm').exec(output)?.[1] ?? 0)
  const passed = count('pass')
  let failed = count('fail')
  const skipped = count('skip')
  // A crash of the runner, or an error outside any test, must not read as success.
  if (code !== 0 && failed === 0) failed = 1
  if (passed + failed === 0) failed = 1
  if (coverage) {
    const share = lineCoverage(path.join(scratch, 'lcov.info'))
    process.stdout.write(`line coverage of src: ${(share * 100).toFixed(1)} % (at least ${MIN_COVERAGE * 100} %)\n`)
    if (!(share >= MIN_COVERAGE)) failed++
  }
  rmSync(scratch, { recursive: true, force: true })
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
  process.exit(failed === 0 ? 0 : 1)
})

function lineCoverage(file) {
  const found = new Map()
  let lines = null
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.startsWith('SF:')) {
      const name = line.slice(3).replaceAll('\\', '/')
      const inside = name.startsWith('src/') || name.includes('/src/')
      lines = inside && !name.includes('node_modules') ? (found.get(name) ?? new Map()) : null
      if (lines !== null) found.set(name, lines)
    } else if (lines !== null && line.startsWith('DA:')) {
      const [number, hits] = line.slice(3).split(',').map(Number)
      lines.set(number, (lines.get(number) ?? 0) + hits)
    }
  }
  let total = 0
  let hit = 0
  for (const file of found.values())
    for (const hits of file.values()) {
      total++
      if (hits > 0) hit++
    }
  return total === 0 ? 0 : hit / total
}

// The Python SDK tests run where python3 and PyPI are at hand; elsewhere they are counted as skipped.
function preparePython() {
  const folder = path.join(ROOT, 'node_modules', '.cache', 'weir-python')
  const binary = path.join(folder, 'bin', 'python')
  const ready = () =>
    spawnSync(binary, ['-c', 'import anthropic, openai, google.genai'], { stdio: 'ignore' }).status === 0
  if (ready()) return binary
  process.stdout.write('weir: preparing a Python environment for the SDK tests …\n')
  const steps = [
    ['python3', ['-m', 'venv', folder]],
    [
      binary,
      [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '-r',
        path.join(ROOT, 'test', 'python', 'requirements.txt'),
      ],
    ],
  ]
  for (const [command, commandArgs] of steps) {
    const result = spawnSync(command, commandArgs, { cwd: ROOT, encoding: 'utf8' })
    if (result.status !== 0) {
      process.stdout.write(
        `weir: no Python SDKs (${(result.stderr ?? result.error?.message ?? '').trim().split('\n').at(-1)}); their tests are skipped\n`,
      )
      return ''
    }
  }
  return ready() ? binary : ''
}

function withoutSecrets(environment) {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/(_API_KEY|_TOKEN|_SECRET|^AWS_|^WEIR_(?!TEST_))/.test(name)),
  )
}
