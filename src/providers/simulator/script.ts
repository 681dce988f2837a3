// What a request asks the simulator to play: headers `x-sim-…`, or a directive in the last user message, because a gateway
// forwards no headers of its clients: `[[sim fault=cut tokens=50 gap_ms=5]]`, `[[sim output="exact \"text\""]]`.
import { type Fault, FAULTS, isFault } from './faults.ts'
import { invalid } from './wire-error.ts'

/** Null: as the model would by itself. */
export type Script = {
  /** `none`: no fault, whatever the model's shares are. */
  readonly fault: Fault | 'none' | null
  /** The exact text of the answer. */
  readonly output: string | null
  /** The exact length of an answer in prose, reasoning included. */
  readonly tokens: number | null
  readonly ttftMs: number | null
  readonly gapMs: number | null
  /** What a played 429 or 503 says in `Retry-After`. */
  readonly retryAfterS: number | null
}

const NAMES = ['fault', 'output', 'tokens', 'ttft_ms', 'gap_ms', 'retry_after_s'] as const
const OPENING = '[[sim '
// A directive longer than this is none: the search stays linear in the message.
const MAX_DIRECTIVE = 1 << 20
const MAX_TOKENS = 1_000_000
const PAIR = /\s*([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s\]"]*))(?=[\s\]])/y
const CLOSING = /\s*\]\]/y

/** Reads the script of a request; a header wins over the directive. Throws a 400 that names what is not understood. */
export function readScript(headers: Headers, lastUserText: string): Script {
  const values = new Map(directiveOf(lastUserText)?.pairs)
  for (const name of NAMES) {
    const header = headers.get(`x-sim-${name.replaceAll('_', '-')}`)
    if (header !== null) values.set(name, header)
  }
  for (const name of values.keys())
    if (!NAMES.some((known) => known === name))
      throw invalid('messages', 'simulator_script', `The simulator knows no '${name}'. It knows: ${NAMES.join(', ')}.`)
  return {
    fault: faultOf(values.get('fault')),
    output: values.get('output') ?? null,
    tokens: numberOf('tokens', values.get('tokens'), MAX_TOKENS, true),
    ttftMs: numberOf('ttft_ms', values.get('ttft_ms')),
    gapMs: numberOf('gap_ms', values.get('gap_ms')),
    retryAfterS: numberOf('retry_after_s', values.get('retry_after_s')),
  }
}

/** The text without its directive, for answers that echo it. */
export function withoutDirective(text: string): string {
  const directive = directiveOf(text)
  return directive === null ? text : text.slice(0, directive.start) + text.slice(directive.end)
}

function directiveOf(text: string): { start: number; end: number; pairs: [string, string][] } | null {
  const start = text.indexOf(OPENING)
  if (start === -1) return null
  const rest = text.slice(start, start + MAX_DIRECTIVE)
  const pairs: [string, string][] = []
  let at = OPENING.length - 1
  for (;;) {
    CLOSING.lastIndex = at
    if (CLOSING.test(rest)) return { start, end: start + CLOSING.lastIndex, pairs }
    PAIR.lastIndex = at
    const match = PAIR.exec(rest)
    if (match === null)
      throw invalid(
        'messages',
        'simulator_script',
        "This '[[sim …]]' cannot be read: it takes name=value pairs, then ']]'.",
      )
    const [, name = '', quoted, plain = ''] = match
    pairs.push([name, quoted === undefined ? plain : unquote(quoted)])
    at = PAIR.lastIndex
  }
}

function unquote(text: string): string {
  try {
    // A raw line break is no JSON, but natural in a message.
    return String(JSON.parse(`"${text.replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r')}"`))
  } catch {
    throw invalid('messages', 'simulator_script', "A quoted value in '[[sim …]]' is no JSON string.")
  }
}

function faultOf(name: string | undefined): Fault | 'none' | null {
  if (name === undefined) return null
  if (name === 'none' || isFault(name)) return name
  throw invalid('messages', 'simulator_script', `There is no fault '${name}'. There are: none, ${FAULTS.join(', ')}.`)
}

function numberOf(name: string, text: string | undefined, max = Number.MAX_SAFE_INTEGER, whole = false): number | null {
  if (text === undefined) return null
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(value <= max) || (whole && !(Number.isInteger(value) && value >= 1)))
    throw invalid(
      'messages',
      'simulator_script',
      `'${name}' takes ${whole ? `an integer from 1 to ${max}` : 'a number, 0 or above'}; it was '${text.slice(0, 40)}'.`,
    )
  return value
}
