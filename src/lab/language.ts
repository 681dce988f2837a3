// Whether an answer is in another language than its question. Only where both are clear: by their script, or by their commonest words.

type Script = 'latin' | 'cyrillic' | 'han' | 'kana' | 'hangul' | 'arabic' | 'hebrew' | 'greek' | 'devanagari' | 'thai'

const SCRIPTS: readonly (readonly [script: Script, letters: RegExp])[] = [
  ['latin', /\p{Script=Latin}/gu],
  ['cyrillic', /\p{Script=Cyrillic}/gu],
  ['han', /\p{Script=Han}/gu],
  ['kana', /[\p{Script=Hiragana}\p{Script=Katakana}]/gu],
  ['hangul', /\p{Script=Hangul}/gu],
  ['arabic', /\p{Script=Arabic}/gu],
  ['hebrew', /\p{Script=Hebrew}/gu],
  ['greek', /\p{Script=Greek}/gu],
  ['devanagari', /\p{Script=Devanagari}/gu],
  ['thai', /\p{Script=Thai}/gu],
]

/** The commonest words that hardly stand in the other languages. */
const WORDS: Readonly<Record<string, string>> = {
  english: 'the and of to is that with for this are was you have not from which they will would',
  german: 'der die das und ist nicht mit von den ein eine auf für sich dem auch werden wie oder wird',
  french: 'le les des et est une dans pour que qui pas sur avec vous nous sont cette plus du au',
  spanish: 'el los las y es una que para con por del se como más pero sus este está son muy',
  portuguese: 'os um uma não para com que por mais são você isso pelo pela também foi seu sua ao dos',
  italian: 'il gli che di è una per con non sono della nel questo più anche come dal alla le ed',
  dutch: 'het een van en niet dat met zijn voor op aan ook maar wordt deze naar bij uit heeft worden',
}
const LANGUAGES = Object.keys(WORDS)
/** Word → places in `LANGUAGES`. */
const LANGUAGES_OF = new Map<string, number[]>()
for (const [place, name] of LANGUAGES.entries())
  for (const word of WORDS[name]!.split(' ')) LANGUAGES_OF.set(word, [...(LANGUAGES_OF.get(word) ?? []), place])

/** Whoever names a language may want the answer in it. */
const NAMES_A_LANGUAGE =
  /\b(?:translat|language|in (?:english|german|french|spanish|portuguese|italian|dutch|chinese|japanese|korean|russian|arabic|hindi|turkish|polish|greek|hebrew)|english|deutsch|german|französisch|français|french|spanish|español|espanol|português|portuguese|italian\w*|dutch|nederlands|chinese|mandarin|japanese|korean|russian|arabic|hindi|latin|übersetz|tradu)|[英中日韩德法]文|[英中日韓]語|английск|русск|영어|한국어/iu

const SAMPLE = 1_500
const MIN_LETTERS = 40
const MIN_WORDS = 15
/** A script, or a language among those that are told apart, is clear from there on. */
const CLEAR_SCRIPT = 0.85
const CLEAR_WORDS = 0.12
const RUNNER_UP = 0.4

/** False where it is not clear, and where the question or the instructions speak of languages. */
export function isOtherLanguage(question: string, answer: string, instructions: string): boolean {
  const asked = question.slice(0, SAMPLE)
  const said = answer.slice(0, SAMPLE)
  // Code is in no language.
  if (said.includes('```') || asked.includes('```')) return false
  const ends = question.length > SAMPLE ? `${asked}\n${question.slice(-SAMPLE)}` : asked
  if (NAMES_A_LANGUAGE.test(ends) || NAMES_A_LANGUAGE.test(instructions.slice(0, 2 * SAMPLE))) return false
  const askedScript = scriptOf(asked)
  const saidScript = scriptOf(said)
  if (askedScript === null || saidScript === null) return false
  if (askedScript !== saidScript) return !areOneWriting(askedScript, saidScript)
  if (askedScript !== 'latin') return false
  const askedLanguage = languageOf(asked)
  if (askedLanguage === null) return false
  const saidLanguage = languageOf(said)
  return saidLanguage !== null && askedLanguage !== saidLanguage
}

/** Japanese is written in both, in any mixture. */
function areOneWriting(one: Script, other: Script): boolean {
  return (one === 'han' && other === 'kana') || (one === 'kana' && other === 'han')
}

function scriptOf(text: string): Script | null {
  const plain = plainLetters(text)
  // Nearly all letters of nearly all texts are plain ones: a list of them all would be the dearest part of a look.
  const beyond = BEYOND_ASCII.test(text) ? text.replace(ASCII, '') : ''
  let letters = 0
  let most: Script | null = null
  let mostLetters = 0
  for (const [script, pattern] of SCRIPTS) {
    const others = beyond === '' ? 0 : (beyond.match(pattern)?.length ?? 0)
    const count = script === 'latin' ? plain + others : others
    letters += count
    if (count > mostLetters) {
      most = script
      mostLetters = count
    }
  }
  // A word of Chinese holds what several letters do.
  const least = most === 'han' || most === 'kana' || most === 'hangul' ? MIN_LETTERS / 4 : MIN_LETTERS
  return letters >= least && mostLetters >= letters * CLEAR_SCRIPT ? most : null
}

const BEYOND_ASCII = /\P{ASCII}/u
const ASCII = /\p{ASCII}+/gu

function plainLetters(text: string): number {
  let count = 0
  for (let index = 0; index < text.length; index++) {
    const lower = text.charCodeAt(index) | 32
    if (lower >= 97 && lower <= 122) count++
  }
  return count
}

function languageOf(text: string): string | null {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? []
  if (words.length < MIN_WORDS) return null
  const counts = LANGUAGES.map(() => 0)
  for (const word of words) for (const place of LANGUAGES_OF.get(word) ?? NOWHERE) counts[place]!++
  let best: string | null = null
  let bestCount = 0
  let second = 0
  for (const [place, count] of counts.entries())
    if (count > bestCount) {
      second = bestCount
      best = LANGUAGES[place]!
      bestCount = count
    } else if (count > second) second = count
  return bestCount >= words.length * CLEAR_WORDS && second <= bestCount * RUNNER_UP ? best : null
}

const NOWHERE: readonly number[] = []
