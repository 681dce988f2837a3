// What is wrong with a config, where, and how to mend it.

export type Problem = {
  /** File name as it was given, or `environment`. */
  readonly file: string
  /** Counted from 1; null where there is no such place (an environment variable, a file that is not there). */
  readonly line: number | null
  readonly column: number | null
  /** `providers.openai.keys[0]`, the name of an environment variable, or empty for the file as a whole. */
  readonly path: string
  /** What was found and what was expected. Never holds a secret. */
  readonly message: string
  readonly hint: string | null
}

export type Path = readonly (string | number)[]

/** `['routes', 'my route', 0]` → `routes["my route"][0]`. */
export function pathText(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}

/** The reverse of `pathText`; dots and brackets separate, quotes protect. */
export function parsePath(text: string): Path {
  const path: (string | number)[] = []
  for (const match of text.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)) {
    if (match[1] !== undefined) path.push(JSON.parse(`"${match[1]}"`) as string)
    else if (match[2] !== undefined) path.push(Number(match[2]))
    else path.push(match[3]!)
  }
  return path
}

/** One line for people: `weir.yaml:3:5: providers.openai: message. (hint)`. */
export function formatProblem(problem: Problem): string {
  const place =
    problem.line === null
      ? problem.file
      : `${problem.file}:${problem.line}${problem.column === null ? '' : `:${problem.column}`}`
  const path = problem.path === '' ? '' : `${problem.path}: `
  return `${place}: ${path}${problem.message}${problem.hint === null ? '' : ` (${problem.hint})`}`
}

/** A value as it may stand in a message: short, and of secrets only the kind. */
export function describe(value: unknown, secret: boolean): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing'
    case 'string':
      if (secret) return value === '' ? 'empty text' : 'text'
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
    case 'number':
      return secret ? 'a number' : String(value)
    case 'object':
      if (value === null) return 'nothing'
      return Array.isArray(value) ? 'a list' : 'a mapping'
    case 'boolean':
    case 'bigint':
    case 'symbol':
    case 'function':
      return secret ? `a ${typeof value}` : String(value)
  }
}

/** By file, then from top to bottom. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(
    (one, two) =>
      (one.line ?? 0) - (two.line ?? 0) ||
      (one.column ?? 0) - (two.column ?? 0) ||
      one.path.localeCompare(two.path, 'en'),
  )
}
