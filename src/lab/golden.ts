// What golden prompts tell: whether an answer passes, and whether a deployment passes fewer than it used to. Pure.
import { isObject, type JsonValue } from '../core/json.ts'
import type { GoldenCheck } from './golden-set.ts'

/** Passed and asked, of one task. */
export type Tally = { readonly passed: number; readonly asked: number }

export type ShownGolden = {
  readonly deployment: string
  readonly task: string
  /** Of the last run, ms since the epoch. */
  readonly at: number
  readonly last: Tally
  readonly usual: Tally
}

const MAX_TEXT = 20_000
/** Below the usual by so many standard deviations, and by two answers at least: about once in 30 000 runs of a task by chance. */
const DEVIATIONS = 4
const LEAST_MISSED = 2
/** Answers that what is usual must rest on. */
const LEAST_USUAL = 20
/** Old runs give way. */
const MOST_USUAL = 600

export function passes(answer: string, { equals, contains, excludes, matches, number, json }: GoldenCheck): boolean {
  const text = answer.slice(0, MAX_TEXT)
  const lower = text.toLowerCase()
  if (equals !== undefined && bare(lower) !== bare(equals.toLowerCase())) return false
  if (contains?.some((part) => !lower.includes(part.toLowerCase())) === true) return false
  if (excludes?.some((part) => lower.includes(part.toLowerCase())) === true) return false
  if (matches !== undefined && !new RegExp(matches, 'i').test(text)) return false
  if (number !== undefined && lastNumber(text) !== number) return false
  return json === undefined || hasFields(text, json)
}

/** What is usual after one more run. */
export function tallied(usual: Tally, run: Tally): Tally {
  const asked = usual.asked + run.asked
  const fit = asked > MOST_USUAL ? MOST_USUAL / asked : 1
  return { passed: (usual.passed + run.passed) * fit, asked: asked * fit }
}

/** Whether a run passed clearly fewer than usual. */
export function hasDropped(usual: Tally, run: Tally): boolean {
  if (usual.asked < LEAST_USUAL || run.asked === 0) return false
  // Never 0 or 1: nobody is that sure after a few runs.
  const share = (usual.passed + 1) / (usual.asked + 2)
  const expected = share * run.asked
  const deviation = Math.sqrt(run.asked * share * (1 - share) * (1 + run.asked / usual.asked))
  return expected - run.passed > Math.max(LEAST_MISSED, DEVIATIONS * deviation)
}

function bare(text: string): string {
  return text.replaceAll(/^[\s"'`.]+|[\s"'`.]+$/g, '')
}

function lastNumber(text: string): number | null {
  const found = text.replaceAll(/(?<=\d),(?=\d{3})/g, '').match(/-?\d+(?:\.\d+)?/g)
  return found === null ? null : Number(found.at(-1))
}

function hasFields(text: string, wanted: NonNullable<GoldenCheck['json']>): boolean {
  const inside = /```(?:json)?\s*([\s\S]{0,20000}?)```/.exec(text)?.[1] ?? text
  let value: JsonValue
  try {
    value = JSON.parse(inside) as JsonValue
  } catch {
    return false
  }
  if (!isObject(value)) return false
  const fields = value
  return Object.entries(wanted).every(([name, expected]) => {
    const found = fields[name]
    return typeof found === 'string' && typeof expected === 'string'
      ? found.trim().toLowerCase() === expected.toLowerCase()
      : found === expected
  })
}
