// `weir import …`: the file or database of another gateway → a configuration, with a report of what became of each thing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { formatProblem } from '../config/problem.ts'
import { decodeText, readBoundedFile, readFailure } from '../config/files.ts'
import { MAX_CONFIG_BYTES } from '../config/document.ts'
import type { Finding, Outcome } from '../import/finding.ts'
import type { ImportedConfig } from '../import/litellm.ts'
import { type Arguments, type CliContext, CliError, type Command, EXIT, type ExitCode, type Option } from './command.ts'
import { paint, printable, writeJson } from './format.ts'
import { required } from './read.ts'

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
    const text = await readText(file)
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

async function readText(file: string): Promise<string> {
  try {
    const text = decodeText(await readBoundedFile(file, MAX_CONFIG_BYTES))
    if (text !== null) return text
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${readFailure(error)}`)
  }
  throw new CliError(`${file} is not UTF-8 text.`)
}

/** Shows or writes the configuration and reports the findings. */
async function finish(
  imported: ImportedConfig,
  source: string,
  args: Arguments,
  context: CliContext,
): Promise<ExitCode> {
  const { writeDraft } = await import('../import/draft.ts')
  const output = args.text('output')
  const written = output === null ? null : writeConfig(output, writeDraft(imported.draft, source), args.flag('replace'))
  const counts = countOutcomes(imported.findings)
  if (args.flag('json')) {
    context.stdout(writeJson({ output, written, counts, findings: imported.findings }))
    return EXIT.ok
  }
  if (output === null) context.stdout(`${writeDraft(imported.draft, source, imported.secrets)}\n`)
  context.stdout(reportText(imported.findings, source, context.colour))
  const { carried, changed, dropped } = counts
  context.stdout(`\n${carried} carried over, ${changed} changed, ${dropped} without a counterpart.\n`)
  context.stdout(
    output === null
      ? 'Nothing was written; --output names the file to write.\n'
      : `${output} ${written === 'unchanged' ? 'says this already' : 'is written'}. Check it: weir check --config ${output}\n`,
  )
  return EXIT.ok
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

export const IMPORT_COMMANDS: readonly Command[] = [litellm]
