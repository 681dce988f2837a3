// Takes secrets out of text before it is logged, stored or shown: the values that we know, and what looks like a key of
// somebody's. Every pattern is linear in the text: it either starts with a literal and cannot fail after a long run, or
// its runs cannot overlap.

/** Returns the text with each secret replaced by `***`; the same text when there is none. */
export type Redactor = (text: string) => string

const MASK = '***'
// Shorter values (`x`, `test`) are placeholders of servers without keys; replacing them would garble every line.
const MIN_SECRET_LENGTH = 8

const PATTERNS: readonly { readonly expression: RegExp; readonly replacement: string }[] = [
  { expression: /sk-weir-[\w-]+/g, replacement: MASK },
  // Google, GitHub, Google OAuth.
  { expression: /AIza[\w-]{30,}/g, replacement: MASK },
  { expression: /github_pat_\w{20,}/g, replacement: MASK },
  { expression: /ya29\.[\w-]{20,}/g, replacement: MASK },
  // AWS access key ids.
  { expression: /A[KS]IA[A-Z0-9]{16}/g, replacement: MASK },
  // JSON Web Tokens: base64url of `{"`, then whatever follows.
  { expression: /eyJ[\w-]{16,}(?:\.[\w-]+)*/g, replacement: MASK },
  // `Bearer <token>`, `Basic <token>`. Prose ("bearer authentication") has neither a digit nor twenty characters there.
  {
    expression:
      /([Bb]earer|BEARER|[Bb]asic|BASIC)((?:\s|%20|\+){1,4})(?=[\w.~+/=-]{1,19}[\dA-Z_=]|[\w.~+/=-]{20})[\w.~+/=%-]{8,}/g,
    replacement: `$1$2${MASK}`,
  },
  // Query parameters and form fields.
  {
    expression:
      /((?:^|[?&])(?:[\w-]{0,32}[_-])?(?:(?:api)?key|(?:access|refresh|id)?token|(?:client)?secret|password|passwd|signature|sig|credential)=)[^&\s"'#<>\\]+/gi,
    replacement: `$1${MASK}`,
  },
  // Environment variables.
  { expression: /([A-Z0-9_]{1,48}(?:KEY|TOKEN|SECRET|PASSWORD)=)[^\s"'\\]+/g, replacement: `$1${MASK}` },
  // Fields of JSON, of JSON inside a JSON string, and of what Python prints.
  { expression: fieldOf('"', '"', String.raw`(?:[^"\\]|\\.)+`), replacement: `$1${MASK}` },
  {
    expression: fieldOf(String.raw`\\"`, String.raw`\\"`, String.raw`(?:[^"\\]|\\{2}\\?.)+`),
    replacement: `$1${MASK}`,
  },
  { expression: fieldOf("'", "'", String.raw`[^'\\]+`), replacement: `$1${MASK}` },
  // User names and passwords in URLs.
  { expression: /(:\/\/)[^\s/"'<>\\?#]+@/g, replacement: `$1${MASK}@` },
]

function fieldOf(opening: string, closing: string, value: string): RegExp {
  const names =
    'api_?key|authorization|(?:access|refresh|id|session)_?token|(?:secret_?)?access_?key|client_?secret|private_?key|secret|password|passwd'
  return new RegExp(
    String.raw`(${opening}(?:[\w-]{0,32}[_-])?(?:${names})${closing}\s{0,8}:\s{0,8}${opening})${value}`,
    'gi',
  )
}

/**
 * Keys whose prefix is common inside words (`task-force`), so that it must begin a token: OpenAI, Anthropic (`sk-ant-`),
 * OpenRouter (`sk-or-`), DeepSeek, Moonshot, DashScope and many more (`sk-`), Cerebras, Groq, Hugging Face, Fireworks,
 * Replicate, GitHub, Together, xAI, NVIDIA, Perplexity, Slack. The length is a fixed one, so that no try reads far.
 */
const TOKEN = /c?sk-[\w-]{16}|(?:gsk|hf|fw|r8|gh[opsu]|tgp_v1)_[\w-]{20}|(?:xai|nvapi|pplx|xox[abprs])-[\w-]{20}/g
const TOKEN_REST = /[\w-]*/y

// Most text holds nothing; one pass over it with the beginnings of all patterns says so for a tenth of their price.
const SUSPICION =
  /sk-|AIza|(?:gsk|hf|fw|r8|gh[posu]|tgp_v1|github_pat)_|(?:xai|nvapi|pplx|xox[abprs])-|ya29\.|A[KS]IA|eyJ|bearer|basic|(?:key|token|secret|password|passwd|signature|sig|credential|authorization)(?:=|\\?["'])|:\/\//i

const MAX_REMEMBERED_LENGTH = 100
const MAX_REMEMBERED = 1_000

/**
 * Makes a redactor. `secrets` gives the values that must never be shown (provider keys, admin tokens); it is asked each
 * time, so that a reload counts at once. Values under eight characters are left alone.
 */
export function createRedactor(secrets: () => readonly string[]): Redactor {
  let given: readonly string[] = []
  let known: readonly string[] = []
  let shortest = 0
  /** Names of models, routes and targets come again and again: short texts that were found clean. */
  const clean = new Set<string>()
  return (text) => {
    // Nothing this short can be a secret worth the name.
    if (text.length < MIN_SECRET_LENGTH) return text
    const current = secrets()
    if (!isSame(current, given)) {
      given = [...current]
      known = spellingsOf(given)
      shortest = known.at(-1)?.length ?? 0
      clean.clear()
    }
    if (text.length > MAX_REMEMBERED_LENGTH) return cleaned(text)
    if (clean.has(text)) return text
    const result = cleaned(text)
    if (result === text) {
      if (clean.size >= MAX_REMEMBERED) clean.clear()
      clean.add(text)
    }
    return result
  }

  function cleaned(text: string): string {
    let result = text
    if (text.length >= shortest) {
      for (const secret of known) if (result.includes(secret)) result = result.replaceAll(secret, MASK)
    }
    return SUSPICION.test(result) ? maskPatterns(result) : result
  }
}

function isSame(values: readonly string[], list: readonly string[]): boolean {
  if (values.length !== list.length) return false
  for (let index = 0; index < list.length; index++) if (values[index] !== list[index]) return false
  return true
}

/** Each secret as it stands, and as it looks inside JSON and inside a URL; longest first, because one may contain another. */
function spellingsOf(secrets: readonly string[]): string[] {
  const spellings = new Set<string>()
  for (const secret of secrets) {
    const trimmed = secret.trim()
    if (trimmed.length < MIN_SECRET_LENGTH) continue
    for (const spelling of [trimmed, JSON.stringify(trimmed).slice(1, -1), urlEncoded(trimmed)]) spellings.add(spelling)
  }
  return Array.from(spellings).sort((a, b) => b.length - a.length)
}

function urlEncoded(text: string): string {
  // A lone surrogate has no URL form; such a secret can only occur as it stands.
  return text.isWellFormed() ? encodeURIComponent(text) : text
}

function maskPatterns(text: string): string {
  let result = maskTokens(text)
  for (const { expression, replacement } of PATTERNS) result = result.replace(expression, replacement)
  return result
}

function maskTokens(text: string): string {
  let result = ''
  let copied = 0
  TOKEN.lastIndex = 0
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    if (beginsToken(text, match.index)) {
      TOKEN_REST.lastIndex = TOKEN.lastIndex
      TOKEN_REST.test(text)
      result += text.slice(copied, match.index) + MASK
      copied = TOKEN_REST.lastIndex
      TOKEN.lastIndex = copied
    } else {
      // A prefix inside a word; a key may still follow in the same run of letters.
      TOKEN.lastIndex = match.index + 1
    }
  }
  return result + text.slice(copied)
}

/** Whether no letter or digit stands before `index`; the letter of an escape (`\n`, `%2F`, `\u0020`) is none. */
function beginsToken(text: string, index: number): boolean {
  if (index === 0 || !/[A-Za-z0-9]/.test(text[index - 1]!)) return true
  return /(?:\\[bfnrt]|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4})$/.test(text.slice(Math.max(0, index - 6), index))
}

const SECRET_WORDS: ReadonlySet<string> = new Set([
  'apikey',
  'auth',
  'authorization',
  'cookie',
  'cookie2',
  'credential',
  'credentials',
  'jwt',
  'key',
  'passwd',
  'password',
  'pepper',
  'secret',
  'session',
  'signature',
  'token',
])
/** Named like a secret, and none. */
const HARMLESS_HEADERS: ReadonlySet<string> = new Set(['idempotency-key', 'x-weir-session'])

/** Headers as they may be shown: those that carry secrets by name are masked whole, the values of the others are redacted. */
export function redactHeaders(headers: Iterable<readonly [string, string]>, redact: Redactor): Record<string, string> {
  return Object.fromEntries(
    Array.from(headers, ([name, value]) => [redact(name), headerCarriesSecret(name) ? MASK : redact(value)]),
  )
}

function headerCarriesSecret(header: string): boolean {
  const name = header.toLowerCase()
  return !HARMLESS_HEADERS.has(name) && name.split(/[-_]/).some((word) => SECRET_WORDS.has(word))
}

/** Whether a field of this name holds a secret: by its last word, so that `apiKey` and `api_key` do and `key_id` does not. */
export function fieldCarriesSecret(name: string): boolean {
  const words = name.split(/[-_.\s]|(?<=[a-z0-9])(?=[A-Z])/)
  return SECRET_WORDS.has(words.at(-1)!.toLowerCase())
}
