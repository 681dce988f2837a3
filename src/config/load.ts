// File + environment → config, or every problem at once with its line and column.
import path from 'node:path'
import { applyOverride, type Override, readOverrides } from './environment.ts'
import { checkNames, checkOddities, checkValues, expectedBy, isSecretPath, unknownName } from './check.ts'
import { type ConfigDocument, MAX_CONFIG_BYTES, parseConfigText, plainValue } from './document.ts'
import type { Field, Issue } from './fields.ts'
import type { Finding } from './finding.ts'
import { decodeText, type ReadFile, readFailure } from './files.ts'
import { type Environment, interpolate } from './interpolate.ts'
import { describe, formatProblem, parsePath, pathText, type Path, type Problem, sortProblems } from './problem.ts'
import { CONFIG, type Config, readConfig } from './schema.ts'
import { collectSecrets } from './secrets.ts'

/** Where the config stands when nobody says otherwise. It may be absent there. */
export const DEFAULT_CONFIG_PATH = 'weir.yaml'

const MAX_SECRET_FILE_BYTES = 256 * 1024

export type LoadOptions = {
  /** A file that must be there; null: `weir.yaml`, which may be absent. */
  readonly path: string | null
  readonly readFile: ReadFile
  readonly environment: Environment
  /** Whether the log goes to a terminal: then its format is `text` unless something is said. */
  readonly terminal?: boolean
  /** Providers that stand in where the file names none (found by environment variables); absent: not known, and targets of such a file are not checked. */
  readonly otherProviders?: readonly string[]
}

export type LoadResult =
  | {
      readonly ok: true
      readonly config: Config
      /** The file that was read; null when there was none. */
      readonly file: string | null
      readonly warnings: readonly string[]
      /** Literal values to redact everywhere. */
      readonly secrets: readonly string[]
      /** A problem that somebody else found at a path such as `providers.azure.settings.resource`, with its place. */
      readonly problemAt: (path: string, message: string, hint?: string | null) => Problem
    }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Reads and checks the whole config. Never throws for what an operator wrote. */
export async function loadConfig(options: LoadOptions): Promise<LoadResult> {
  const file = options.path ?? DEFAULT_CONFIG_PATH
  const source = await readSource(file, options)
  if (source.problem !== null) return { ok: false, problems: [source.problem] }
  const parsed = parseConfigText(file, source.text ?? '')
  if (parsed.document === null) return { ok: false, problems: sortProblems(parsed.problems) }

  const { document } = parsed
  const filled = await fillTexts(document, file, options, takesFile)
  const { overrides, warnings } = readOverrides(options.environment)
  const plain = plainValue(document, file)
  if (plain.problem !== null) return { ok: false, problems: [...parsed.problems, plain.problem] }
  let value = plain.value
  for (const override of overrides) value = applyOverride(value, override.variable.path, override.value)

  const locate = locator(file, document, overrides)
  const words = (found: unknown, secret: boolean) =>
    typeof found === 'string' && filled.templates.has(found) ? filled.templates.get(found)! : describe(found, secret)
  const result = readConfig(value)
  const findings = checkNames(value, options.otherProviders ?? null)
  if (result.ok) findings.push(...checkValues(result.value))
  else for (const issue of result.issues) findings.push(...findingsOf(issue, value, words))

  const broken = new Set(filled.problems.map((problem) => `${problem.line}:${problem.column}`))
  const problems = [...parsed.problems, ...filled.problems]
  for (const finding of findings) {
    const problem = locate(finding)
    // What an unset variable leaves behind is no second problem.
    if (!broken.has(`${problem.line}:${problem.column}`)) problems.push(problem)
  }
  if (problems.length > 0 || !result.ok) return { ok: false, problems: sortProblems(problems) }

  const logFormat = fieldWritten(value, ['log', 'format'])
    ? result.value.log.format
    : options.terminal === true
      ? 'text'
      : 'json'
  const config: Config = { ...result.value, log: { ...result.value.log, format: logFormat } }
  const odd = checkOddities(config).map((finding) => formatProblem(locate(finding)))
  return {
    ok: true,
    config,
    file: source.text === null ? null : file,
    warnings: [...parsed.warnings, ...warnings, ...odd],
    secrets: collectSecrets(config),
    problemAt: (path, message, hint = null) => locate({ path: parsePath(path), at: 'value', message, hint }),
  }
}

