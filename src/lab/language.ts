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
const LANGUAGES = new Map(Object.entries(WORDS).map(([name, words]) => [name, new Set(words.split(' '))]))

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
  const saidLanguage = languageOf(said)
  return askedLanguage !== null && saidLanguage !== null && askedLanguage !== saidLanguage
}

/** Japanese is written in both, in any mixture. */
function areOneWriting(one: Script, other: Script): boolean {
  return (one === 'han' && other === 'kana') || (one === 'kana' && other === 'han')
}

function scriptOf(text: string): Script | null {
  let letters = 0
  let most: Script | null = null
  let mostLetters = 0
  for (const [script, pattern] of SCRIPTS) {
    const count = text.match(pattern)?.length ?? 0
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

function languageOf(text: string): string | null {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? []
  if (words.length < MIN_WORDS) return null
  let best: string | null = null
  let bestCount = 0
  let second = 0
  for (const [name, known] of LANGUAGES) {
    const count = words.filter((word) => known.has(word)).length
    if (count > bestCount) {
      second = bestCount
      best = name
      bestCount = count
    } else if (count > second) second = count
  }
  return bestCount >= words.length * CLEAR_WORDS && second <= bestCount * RUNNER_UP ? best : null
}
