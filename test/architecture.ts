// The rules of docs/architecture.md as a function over files, so that planted violations can show that each rule bites.

/** Files by their path from the root of the repository. */
export type Files = ReadonlyMap<string, string>

export type Violation = { readonly file: string; readonly rule: string; readonly detail: string }

/**
 * Who stands where; a file imports only from levels below its own. `parts` are folders and root files of `src/`.
 * `apart`: the parts of the level do not import each other; what they need of each other comes in as an argument.
 */
export const LEVELS: readonly { readonly parts: readonly string[]; readonly apart: boolean }[] = [
  { parts: ['main', 'serve', 'cli'], apart: false },
  {
    parts: [
      'app',
      'data',
      'snapshot',
      'listed-models',
      'explain',
      'stages',
      'own-answers',
      'own-endpoints',
      'own-billing',
      'own-budget',
      'own-feedback',
      'golden-runs',
      'head-thread',
      'own-users',
      'quality',
      'price-feeds',
      'price-layers',
      'own-responses',
      'kept-responses',
      'batches',
      'drills',
      'replay',
      'experiments',
      'pass',
      'realtime',
      'first-run',
      'import',
      'declared',
      'state',
    ],
    apart: false,
  },
  { parts: ['http', 'admin'], apart: true },
  { parts: ['handle', 'exchange'], apart: false },
  { parts: ['keys', 'limits', 'routing', 'cache', 'ledger', 'lab', 'alerts', 'users'], apart: true },
  { parts: ['providers', 'models', 'dialects', 'store', 'metrics', 'config'], apart: true },
  { parts: ['core', 'version'], apart: true },
]
const APP_LEVEL = 1

const NETWORK_MODULES = /^node:(?:net|tls|http|https|http2|dgram|dns)(?:\/|$)/
const FILE_MODULES = /^(?:node:)?fs(?:\/|$)/
const CONCRETE = /^src\/(?:store\/(?!store\.ts$).+|providers\/[\w-]+\/.+|providers\/presets.*)$/
const BANNED_WORDS = new Set(['util', 'utils', 'helper', 'helpers', 'manager', 'service', 'services', 'common', 'misc'])

/** Where an outside thing may be touched. Paths are from the root; a trailing slash means the whole folder. */
const ALLOWED = {
  bun: [
    'src/http/server.ts',
    'src/http/http1/',
    'src/providers/http1/',
    'src/store/sqlite',
    'src/store/migrations.ts',
    'src/users/passwords.ts',
    'src/keys/secret.ts',
    'src/main.ts',
    'src/cli/',
  ],
  fetch: ['src/providers/upstream.ts'],
  network: ['src/providers/upstream.ts', 'src/providers/by-fetch.ts', 'src/http/server.ts', 'src/cli/'],
  files: ['src/store/', 'src/config/', 'src/data.ts', 'src/main.ts', 'src/cli/'],
  environment: ['src/main.ts', 'src/cli/', 'src/config/load.ts'],
} as const

/** Every rule that these files break; empty when there is nothing to say. `providerNames` are the keys of the preset table. */
export function violations(files: Files, providerNames: ReadonlySet<string>): Violation[] {
  const found: Violation[] = []
  for (const [file, text] of files) {
    const report = (rule: string, detail: string): void => void found.push({ file, rule, detail })
    checkName(file, report)
    if (/\b(?:TODO|FIXME|XXX)\b/.test(text)) report('unfinished', 'a note of unfinished work')
    if (!file.startsWith('src/') || isTest(file)) continue
    if (levelOf(partOf(file)) === -1) {
      report('level', `${partOf(file)} stands in no level of LEVELS`)
      continue
    }
    for (const specifier of importsOf(text)) checkImport(file, specifier, report)
    checkCode(file, text, providerNames, report)
  }
  return found
}

