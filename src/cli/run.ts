// Words of the command line → command, options, exit code. Errors are one sentence and a hint on standard error.
import { type ArgsDef, parseArgs } from 'citty'
import { didYouMean } from '../core/nearest.ts'
import { ERRORS, GatewayError } from '../core/error.ts'
import {
  type Arguments,
  type CliContext,
  CliError,
  type Command,
  EXIT,
  type ExitCode,
  type Option,
  UsageError,
} from './command.ts'
import { COMMANDS } from './commands.ts'
import { printable } from './format.ts'
import { helpOf, optionsOf, overview } from './help.ts'

/** Runs one command line (without `weir`) and answers its exit code. Never throws for what somebody typed. */
export async function runCli(words: readonly string[], context: CliContext): Promise<ExitCode> {
  const found = findCommand(words)
  try {
    if (found.type === 'help') {
      context.stdout(overview(found.group))
      return EXIT.ok
    }
    if (found.type === 'unknown') throw new UsageError(found.message, found.hint)
    const { command, rest } = found
    const options = rest.slice(0, rest.includes('--') ? rest.indexOf('--') : rest.length)
    if (options.includes('--help') || options.includes('-h')) {
      context.stdout(helpOf(command))
      return EXIT.ok
    }
    return await command.run(readArguments(command, rest), context)
  } catch (error) {
    return report(error, found.type === 'command' ? found.command : null, context)
  }
}

type Found =
  | { readonly type: 'command'; readonly command: Command; readonly rest: readonly string[] }
  | { readonly type: 'help'; readonly group: string | null }
  | { readonly type: 'unknown'; readonly message: string; readonly hint: string }

function findCommand(words: readonly string[]): Found {
  const [first, second] = words
  if (first === undefined || first === '--help' || first === '-h' || first === 'help')
    return { type: 'help', group: null }
  if (first === '--version' || first === '-v') return findCommand(['version'])
  const single = COMMANDS.find((command) => command.name === first)
  if (single !== undefined) return { type: 'command', command: single, rest: words.slice(1) }
  const group = COMMANDS.filter((command) => command.name.startsWith(`${first} `))
  if (group.length === 0) {
    const known = new Set(COMMANDS.map((command) => command.name.split(' ')[0]!))
    return {
      type: 'unknown',
      message: `There is no command \`${first}\`.`,
      hint: didYouMean(first, known) ?? 'See `weir --help`.',
    }
  }
  if (second === '--help' || second === '-h') return { type: 'help', group: first }
  const command = group.find((candidate) => candidate.name === `${first} ${second}`)
  if (command !== undefined) return { type: 'command', command, rest: words.slice(2) }
  const known = group.map((candidate) => candidate.name.slice(first.length + 1))
  const message =
    second === undefined ? `\`weir ${first}\` needs one more word.` : `There is no command \`${first} ${second}\`.`
  return { type: 'unknown', message, hint: didYouMean(second ?? '', known) ?? `It takes ${known.join(', ')}.` }
}

function readArguments(command: Command, words: readonly string[]): Arguments {
  const options = optionsOf(command)
  const parsed: Record<string, unknown> = parseArgs([...words], definitions(options))
  const positionals = Object.keys(options).filter((name) => options[name]?.type === 'positional')
  const known = new Set(Object.entries(options).flatMap(([name, option]) => [name, camel(name), ...aliases(option)]))
  for (const name of Object.keys(parsed)) {
    if (name === '_' || known.has(name)) continue
    const long = Object.keys(options).filter((option) => !positionals.includes(option))
    const near = didYouMean(name, long)
    throw new UsageError(
      `--${name} is no option of this command.`,
      near?.replaceAll(/(?<=mean |, |or )(?=[a-z])/g, '--') ?? null,
    )
  }
  const loose = Array.isArray(parsed['_']) ? parsed['_'] : []
  if (loose.length > positionals.length)
    throw new UsageError(
      `${JSON.stringify(loose[positionals.length])} is one word too many.`,
      'Put values with spaces in quotes.',
    )
  for (const [name, option] of Object.entries(options)) {
    const value = parsed[name]
    // The parser takes the next option as the value of one that was left without.
    if (option.type === 'string' && typeof value === 'string' && (value === '' || value.startsWith('--')))
      throw new UsageError(`--${name} needs a value.`)
  }
  return {
    text: (name) => {
      const value = parsed[name]
      return typeof value === 'string' && value !== '' ? value : null
    },
    flag: (name) => parsed[name] === true,
  }
}

function camel(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function aliases(option: Option): readonly string[] {
  return option.alias === undefined ? [] : [option.alias]
}

// Whether a value is needed is each command's own to say, in its own words.
function definitions(options: Readonly<Record<string, Option>>): ArgsDef {
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, { ...option, required: false }]))
}

function report(error: unknown, command: Command | null, context: CliContext): ExitCode {
  const say = (message: string, hint: string | null) => {
    context.stderr(`weir${command === null ? '' : ` ${command.name}`}: ${printable(message)}\n`)
    if (hint !== null) context.stderr(`hint: ${printable(hint)}\n`)
  }
  if (error instanceof UsageError) {
    say(error.message, error.hint ?? (command === null ? 'See `weir --help`.' : `See \`weir ${command.name} --help\`.`))
    return EXIT.usage
  }
  if (error instanceof CliError) say(error.message, error.hint)
  else if (error instanceof GatewayError) {
    // The hint of a bad value is its option's; `param` is the name of the field in the admin API.
    const param = error.detail.param
    say(error.message, param === undefined ? ERRORS[error.code].hint : `Look at \`${param}\`.`)
    return error.code === 'request_malformed' ? EXIT.usage : EXIT.failed
  } else say(error instanceof Error ? error.message : String(error), null)
  return EXIT.failed
}
