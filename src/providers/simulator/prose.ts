// Filler that reads like an answer: it picks up words of the question and goes on for as long as it is asked to.
import { pick, type Random } from './random.ts'
import { CODE_POINTS_PER_TOKEN, countCodePoints, cutToTokens } from './tokens.ts'

const SUBJECTS = [
  'The short answer',
  'A common approach',
  'The usual advice',
  'In practice the first step',
  'What matters most',
  'The main trade-off',
  'A careful reading',
  'The simplest version',
  'One good example',
  'The next thing to look at',
] as const
const VERBS = [
  'depends on',
  'starts with',
  'comes down to',
  'is easier to see through',
  'builds on',
  'should be weighed against',
  'rarely contradicts',
  'is best explained by',
] as const
const OBJECTS = [
  'the details of each case',
  'a few plain measurements',
  'what was known before',
  'the time that is available',
  'a small working example',
  'the people who use it',
  'its cost over a year',
  'the order of the steps',
  'clear names and short sentences',
  'the assumptions behind it',
] as const
const TAILS = [
  '',
  '',
  ', which is worth checking twice',
  ', and that is usually enough',
  ', although there are exceptions',
  ', so keep it in mind',
  ', as most people find out sooner or later',
] as const
const THOUGHTS = [
  'First I should see what is asked',
  'Let me check that against what I know',
  'There may be a simpler way to put it',
  'I should not forget the edge cases',
  'That fits so far',
  'Another reading would be possible',
  'I will keep the answer short',
] as const

const MAX_ECHO = 80
const COMMON = new Set(
  'about after also been could does from have into like more please should some tell than that their them then there these they this what when where which will with would write your'.split(
    ' ',
  ),
)

/** Words of a question that an answer may pick up, in order, each once. */
export function topicsOf(question: string): readonly string[] {
  // Only the beginning is read: a document pasted into a question needs no more.
  const words = question.slice(0, 4000).match(/[\p{L}\p{N}][\p{L}\p{N}'’-]{3,24}/gu) ?? []
  return [...new Set(words.filter((word) => !COMMON.has(word.toLowerCase())))].slice(0, 12)
}

/** An answer to `question` of about `tokens` tokens that ends with a sentence; exactly `tokens` when `exact`. */
export function prose(random: Random, question: string, tokens: number, exact: boolean): string {
  const topics = topicsOf(question)
  const asked = Array.from(
    question
      .slice(0, 4 * MAX_ECHO)
      .replace(/\s+/g, ' ')
      .trim(),
  )
    .slice(0, MAX_ECHO)
    .join('')
  const opening = asked === '' ? 'Here is what I can say.' : `You asked: “${asked}”.`
  return extend(opening, tokens, exact, () => sentence(random, topics))
}

/** Thoughts of about `tokens` tokens on the way to an answer; exactly `tokens` when `exact`. */
export function thoughts(random: Random, question: string, tokens: number, exact: boolean): string {
  const topics = topicsOf(question)
  return extend('Let me think.', tokens, exact, () => {
    const topic = random() < 0.4 ? pick(random, topics) : undefined
    return `${pick(random, THOUGHTS)}${topic === undefined ? '' : ` about ${topic}`}.`
  })
}

function sentence(random: Random, topics: readonly string[]): string {
  const topic = random() < 0.6 ? pick(random, topics) : undefined
  const object = topic === undefined ? pick(random, OBJECTS) : `${topic} and ${pick(random, OBJECTS)}`
  return `${pick(random, SUBJECTS)} ${pick(random, VERBS)} ${object}${pick(random, TAILS)}.`
}

function extend(opening: string, tokens: number, exact: boolean, next: () => string): string {
  const parts = [opening]
  let length = countCodePoints(opening)
  while (length < tokens * CODE_POINTS_PER_TOKEN) {
    const part = next()
    parts.push(part)
    length += 1 + countCodePoints(part)
  }
  const text = parts.join(' ')
  return exact ? cutToTokens(text, tokens) : text
}