/** Specifiers of all imports and re-exports, of types too, static and dynamic. */
export function importsOf(text: string): string[] {
  const spoken = withoutComments(text)
  const statements = spoken.matchAll(/^\s*(?:import|export)\b(?:[^'"`;()=]*?\bfrom)?\s*['"]([^'"]+)['"]/gm)
  const calls = spoken.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)
  return [...statements, ...calls].map((match) => match[1]!)
}

type Report = (rule: string, detail: string) => void

function checkName(file: string, report: Report): void {
  if (!/\.(?:ts|tsx|mjs)$/.test(file)) return
  const parts = file.split('/')
  const name = parts.at(-1)!
  if (/^index\.\w+$/.test(name)) report('barrel', 'files are named for what they hold, not index')
  for (const word of parts.flatMap((part) => part.replace(/\..*$/, '').split('-')))
    if (BANNED_WORDS.has(word)) report('name', `"${word}" says nothing`)
}

function checkImport(file: string, specifier: string, report: Report): void {
  const part = partOf(file)
  const level = levelOf(part)
  if (!specifier.startsWith('.')) return checkPackage(file, part, specifier, report)
  const target = resolve(file, specifier)
  if (target === 'package.json') {
    if (part === 'core' || part === 'dialects') report('pure', `${part} imports ${specifier}`)
    return
  }
  // Data that a part carries with it.
  if (target.endsWith('.json') && target.startsWith(`src/${part}/`)) return undefined
  if (!target.endsWith('.ts')) return report('ending', `${specifier} has no .ts ending`)
  if (!target.startsWith('src/')) return report('level', `${specifier} is outside src`)
  const targetPart = partOf(target)
  const targetLevel = levelOf(targetPart)
  if (targetLevel === -1) return report('level', `${targetPart} stands in no level of LEVELS`)
  if (part !== targetPart) {
    if (targetLevel < level) report('level', `${part} imports ${targetPart}, which stands above it`)
    else if (targetLevel === level && LEVELS[level]!.apart)
      report('level', `${part} imports ${targetPart}, which stands beside it`)
    if (level > APP_LEVEL && CONCRETE.test(target)) report('concrete', `only the app level names ${target}`)
  }
  if (isTranslator(file) && targetPart !== 'core' && targetPart !== part)
    report('pure', `a translator imports ${targetPart}`)
  if (isTranslator(file) && target === 'src/core/clock.ts') report('pure', 'a translator knows no clock')
}

function checkPackage(file: string, part: string, specifier: string, report: Report): void {
  if (part === 'core') report('pure', `core imports ${specifier}`)
  if (isTranslator(file) && specifier.startsWith('node:')) report('pure', `a translator imports ${specifier}`)
  if (/^bun(?::|$)/.test(specifier) && !allowed(file, ALLOWED.bun)) report('bun', specifier)
  if (NETWORK_MODULES.test(specifier) && !allowed(file, ALLOWED.network)) report('network', specifier)
  if (FILE_MODULES.test(specifier) && !allowed(file, ALLOWED.files)) report('files', specifier)
}

function checkCode(file: string, text: string, providerNames: ReadonlySet<string>, report: Report): void {
  const spoken = withoutComments(text)
  const code = withoutStrings(spoken)
  if (/(?<![.\w])Bun\b\s*[.[]/.test(code) && !allowed(file, ALLOWED.bun)) report('bun', 'Bun.')
  if (callsFetch(code) && !allowed(file, ALLOWED.fetch)) report('fetch', 'only providers/upstream.ts calls fetch')
  if (/(?<![.\w])(?:process|import\.meta)\s*\.\s*env\b/.test(code) && !allowed(file, ALLOWED.environment))
    report('environment', 'the environment is handed in')
  if (isTranslator(file) && /(?<![.\w])(?:console|process|performance|Date\s*\.\s*now|Math\s*\.\s*random)\b/.test(code))
    report('pure', 'a translator touches the outside')
  // `wire` is what a provider declares, so asking for it is no branch on a name.
  if (partOf(file) !== 'providers')
    for (const [, before, after] of spoken.matchAll(
      /(?:(?<![=!]|\bwire )[=!]==?|\bcase)\s*'([\w-]+)'|'([\w-]+)'\s*[=!]==?/g,
    )) {
      const name = before ?? after
      if (name !== undefined && providerNames.has(name))
        report('provider name', `a branch on '${name}': a provider declares its differences as data`)
    }
}

/** A call of the global `fetch`: not a method of that name, and not in a file that has a function or a parameter so named. */
function callsFetch(code: string): boolean {
  if (/(?<![.\w])globalThis\s*\.\s*fetch\b/.test(code)) return true
  if (/\bfunction\s+fetch\s*\(|[{,]\s*fetch\s*[,}]/.test(code)) return false
  return Array.from(code.matchAll(/(?<![.\w])fetch\s*\(/g)).some((match) => {
    const end = closing(code, match.index + match[0].length)
    // `fetch(request: Request): Promise<Response> {` and a signature in a type declare; whatever else follows, it is a call.
    return !/^\s*(?:\{|:\s*Promise\b)/.test(code.slice(end))
  })
}

function closing(code: string, from: number): number {
  let depth = 1
  let index = from
  for (; index < code.length && depth > 0; index++) {
    if (code[index] === '(') depth++
    else if (code[index] === ')') depth--
  }
  return index
}

/** Dialects and wire formats: JSON in, JSON out. The files that drive a wire beside them (`wire.ts`) are data too. */
function isTranslator(file: string): boolean {
  return file.startsWith('src/dialects/') || /^src\/providers\/(?!simulator\/|http1\/)[\w-]+\//.test(file)
}

/** `x.test.ts`, and what only tests import (`testing.ts`, `x-testing.ts`). */
function isTest(file: string): boolean {
  return /\btest(?:ing)?\.ts$/.test(file)
}

/** Folder below src, or the name of a file that lies there. */
function partOf(file: string): string {
  return file.slice('src/'.length).split('/')[0]!.replace(/\.ts$/, '')
}

function levelOf(part: string): number {
  return LEVELS.findIndex(({ parts }) => parts.includes(part))
}

function allowed(file: string, places: readonly string[]): boolean {
  return places.some((place) => file === place || (!place.endsWith('.ts') && file.startsWith(place)))
}

function resolve(file: string, specifier: string): string {
  return new URL(specifier, `file:///${file}`).pathname.slice(1)
}

const COMMENT_OR_STRING = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g

function withoutComments(text: string): string {
  return text.replace(COMMENT_OR_STRING, (piece) => (piece.startsWith('/') ? ' ' : piece))
}

function withoutStrings(text: string): string {
  // A template may hold code between `${` and `}`: it stays.
  return text.replace(COMMENT_OR_STRING, (piece) => (piece.startsWith('`') ? piece : "''"))
}
