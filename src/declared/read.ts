// The text of a file of teams, keys and budgets → what it declares, or every problem with its line and column.
import { parseConfigText, plainValue } from '../config/document.ts'
import type { ReadFile } from '../config/files.ts'
import type { Finding } from '../config/finding.ts'
import { readWhole } from '../config/fields.ts'
import { mapping } from '../config/finding.ts'
import type { Environment } from '../config/interpolate.ts'
import { fillTexts, findingsOf } from '../config/load.ts'
import { describe, pathText, type Path, type Problem, sortProblems } from '../config/problem.ts'
import { DECLARED, type Declared } from './schema.ts'

export type DeclaredFile =
  | {
      readonly ok: true
      readonly declared: Declared
      /** A problem that somebody else found, with its place. */
      readonly problemAt: (path: Path, message: string, hint?: string | null) => Problem
    }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Never throws for what somebody wrote. */
export async function readDeclared(
  file: string,
  source: string,
  outside: { readonly environment: Environment; readonly readFile: ReadFile },
): Promise<DeclaredFile> {
  const { document, problems } = parseConfigText(file, source)
  if (document === null || problems.length > 0) return { ok: false, problems: sortProblems(problems) }
  const filled = await fillTexts(document, file, outside, isSecret)
  const locate = ({ path, at, message, hint }: Finding): Problem => {
    const place = at === 'name' ? document.namePlace(path) : document.place(path)
    return { file, line: place?.line ?? null, column: place?.column ?? null, path: pathText(path), message, hint }
  }
  const { value, problem } = plainValue(document, file)
  if (problem !== null) return { ok: false, problems: [problem] }
  const words = (found: unknown, secret: boolean): string =>
    typeof found === 'string' && filled.templates.has(found) ? filled.templates.get(found)! : describe(found, secret)
  const result = readWhole(DECLARED, value)
  const findings = result.ok ? [] : result.issues.flatMap((issue) => findingsOf(issue, value, words, DECLARED))
  // What an unset variable leaves behind is no second problem.
  const broken = new Set(filled.problems.map(({ line, column }) => `${line}:${column}`))
  const located = [...findings, ...checkNames(value)].map(locate)
  const all = [...filled.problems, ...located.filter(({ line, column }) => !broken.has(`${line}:${column}`))]
  if (all.length > 0 || !result.ok) return { ok: false, problems: sortProblems(all) }
  return {
    ok: true,
    declared: result.value,
    problemAt: (path, message, hint = null) => locate({ path, at: 'name', message, hint }),
  }
}

function isSecret(path: Path): boolean {
  return path[0] === 'keys' && path[2] === 'secret'
}

/** Names are also what people write where an id may stand. */
function checkNames(value: unknown): readonly Finding[] {
  return (['teams', 'keys'] as const).flatMap((kind) =>
    Object.keys(mapping(mapping(value)[kind])).flatMap((name): Finding[] => {
      const isId = name.startsWith(kind === 'teams' ? 'team_' : 'key_')
      if (name.trim() === name && name !== '' && name.length <= 200 && !isId) return []
      const message = `${JSON.stringify(name.slice(0, 60))} is no name to have`
      const hint = isId ? 'Ids begin so.' : 'Write 1 to 200 characters without blanks at the ends.'
      return [{ path: [kind, name], at: 'name', message, hint }]
    }),
  )
}
