// `npm run agents`: real coding agents, unchanged, do a task with a tool through a gateway and another vendor's wire.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { AGENTS, NOTE, type Agent } from '../test/agents/agents.ts'
import { startAgentGateway } from '../test/agents/gateway.ts'
import type { AgentGateway } from '../test/agents/gateway.ts'
import { AGENT_WIRES } from '../test/agents/upstream.ts'

const HELP = `npm run agents -- [options]

Installs the agents and frameworks (a gigabyte and more, below node_modules/.cache), lets each of them do a small task with its shell
through a gateway, and says whether it came to its end. The models are played by fake providers on loopback.

  --agent NAME   only this one (${AGENTS.map(({ name }) => name).join(', ')})
  --wire NAME    only before this wire (${AGENT_WIRES.map(({ name }) => name).join(', ')})
  --record DIR   writes what the agents sent, cut down to its form, as cases for the tests
  --help         this text

Exit code 1 when an agent did not come to its end.
Example: npm run agents -- --agent codex --wire anthropic`

const CACHE = path.join(import.meta.dirname, '../node_modules/.cache/weir-agents')
const TIME_LIMIT_MS = 120_000

const SCRIPTS = path.join(import.meta.dirname, '../test/python')

/** Its own folder; those of a framework share one. */
function folderOf({ name, source }: Agent): string {
  return path.join(CACHE, source.type === 'script' ? path.basename(source.script, '.py') : name)
}

function install(agent: Agent): void {
  const { source } = agent
  const folder = folderOf(agent)
  const wanted = source.type === 'npm' ? [`${source.package}@${source.version}`] : source.packages
  const note = path.join(folder, 'installed.json')
  if (existsSync(note) && readFileSync(note, 'utf8') === JSON.stringify(wanted)) return
  process.stdout.write(`installing ${wanted.join(', ')} …\n`)
  mkdirSync(folder, { recursive: true })
  if (source.type === 'npm') must('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, ...wanted])
  else {
    must('python3', ['-m', 'venv', folder])
    must(path.join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...wanted])
  }
  writeFileSync(note, JSON.stringify(wanted))
}

function must(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`\`${command} ${args.join(' ')}\` failed: ${stderr}`)
}

/** The program, and the words before its own. */
function commandOf(agent: Agent): readonly [command: string, ...words: string[]] {
  const { source } = agent
  const folder = folderOf(agent)
  switch (source.type) {
    case 'npm':
      return [path.join(folder, 'node_modules', '.bin', source.binary)]
    case 'pypi':
      return [path.join(folder, 'bin', source.binary)]
    case 'script':
      return [path.join(folder, 'bin', 'python'), path.join(SCRIPTS, source.script)]
  }
}

type Ended = { readonly code: number | null; readonly output: string }

/** Runs an agent in an empty folder of its own, with no home and no environment but what is said here. */
async function run(agent: Agent, gateway: AgentGateway, model: string, folder: string): Promise<Ended> {
  const home = path.join(folder, 'home')
  const work = path.join(folder, 'work')
  mkdirSync(home)
  mkdirSync(work)
  const setup = agent.setup({ url: gateway.url, key: gateway.key, model, home })
  for (const [file, text] of Object.entries(setup.files)) {
    mkdirSync(path.dirname(path.join(home, file)), { recursive: true })
    writeFileSync(path.join(home, file), text)
  }
  const [command, ...words] = commandOf(agent)
  const child = spawn(command, [...words, ...setup.args], {
    cwd: work,
    env: { PATH: process.env['PATH'], HOME: home, TERM: 'dumb', CI: '1', ...setup.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), TIME_LIMIT_MS)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return { code, output }
}

/** What is wrong with how a run ended; empty when nothing is. */
function problemsOf(
  { hasNoCalls }: Agent,
  { code, output }: Ended,
  gateway: AgentGateway,
  folder: string,
): readonly string[] {
  const note = path.join(folder, 'work', NOTE.file)
  const problems: string[] = []
  if (code !== 0) problems.push(`exit code ${code}: ${output.slice(-1_500)}`)
  if (!existsSync(note) || !readFileSync(note, 'utf8').includes(NOTE.text)) problems.push('its tool was not run')
  if (hasNoCalls !== true && !gateway.sawResult()) problems.push('the model was not told the result of its call')
  if (!output.includes(NOTE.answer)) problems.push('the answer of the model is not in its output')
  return problems
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      agent: { type: 'string' },
      wire: { type: 'string' },
      record: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(`${HELP}\n`)
    return 0
  }
  let failures = 0
  for (const agent of AGENTS.filter(({ name }) => values.agent === undefined || name === values.agent)) {
    install(agent)
    for (const wire of AGENT_WIRES.filter(({ name }) => values.wire === undefined || name === values.wire)) {
      const folder = mkdtempSync(path.join(tmpdir(), 'weir-agent-'))
      await using gateway = await startAgentGateway(wire)
      const problems = problemsOf(agent, await run(agent, gateway, gateway.model, folder), gateway, folder)
      rmSync(folder, { recursive: true, force: true })
      if (problems.length > 0) failures++
      process.stdout.write(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${agent.name} before ${wire.name}\n`)
      for (const problem of problems) process.stdout.write(`     ${problem}\n`)
      if (values.record !== undefined)
        writeFileSync(path.join(values.record, `${agent.name}.json`), gateway.recording(agent.name))
    }
  }
  return failures === 0 ? 0 : 1
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`agents: ${error instanceof Error ? error.message : String(error)}\n`)
  return 2
})