async function readSource(
  file: string,
  options: LoadOptions,
): Promise<{ text: string | null; problem: Problem | null }> {
  const wrong = (message: string, hint: string | null) => ({
    text: null,
    problem: { file, line: null, column: null, path: '', message, hint },
  })
  try {
    const text = decodeText(await options.readFile(file, MAX_CONFIG_BYTES))
    return text === null ? wrong('the file is not UTF-8 text', null) : { text, problem: null }
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (missing && options.path === null) return { text: null, problem: null }
    return wrong(
      `the config file cannot be read: ${readFailure(error)}`,
      missing ? 'Check the path, or leave it out to start without a config file.' : null,
    )
  }
}

// Where `file:/path` is understood: what is, or may hold, a secret.
function takesFile(path: Path): boolean {
  const [top, , field] = path
  if (top === 'alerts') return isSecretPath(path)
  return top === 'providers' && (field === 'keys' || field === 'headers' || field === 'proxy' || field === 'ca')
}

type Filled = {
  readonly problems: readonly Problem[]
  /** What a text became → what the operator wrote, for messages. */
  readonly templates: ReadonlyMap<string, string>
}

/** Fills in variables everywhere, and the content of files where `takesFile` says so. */
export async function fillTexts(
  document: ConfigDocument,
  file: string,
  options: Pick<LoadOptions, 'environment' | 'readFile'>,
  takesFile: (path: Path) => boolean,
): Promise<Filled> {
  const problems: Problem[] = []
  const templates = new Map<string, string>()
  for (const node of document.texts) {
    const filled = interpolate(node.text, options.environment)
    const path = node.path.filter((part) => part !== '<<')
    const place = document.place(node.path)
    const found = filled.problems.map((problem) => ({ ...problem }))
    let { text } = filled
    if (found.length === 0 && takesFile(path) && text.startsWith('file:')) {
      const read = await readReference(text.slice('file:'.length), file, options.readFile)
      if ('problem' in read) found.push({ message: read.problem, hint: null })
      else text = read.text
    }
    for (const problem of found)
      problems.push({
        file,
        line: place?.line ?? null,
        column: place?.column ?? null,
        path: pathText(path),
        ...problem,
      })
    if (text === node.text) continue
    templates.set(text, JSON.stringify(node.text))
    node.replace(text)
  }
  return { problems, templates }
}

async function readReference(
  reference: string,
  file: string,
  readFile: ReadFile,
): Promise<{ text: string } | { problem: string }> {
  const resolved = path.resolve(path.dirname(file), reference)
  try {
    const text = decodeText(await readFile(resolved, MAX_SECRET_FILE_BYTES))?.trim()
    if (text === undefined) return { problem: `the file ${resolved} is not UTF-8 text` }
    return text === '' ? { problem: `the file ${resolved} is empty` } : { text }
  } catch (error) {
    return { problem: `the file ${resolved} cannot be read: ${readFailure(error)}` }
  }
}

function locator(
  file: string,
  document: ConfigDocument,
  overrides: readonly Override[],
): (finding: Finding) => Problem {
  return ({ path, at, message, hint }) => {
    const source = overrides.find(({ variable }) => variable.path.every((part, index) => part === path[index]))
    if (source !== undefined)
      return { file: 'environment', line: null, column: null, path: source.variable.name, message, hint }
    const place = at === 'name' ? document.namePlace(path) : document.place(path)
    return { file, line: place?.line ?? null, column: place?.column ?? null, path: pathText(path), message, hint }
  }
}

/** What is wrong with a file that `root` reads, in the words of whoever wrote it. */
export function findingsOf(
  issue: Issue,
  value: unknown,
  words: (found: unknown, secret: boolean) => string,
  root: Field<unknown> = CONFIG,
): Finding[] {
  const { path } = issue
  if (issue.type === 'unknown_names') return issue.names.map((name) => unknownName(path, name, root))
  const found = valueAt(value, path)
  const { hint } = issue
  const expected = expectedBy(issue, root)
  if (found === undefined) {
    return [
      {
        path,
        at: 'value',
        message: `\`${String(path.at(-1))}\` is missing`,
        hint: `Expected: ${expected}.`,
      },
    ]
  }
  const message = `expected ${expected}; found ${words(found, isSecretPath(path, root))}`
  return [{ path, at: 'value', message, hint }]
}

// Of a target written as text, `use` is the text itself.
function valueAt(value: unknown, path: Path): unknown {
  let current = value
  for (const part of path) {
    if (typeof current === 'string' && part === 'use') return current
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Record<string | number, unknown>)[part]
  }
  return current
}

function fieldWritten(value: unknown, path: Path): boolean {
  return valueAt(value, path) !== undefined
}
