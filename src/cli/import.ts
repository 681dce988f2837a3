// `weir import …`: the file or database of another gateway → a configuration, with a report of what became of each thing.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { formatProblem } from '../config/problem.ts'
import { readFailure } from '../config/files.ts'
import { DEFAULT_CONFIG } from '../config/schema.ts'
import type { Accounts } from '../import/accounts.ts'
import type { ForeignTables } from '../import/channel-rows.ts'
import type { Finding, Outcome } from '../import/finding.ts'
import type { ImportedConfig } from '../import/litellm.ts'
import type { FamilyName, ImportedDatabase } from '../import/one-api.ts'
import type { WrittenAccounts } from '../import/write-accounts.ts'
import {
  type Arguments,
  type CliContext,
  CliError,
  type Command,
  DATA_OPTION,
  EXIT,
  type ExitCode,
  type Option,
} from './command.ts'
import { paint, printable, writeJson } from './format.ts'
import { withLocal } from './local.ts'
import { required } from './read.ts'
import { readTextFile } from './text-file.ts'

const OUTPUT_OPTIONS: Record<'output' | 'replace', Option> = {
  output: {
    type: 'string',
    valueHint: 'file',
    description: 'Write the configuration there. Default: only show it, without its secrets',
  },
  replace: { type: 'boolean', description: 'Write over a file that is there and says something else' },
}

const litellm: Command = {
  name: 'import litellm',
  summary: 'Make a configuration from the config.yaml of LiteLLM’s proxy',
  details:
    'Prints for each line what was carried over, what means something else here, and what has no counterpart. Nothing is written without --output. Keys that LiteLLM made are in its database as hashes that no other program can take over: make new ones.',
  options: {
    file: { type: 'positional', description: 'The config.yaml that `litellm --config` is started with' },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { command: 'weir import litellm config.yaml', what: 'what would become of it' },
    { command: 'weir import litellm config.yaml --output weir.yaml', what: 'write it' },
  ],
  run: async (args, context) => {
    const file = required(args, 'file', true)
    const text = await readTextFile(file)
    // Only an import needs all of this: it is loaded when there is one.
    const { importLitellm } = await import('../import/litellm.ts')
    const imported = importLitellm(file, text)
    if (!imported.ok) {
      for (const problem of imported.problems) context.stderr(`${printable(formatProblem(problem))}\n`)
      throw new CliError(`${file} cannot be read as a configuration of LiteLLM.`)
    }
    return finish(imported, file, args, context)
  },
}

const DATABASE_OPTIONS: Record<'file' | 'users' | 'write', Option> = {
  file: { type: 'positional', description: 'The SQLite file of the other gateway; it is only read' },
  users: {
    type: 'boolean',
    description: 'Make users and groups of its users and groups, with balances; else their keys are yours',
  },
  write: { type: 'boolean', description: 'Make the keys (and users) in the data folder. Default: only tell of them' },
}

function databaseCommand(family: FamilyName, example: string): Command {
  return {
    name: `import ${family}`,
    summary: `Take over channels, tokens and users of ${family}`,
    details:
      'Channels become providers and routes of a configuration, tokens become keys with the same secrets: clients go on as they are. Only SQLite files are read; a database in MySQL or PostgreSQL must be brought into one first. Without --output and --write nothing is written. A second run makes nothing twice.',
    options: { ...DATABASE_OPTIONS, ...OUTPUT_OPTIONS, ...DATA_OPTION },
    examples: [
      { command: `weir import ${family} ${example}`, what: 'what would become of it' },
      { command: `weir import ${family} ${example} --output weir.yaml --write`, what: 'configuration and keys' },
      {
        command: `weir import ${family} ${example} --output weir.yaml --write --users`,
        what: 'and its users with their balances',
      },
    ],
    run: async (args, context) => {
      const file = required(args, 'file', true)
      const { importDatabase } = await import('../import/one-api.ts')
      const tables = await readTables(file)
      const withUsers = args.flag('users')
      const imported = importDatabase(tables, { family, withUsers, now: context.clock.now() })
      return finish(imported, file, args, context, async () => ({
        planned: imported.accounts,
        written: args.flag('write') ? await write(imported, args, context) : null,
      }))
    },
  }
}

async function readTables(file: string): Promise<ForeignTables> {
  const { openForeignFile } = await import('../store/sqlite-foreign.ts')
  if (!existsSync(file)) throw new CliError(`There is no file ${file}.`)
  const foreign = openForeignFile(file)
  try {
    const channels = foreign.rows('channels')
    const tokens = foreign.rows('tokens')
    if (channels === null || tokens === null)
      throw new CliError(`${file} is no database of such a gateway: it has no tables \`channels\` and \`tokens\`.`)
    const options = (foreign.rows('options') ?? []).map(({ key, value }): [string, string] => [
      String(key),
      String(value),
    ])
    const counts = Object.fromEntries(['redemptions', 'logs', 'top_ups'].map((table) => [table, foreign.count(table)]))
    return { channels, tokens, users: foreign.rows('users') ?? [], options: new Map(options), counts }
  } finally {
    foreign.close()
  }
}

