// The YAML text as a document that still knows its lines: parse, bound, find the place of a path.
import {
  type Alias,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml'
import type { Path, Problem } from './problem.ts'

export const MAX_CONFIG_BYTES = 1024 ** 2
/** Nodes after all aliases are expanded, and levels of nesting: far above any honest config, far below a bomb. */
const MAX_NODES = 50_000
const MAX_DEPTH = 64
/** Looking up what an alias stands for walks the document once. */
const MAX_ALIASES = 200

type Place = { readonly line: number; readonly column: number }

export type ConfigDocument = {
  readonly root: Node | null
  /** Every text in value position, with its path, so that it can be replaced. Anchored ones come once. */
  readonly texts: readonly TextNode[]
  /** Line and column of the value at a path, or of the nearest thing above it that is there. */
  place(path: Path): Place | null
  /** Line and column of the last name of a path. */
  namePlace(path: Path): Place | null
  /** The plain value, aliases expanded. Throws for a merge (`<<`) of what is no mapping. */
  value(): unknown
}

type TextNode = { readonly path: Path; readonly text: string; replace(text: string): void }

type Parsed =
  | { readonly document: ConfigDocument; readonly problems: readonly Problem[]; readonly warnings: readonly string[] }
  | { readonly document: null; readonly problems: readonly Problem[]; readonly warnings: readonly string[] }

/** Parses the text of a config file. With syntax errors there is no document; with duplicate names there is. */
export function parseConfigText(file: string, source: string): Parsed {
  const counter = new LineCounter()
  const problem = (offset: number | null, message: string, hint: string | null): Problem => {
    const place = offset === null ? { line: 1, col: 1 } : counter.linePos(offset)
    return { file, line: place.line, column: place.col, path: '', message, hint }
  }
  const tooComplex = problem(
    null,
    'the file nests or repeats itself too deeply',
    'Write it with fewer levels and aliases.',
  )
  // The parser calls itself once a level: a bound on the brackets keeps it away from the end of the stack.
  if (flowDepth(source) > MAX_DEPTH * 2) return { document: null, problems: [tooComplex], warnings: [] }
  const parsed = parseDocument(source, {
    lineCounter: counter,
    version: '1.2',
    merge: true,
    stringKeys: true,
    prettyErrors: false,
    uniqueKeys: true,
  })
  const problems = parsed.errors.map((error) => problem(error.pos[0], lowerFirst(error.message), hintOf(error.code)))
  const warnings = parsed.warnings.map((warning) => {
    const place = counter.linePos(warning.pos[0])
    return `${file}:${place.line}:${place.col}: ${warning.message}`
  })
  if (parsed.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return { document: null, problems, warnings }

  const root = isNode(parsed.contents) ? parsed.contents : null
  const resolved = new Map<Alias, Node | undefined>()
  const resolve = (node: unknown): unknown => {
    if (!isAlias(node)) return node
    if (!resolved.has(node)) {
      if (resolved.size >= MAX_ALIASES) throw new TooComplex()
      resolved.set(node, node.resolve(parsed))
    }
    return resolved.get(node)
  }
  const bounds = root === null ? null : checkBounds(root, resolve)
  if (bounds === 'too complex') return { document: null, problems: [...problems, tooComplex], warnings }
  if (bounds !== null) {
    const unknown = problem(
      bounds.range?.[0] ?? null,
      `the alias *${bounds.source} has no anchor before it`,
      'Write `&name` where it is first used.',
    )
    return { document: null, problems: [...problems, unknown], warnings }
  }

  const placeOf = (node: Node | null): Place | null => {
    if (node?.range === undefined || node.range === null) return null
    const place = counter.linePos(node.range[0])
    return { line: place.line, column: place.col }
  }
  const find = (path: Path): { name: Node | null; value: Node | null } => {
    let name: Node | null = null
    let value: Node | null = root
    for (const part of path) {
      const inside: unknown = resolve(value)
      if (isMap(inside)) {
        const pair = inside.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
        if (pair === undefined) break
        name = pair.key as Node
        // `name:` with nothing after it: the place is the name.
        value = isNode(pair.value) ? pair.value : name
      } else if (isSeq(inside)) {
        const item = inside.items[Number(part)]
        if (!isNode(item)) break
        name = item
        value = item
      } else break
    }
    return { name, value }
  }
  return {
    document: {
      root,
      texts: root === null ? [] : textsOf(root),
      place: (path) => {
        const { name, value } = find(path)
        return placeOf(value === null || isEmpty(value) ? (name ?? value) : value)
      },
      namePlace: (path) => placeOf(find(path).name),
      // The expansion is bounded above, by nodes instead of by aliases.
      value: () => parsed.toJS({ maxAliasCount: -1 }) as unknown,
    },
    problems,
    warnings,
  }
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && node.value === null
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function hintOf(code: string): string | null {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'Keep one of the two.'
    case 'TAB_AS_INDENT':
      return 'Indent with spaces.'
    case 'MULTIPLE_DOCS':
      return 'Keep one document: remove the `---` between them.'
    default:
      return null
  }
}

// Levels of `[` and `{` in the text, whatever quotes say: an upper bound of the nesting that flow style can make.
function flowDepth(source: string): number {
  let depth = 0
  let deepest = 0
  for (let index = 0; index < source.length; index++) {
    const code = source.charCodeAt(index)
    if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth)
    else if ((code === 0x5d || code === 0x7d) && depth > 0) depth--
  }
  return deepest
}

class TooComplex extends Error {}
class UnknownAlias extends Error {
  readonly alias: Alias
  constructor(alias: Alias) {
    super()
    this.alias = alias
  }
}

// Counts what the expanded value would hold, and stops at the bound instead of expanding it. An alias to what contains it is
// endless. Null: all is well; an alias: it stands for nothing.
function checkBounds(root: Node, resolve: (node: unknown) => unknown): 'too complex' | Alias | null {
  let nodes = 0
  const visit = (node: unknown, depth: number): void => {
    if (++nodes > MAX_NODES || depth > MAX_DEPTH) throw new TooComplex()
    const inside = resolve(node)
    if (inside === undefined && isAlias(node)) throw new UnknownAlias(node)
    if (isMap(inside)) for (const pair of inside.items) visit(pair.value, depth + 1)
    else if (isSeq(inside)) for (const item of inside.items) visit(item, depth + 1)
  }
  try {
    visit(root, 0)
    return null
  } catch (error) {
    if (error instanceof TooComplex) return 'too complex'
    if (error instanceof UnknownAlias) return error.alias
    throw error
  }
}

function textsOf(root: Node): TextNode[] {
  const texts: TextNode[] = []
  const visit = (node: unknown, path: Path): void => {
    if (isScalar(node)) {
      if (typeof node.value === 'string')
        texts.push({ path, text: node.value, replace: (text) => void (node.value = text) })
    } else if (isMap(node)) {
      for (const pair of node.items)
        if (isPair(pair)) visit(pair.value, [...path, isScalar(pair.key) ? String(pair.key.value) : ''])
    } else if (isSeq(node)) node.items.forEach((item, index) => visit(item, [...path, index]))
  }
  visit(root, [])
  return texts
}

/** The plain value of a document, or the problem that it has none: a merge of what is no mapping. */
export function plainValue(
  document: ConfigDocument,
  file: string,
): { readonly value: unknown; readonly problem: null } | { readonly value: null; readonly problem: Problem } {
  try {
    return { value: document.value() ?? {}, problem: null }
  } catch (error) {
    const message = `the file cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return { value: null, problem: { file, line: 1, column: 1, path: '', message, hint: null } }
  }
}
