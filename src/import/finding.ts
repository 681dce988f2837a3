// What an import has to say of each thing that the other gateway's file or database holds: nothing is left out in silence.
import type { ConfigDocument } from '../config/document.ts'
import { type Path, pathText } from '../config/problem.ts'

/**
 * `carried`: it means the same here. `changed`: it is here, but means something else in a way that somebody may notice.
 * `dropped`: there is nothing like it here.
 */
export type Outcome = 'carried' | 'changed' | 'dropped'

export type Finding = {
  readonly outcome: Outcome
  /** `model_list[0].litellm_params.rpm`, or `channels #3`. */
  readonly place: string
  /** Line of the file; null where there is none. */
  readonly line: number | null
  /** Never holds a secret. */
  readonly message: string
}

/** Collects the findings of one YAML file. What nobody spoke of by the end is reported as dropped. */
export interface FileNotes {
  carried(path: Path, message: string): void
  changed(path: Path, message: string): void
  dropped(path: Path, message: string): void
  /** In the order of the file. */
  all(): readonly Finding[]
}

/** A value of the file is spoken of by a finding at its own path, or at one above it. */
export function createFileNotes(document: ConfigDocument, value: unknown): FileNotes {
  const findings: { readonly path: Path; readonly outcome: Outcome; readonly message: string }[] = []
  const add = (outcome: Outcome) => (path: Path, message: string) => void findings.push({ path, outcome, message })
  const lineOf = (path: Path): number | null => (document.namePlace(path) ?? document.place(path))?.line ?? null
  return {
    carried: add('carried'),
    changed: add('changed'),
    dropped: add('dropped'),
    all() {
      const spoken = new Set(findings.map(({ path }) => pathText(path)))
      const silent = leavesOf(value, []).filter(
        (leaf) => !leaf.some((_, at) => spoken.has(pathText(leaf.slice(0, at + 1)))),
      )
      const rest = silent.map((path) => ({ path, outcome: 'dropped' as const, message: 'not known to this import' }))
      return [...findings, ...rest]
        .map(({ path, outcome, message }) => ({ outcome, place: pathText(path), line: lineOf(path), message }))
        .toSorted((one, two) => (one.line ?? 0) - (two.line ?? 0))
    },
  }
}

/** Paths of everything that holds no more below it. */
function leavesOf(value: unknown, path: Path): readonly Path[] {
  if (Array.isArray(value) && value.length > 0)
    return value.flatMap((item: unknown, index) => leavesOf(item, [...path, index]))
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0)
    return Object.entries(value).flatMap(([name, item]) => leavesOf(item, [...path, name]))
  return path.length === 0 ? [] : [path]
}