async function write(imported: ImportedDatabase, args: Arguments, context: CliContext): Promise<WrittenAccounts> {
  const { writeAccounts } = await import('../import/write-accounts.ts')
  const { keyEndpoints: endpoints, keyForbids: forbids } = DEFAULT_CONFIG.users
  return withLocal(args, context, { create: true }, ({ store, hash }) =>
    writeAccounts(imported.accounts, { store, hash, clock: context.clock, userKeys: { endpoints, forbids } }),
  )
}

/** Shows or writes the configuration, then makes whom `makePeople` makes, and reports the findings. */
async function finish(
  imported: ImportedConfig,
  source: string,
  args: Arguments,
  context: CliContext,
  makePeople: (() => Promise<People>) | null = null,
): Promise<ExitCode> {
  const { writeDraft } = await import('../import/draft.ts')
  const output = args.text('output')
  const written = output === null ? null : writeConfig(output, writeDraft(imported.draft, source), args.flag('replace'))
  const people = makePeople === null ? null : await makePeople()
  const counts = countOutcomes(imported.findings)
  if (args.flag('json')) {
    context.stdout(writeJson({ output, written, counts, ...peopleJson(people), findings: imported.findings }))
    return EXIT.ok
  }
  if (output === null) context.stdout(`${writeDraft(imported.draft, source, imported.secrets)}\n`)
  context.stdout(reportText(imported.findings, source, context.colour))
  const { carried, changed, dropped } = counts
  context.stdout(`\n${carried} carried over, ${changed} changed, ${dropped} without a counterpart.\n`)
  if (people !== null) context.stdout(peopleText(people))
  context.stdout(
    output === null
      ? 'No configuration was written; --output names the file to write.\n'
      : `${output} ${written === 'unchanged' ? 'says this already' : 'is written'}. Check it: weir check --config ${output}\n`,
  )
  return EXIT.ok
}

/** Keys, users and groups: what there is, and what was made of it where that was asked for. */
type People = { readonly planned: Accounts; readonly written: WrittenAccounts | null }

const KINDS = ['keys', 'users', 'groups'] as const

function peopleJson(people: People | null): object {
  if (people === null) return {}
  const { planned, written } = people
  return { found: Object.fromEntries(KINDS.map((kind) => [kind, planned[kind].length])), made: written }
}

function peopleText({ planned, written }: People): string {
  const found = KINDS.filter((kind) => planned[kind].length > 0)
  if (found.length === 0) return 'There are no keys to make.\n'
  if (written === null)
    return `${found.map((kind) => `${planned[kind].length} ${kind}`).join(', ')} would be made by --write.\n`
  return found
    .map((kind) => `${written[kind].made} ${kind} were made, ${written[kind].known} were there already.\n`)
    .join('')
}

/** Made for its owner alone, because it may hold secrets. A second run with the same outcome changes nothing. */
function writeConfig(file: string, text: string, replace: boolean): 'written' | 'unchanged' {
  if (existsSync(file)) {
    if (readFileSync(file, 'utf8') === text) return 'unchanged'
    if (!replace)
      throw new CliError(
        `${file} is there and says something else.`,
        'Name another file, or write over it with --replace.',
      )
  }
  try {
    // Not as open as the file that was there may have been.
    if (existsSync(file)) chmodSync(file, 0o600)
    writeFileSync(file, text, { mode: 0o600 })
  } catch (error) {
    throw new CliError(`${file} cannot be written: ${readFailure(error)}`)
  }
  return 'written'
}

function countOutcomes(findings: readonly Finding[]): Readonly<Record<Outcome, number>> {
  const count = (outcome: Outcome) => findings.filter((finding) => finding.outcome === outcome).length
  return { carried: count('carried'), changed: count('changed'), dropped: count('dropped') }
}

const SHADES = { carried: 'green', changed: 'yellow', dropped: 'red' } as const

/** `config.yaml:12: changed model_list[0].model_name: …`, a line for each. */
function reportText(findings: readonly Finding[], source: string, colour: boolean): string {
  return findings
    .map(({ outcome, place, line, message }) => {
      const where = line === null ? '' : `${printable(source)}:${line}: `
      return `${where}${paint(outcome, SHADES[outcome], colour)} ${printable(place)}: ${printable(message)}\n`
    })
    .join('')
}

export const IMPORT_COMMANDS: readonly Command[] = [
  litellm,
  databaseCommand('one-api', 'one-api.db'),
  databaseCommand('new-api', 'one-api.db'),
]
