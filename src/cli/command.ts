// What a command of `weir` is: one row with its options, its help and the function that does it.
import type { Clock } from '../core/clock.ts'
import type { Outside } from './outside.ts'

/** Everything outside that a command touches, so that tests call it like any function. */
export type CliContext = {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** Whether colours may be used. */
  readonly colour: boolean
  /** Whether what is printed is read by somebody now, so that it may be drawn again; absent: not. */
  readonly isTerminal?: boolean
  readonly outside: Outside
}

/** `differs`: all went well, and what was asked about is not as it is to be. */
export const EXIT = { ok: 0, failed: 1, usage: 2, differs: 3 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The arguments of one call, by their names in the command's row. */
export type Arguments = {
  /** Null when it was not given. */
  text(name: string): string | null
  flag(name: string): boolean
}

export type Option = {
  readonly type: 'string' | 'boolean' | 'positional'
  readonly description: string
  /** What stands for the value in the help. */
  readonly valueHint?: string
  /** One letter. */
  readonly alias?: string
}

export type Command = {
  /** All words of it: `keys create`. */
  readonly name: string
  /** One sentence without its full stop. */
  readonly summary: string
  /** What more there is to know; null where the summary says it. */
  readonly details: string | null
  /** Beside `--json` and `--help`, which every command has. */
  readonly options: Readonly<Record<string, Option>>
  readonly examples: readonly { readonly command: string; readonly what: string }[]
  readonly run: (args: Arguments, context: CliContext) => Promise<ExitCode>
}

/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {
  readonly hint: string | null
  constructor(message: string, hint: string | null = null) {
    super(message)
    this.name = 'UsageError'
    this.hint = hint
  }
}

/** The command could not do what was asked: exit code 1. */
export class CliError extends Error {
  readonly hint: string | null
  constructor(message: string, hint: string | null = null) {
    super(message)
    this.name = 'CliError'
    this.hint = hint
  }
}

export const DATA_OPTION: Record<'data', Option> = {
  data: { type: 'string', valueHint: 'folder', description: 'Data folder. Default: WEIR_DATA, else ./weir-data' },
}

export const CONFIG_OPTION: Record<'config', Option> = {
  config: {
    type: 'string',
    valueHint: 'file',
    description: 'Config file. Default: WEIR_CONFIG, else ./weir.yaml if it is there',
  },
}
