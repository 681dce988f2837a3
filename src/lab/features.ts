// What can be seen of a prompt without understanding it: format, marks, script, length, verbs. Linear in the sampled text.
import type { Prompt } from './prompt.ts'
import { type Verb, verbsOf } from './verbs.ts'

type Script = 'latin' | 'cyrillic' | 'cjk' | 'arabic' | 'other' | 'none'

export type Features = {
  readonly prompt: Prompt
  /** Bits of the length: 0 for nothing, 1 for one character, 11 for a thousand, 20 for half a million. */
  readonly lengthBucket: number
  /** Script of most letters of the text. */
  readonly script: Script
  /** The system message and the text are in different scripts. */
  readonly mixesScripts: boolean
  /** Of the characters of the text that are no space. */
  readonly digitShare: number
  readonly markShare: number
  readonly hasCodeFence: boolean
  readonly looksLikeCode: boolean
  readonly hasLatex: boolean
  /** Lines that name a choice: `A. …`, `(B) …`. */
  readonly choices: number
  readonly asks: boolean
  readonly isLong: boolean
  /** What the instructions ask for, in the system message or at either end of the text. */
  readonly verbs: ReadonlySet<Verb>
}

/** Instructions stand at the ends of a text: that many characters at each are searched for verbs. */
const INSTRUCTION_ZONE = 480
const LONG_CHARACTERS = 1_200

/** How a line of code begins, after its indentation; the first characters of all of these are `CODE_STARTS`. */
const CODE_LINE =
  /(?:def \w+\(|class \w+[:({ ]|import [\w.{*]|from [\w.]+ import|function \w*\(|const \w+ ?=|let \w+ ?=|var \w+ ?=|public (?:static|class|void)|#include ?[<"]|package \w|fn \w+\(|func \w+\(|SELECT\s|select \w|CREATE TABLE|>>> |\$ \w+|for ?\(|while ?\(|if ?\(.{1,60}\) ?\{|return[ (]|@\w+\()/y
const CODE_STARTS = Uint8Array.from({ length: 128 }, (_, code) =>
  'dcifrlvp#SsC>$w@'.includes(String.fromCharCode(code)) ? 1 : 0,
)
const CODE_ANYWHERE = /\b(?:console\.log|System\.out|printf\(|std::|self\.\w|=>|Traceback \(most recent)/
const LATEX =
  /\\(?:frac|sqrt|sum|int|begin|end|cdot|times|leq?|geq?|alpha|beta|theta|pi|infty|text|mathbb|mathrm|left|right|boxed)\b|\$[^$\n]{1,80}\$/
const MOST_INDENT = 16
const MOST_CHOICE_INDENT = 8

export function featuresOf(prompt: Prompt): Features {
  const { text, system } = prompt
  const counts = countCharacters(text)
  const lines = lookAtLines(text)
  const systemScript = system === '' ? 'none' : countCharacters(system).script
  const visible = Math.max(1, text.length - counts.spaces)
  return {
    prompt,
    lengthBucket: 32 - Math.clz32(prompt.characters),
    script: counts.script,
    mixesScripts: systemScript !== 'none' && counts.script !== 'none' && systemScript !== counts.script,
    digitShare: counts.digits / visible,
    markShare: counts.marks / visible,
    hasCodeFence: text.includes('```'),
    looksLikeCode: lines.hasCode || CODE_ANYWHERE.test(text),
    // Most texts have neither of the two characters that it begins with.
    hasLatex: (text.includes('\\') || text.includes('$')) && LATEX.test(text),
    choices: lines.choices,
    asks: text.includes('?') || text.includes('？') || text.includes('؟'),
    isLong: prompt.characters >= LONG_CHARACTERS,
    verbs: verbsOf(instructionsOf(prompt), text),
  }
}

function instructionsOf({ system, text }: Prompt): string {
  const ends =
    text.length <= 2 * INSTRUCTION_ZONE ? text : `${text.slice(0, INSTRUCTION_ZONE)}\n${text.slice(-INSTRUCTION_ZONE)}`
  return system === '' ? ends : `${ends}\n${system.slice(0, INSTRUCTION_ZONE)}`
}

/** What stands at the beginnings of lines: code, and choices. */
function lookAtLines(text: string): { readonly hasCode: boolean; readonly choices: number } {
  let hasCode = false
  let choices = 0
  for (let line = 0; line >= 0 && line < text.length;) {
    let start = line
    while (start < text.length && start - line <= MOST_INDENT && isBlank(text.charCodeAt(start))) start++
    const indent = start - line
    if (!hasCode && indent <= MOST_INDENT && CODE_STARTS[text.charCodeAt(start)] === 1) {
      CODE_LINE.lastIndex = start
      hasCode = CODE_LINE.test(text)
    }
    if (indent <= MOST_CHOICE_INDENT && isChoice(text, start)) choices++
    const end = text.indexOf('\n', start)
    line = end < 0 ? -1 : end + 1
  }
  return { hasCode, choices }
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}

/** `A. …`, `B) …`, `C: …`, `(D) …`, and `e) …`, `(f) …`, from A to J. */
function isChoice(text: string, start: number): boolean {
  const isOpened = text.charCodeAt(start) === 40
  const at = isOpened ? start + 1 : start
  const letter = text.charCodeAt(at)
  const mark = text.charCodeAt(at + 1)
  if (!isBlank(text.charCodeAt(at + 2))) return false
  if (letter >= 65 && letter <= 74) return mark === 41 || mark === 46 || mark === 58
  return letter >= 97 && letter <= 106 && mark === 41
}

type CharacterCounts = {
  readonly spaces: number
  readonly digits: number
  readonly marks: number
  readonly script: Script
}

const SPACES = 0
const DIGITS = 1
const MARKS = 2
/** Classes from here on are scripts, in this order. */
const LATIN = 3
const SCRIPTS = ['latin', 'cyrillic', 'cjk', 'arabic', 'other'] as const satisfies readonly Script[]
const ASCII_CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[a-z]/i.test(character)) return LATIN
  if (/\d/.test(character)) return DIGITS
  return code <= 32 ? SPACES : MARKS
})

function countCharacters(text: string): CharacterCounts {
  const counts = new Uint32Array(LATIN + SCRIPTS.length)
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    counts[code < 0x80 ? ASCII_CLASSES[code]! : classBeyondAscii(code)]!++
  }
  let script: Script = 'none'
  let most = 0
  for (const [place, each] of SCRIPTS.entries()) {
    const count = counts[LATIN + place]!
    if (count > most) {
      most = count
      script = each
    }
  }
  return { spaces: counts[SPACES]!, digits: counts[DIGITS]!, marks: counts[MARKS]!, script }
}

function classBeyondAscii(code: number): number {
  if (code < 0x250) return LATIN
  if (code >= 0x400 && code < 0x530) return LATIN + 1
  if (code >= 0x590 && code < 0x780) return LATIN + 3
  if ((code >= 0x2e80 && code < 0xa000) || (code >= 0xac00 && code < 0xd7b0)) return LATIN + 2
  return code >= 0x2000 && code < 0x2e80 ? MARKS : LATIN + 4
}
