// Open tables of prompts and recorded answers (score, tokens, cost of each model), read leniently: forms differ between sources.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { isObject, type JsonObject, type JsonValue } from '../src/core/json.ts'
import { listOf, numberOf, objectOf, parseObject, stringOf } from '../src/core/json-read.ts'
import { estimateTokens } from '../src/ledger/estimate.ts'

export type Table = {
  readonly name: string
  readonly models: readonly string[]
  readonly rows: readonly TableRow[]
  /** What was left out, or assumed, in a sentence each. */
  readonly notes: readonly string[]
  /** Why there is nothing to measure; null: there is. */
  readonly problem: string | null
}

export type TableRow = {
  readonly system: string
  readonly text: string
  /** Name of the source within the table, for reports alone. */
  readonly dataset: string
  /** In the order of the models; NaN where a model has no answer. */
  readonly quality: Float32Array
  readonly costUsd: Float64Array
}

/** Output of an answer whose length the table does not tell. */
const ASSUMED_OUTPUT_TOKENS = 256

type Rates = { readonly input: number; readonly output: number }
type Outcome = {
  readonly score: number
  readonly input: number | null
  readonly output: number | null
  readonly usd: number | null
}

/** Every table of a folder: `X.prompts.jsonl[.gz]` beside `X.outcomes.jsonl[.gz]`, and `prices.json` for all. Throws where `prices.json` is none. */
export function readTables(folder: string): Table[] {
  const names = new Set(
    readdirSync(folder)
      .map((file) => /^(.+)\.(?:outcomes|prompts)\.jsonl(?:\.gz)?$/.exec(file)?.[1])
      .filter((name) => name !== undefined)
      .sort(),
  )
  const prices = readPrices(path.join(folder, 'prices.json'))
  return Array.from(names, (name) => {
    const missing = ['prompts', 'outcomes'].find((part) => placeOf(folder, `${name}.${part}.jsonl`) === null)
    return missing === undefined
      ? readTable(folder, name, prices)
      : unusable(name, `there is no ${name}.${missing}.jsonl[.gz] beside its other half`)
  })
}

function unusable(name: string, problem: string, notes: readonly string[] = []): Table {
  return { name, models: [], rows: [], notes, problem }
}

function readTable(folder: string, name: string, prices: ReadonlyMap<string, Rates>): Table {
  const notes: string[] = []
  const outcomes = new Map<string, ReadonlyMap<string, Outcome>>()
  for (const line of readLines(folder, `${name}.outcomes.jsonl`, notes)) {
    const id = idOf(line)
    if (id !== null) outcomes.set(id, outcomesOf(line))
  }
  if (outcomes.size === 0)
    return unusable(name, `no line of ${name}.outcomes.jsonl has an id: \`pid\`, \`id\` or \`prompt_id\``, notes)
  if (Array.from(outcomes.values()).every(({ size }) => size === 0))
    return unusable(name, `no line of ${name}.outcomes.jsonl has scores: \`"o": {"model": [score, …]}\``, notes)
  let wordless = 0
  const prompts = readLines(folder, `${name}.prompts.jsonl`, notes).flatMap((line) => {
    const id = idOf(line)
    const answers = id === null ? undefined : outcomes.get(id)
    if (answers === undefined) return []
    const texts = textsOf(line)
    if (texts.text === '') wordless++
    return [{ ...texts, dataset: stringOf(line, 'dataset') ?? name, answers }]
  })
  if (prompts.length === 0)
    return unusable(name, `no line of ${name}.prompts.jsonl has the id (\`pid\`) of an outcome`, notes)
  if (wordless === prompts.length)
    return unusable(
      name,
      `no line of ${name}.prompts.jsonl has words: \`messages\`, \`q\`, \`prompt\`, \`text\` or \`question\``,
      notes,
    )
  if (wordless > 0) notes.push(`${wordless} prompts have no words`)
  if (prompts.length < outcomes.size) notes.push(`${outcomes.size - prompts.length} outcomes have no prompt`)
  const scales = scalesOf(prompts)
  const seen = [...new Set(prompts.flatMap(({ answers }) => [...answers.keys()]))]
  const models = seen.filter((model) => prices.has(model) || hasCosts(prompts, model))
  const unpriced = seen.filter((model) => !models.includes(model))
  if (unpriced.length > 0) notes.push(`left out, for want of a price: ${unpriced.join(', ')}`)
  let assumed = 0
  const rows = prompts.map(({ system, text, dataset, answers }) => {
    const quality = Float32Array.from(
      models,
      (model) => (answers.get(model)?.score ?? Number.NaN) / scales.get(dataset)!,
    )
    const costUsd = Float64Array.from(models, (model) => {
      const answer = answers.get(model)
      if (answer === undefined) return Number.NaN
      if (answer.usd !== null && answer.usd > 0) return answer.usd
      const rates = prices.get(model)
      if (rates === undefined) return answer.usd ?? Number.NaN
      if (answer.output === null) assumed++
      const input = answer.input ?? estimateTokens(system + text)
      return (input * rates.input + (answer.output ?? ASSUMED_OUTPUT_TOKENS) * rates.output) / 1e6
    })
    return { system, text, dataset, quality, costUsd }
  })
  if (assumed > 0) notes.push(`${assumed} answers have no length: ${ASSUMED_OUTPUT_TOKENS} tokens assumed`)
  if (models.length < 2)
    return unusable(name, 'fewer than two models with scores and a price: nothing to route between', notes)
  const scored = rows.filter(({ quality }) => quality.some((score) => !Number.isNaN(score)))
  return { name, models, rows: scored, notes, problem: null }
}

function hasCosts(prompts: readonly { readonly answers: ReadonlyMap<string, Outcome> }[], model: string): boolean {
  return prompts.some(({ answers }) => (answers.get(model)?.usd ?? 0) > 0)
}

/** Scores count 0–1. A source that grades up to 10 or 100 is scaled by that. */
function scalesOf(
  prompts: readonly { readonly dataset: string; readonly answers: ReadonlyMap<string, Outcome> }[],
): Map<string, number> {
  const highest = new Map<string, number>()
  for (const { dataset, answers } of prompts) {
    let most = highest.get(dataset) ?? 0
    for (const { score } of answers.values()) most = Math.max(most, score)
    highest.set(dataset, most)
  }
  return new Map(
    Array.from(highest, ([dataset, most]) => [dataset, most <= 1 ? 1 : most <= 10 ? 10 : Math.max(100, most)]),
  )
}

function outcomesOf(line: JsonObject): Map<string, Outcome> {
  const found = new Map<string, Outcome>()
  const answers = objectOf(line, 'o') ?? objectOf(line, 'outcomes') ?? {}
  for (const [model, value] of Object.entries(answers)) {
    const outcome = value === undefined ? null : outcomeOf(value)
    if (outcome !== null) found.set(model, outcome)
  }
  return found
}

function outcomeOf(value: JsonValue): Outcome | null {
  if (typeof value === 'number') return { score: value, input: null, output: null, usd: null }
  if (isObject(value)) {
    const score = numberOf(value, 'score') ?? numberOf(value, 'quality')
    const [input, output] = [numberOf(value, 'input_tokens'), numberOf(value, 'output_tokens')]
    return score === null ? null : { score, input, output, usd: numberOf(value, 'usd') ?? numberOf(value, 'cost') }
  }
  if (!Array.isArray(value)) return null
  const [score, input, output, usd] = (value as readonly JsonValue[]).map((each) =>
    typeof each === 'boolean' ? Number(each) : typeof each === 'number' && Number.isFinite(each) ? each : null,
  )
  return score === null || score === undefined
    ? null
    : { score, input: input ?? null, output: output ?? null, usd: usd ?? null }
}

function idOf(line: JsonObject): string | null {
  const id = line['pid'] ?? line['id'] ?? line['prompt_id']
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null
}

/** The words of a prompt: of its messages, or a text under one of the names that tables use. */
function textsOf(line: JsonObject): { system: string; text: string } {
  const system: string[] = []
  const text: string[] = []
  for (const message of listOf(line, 'messages')) {
    if (!isObject(message)) continue
    const role = stringOf(message, 'role')
    ;(role === 'system' || role === 'developer' ? system : text).push(contentOf(message['content'] ?? null))
  }
  if (text.length === 0) {
    const plain = line['q'] ?? line['prompt'] ?? line['text'] ?? line['question'] ?? null
    text.push(contentOf(plain))
  }
  return { system: system.join('\n'), text: text.join('\n') }
}

function contentOf(content: JsonValue): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return (content as readonly JsonValue[])
    .map((part) =>
      typeof part === 'string'
        ? part
        : isObject(part)
          ? (stringOf(part, 'text') ?? stringOf(part, 'content') ?? '')
          : '',
    )
    .join('\n')
}

function readPrices(file: string): Map<string, Rates> {
  const prices = new Map<string, Rates>()
  if (!existsSync(file)) return prices
  const read = parseObject(readFileSync(file, 'utf8'))
  if (read === null) throw new Error(`${file} is no JSON object of prices`)
  for (const [model, value] of Object.entries(read)) {
    if (!isObject(value)) continue
    const input = numberOf(value, 'input_per_1m') ?? numberOf(value, 'input')
    const output = numberOf(value, 'output_per_1m') ?? numberOf(value, 'output') ?? input
    if (input !== null && output !== null) prices.set(model, { input, output })
  }
  return prices
}

/** The file itself, or packed; null: neither. */
function placeOf(folder: string, name: string): string | null {
  const plain = path.join(folder, name)
  return [plain, `${plain}.gz`].find((place) => existsSync(place)) ?? null
}

/** Lines that are JSON objects; others are left out, and noted. */
function readLines(folder: string, name: string, notes: string[]): JsonObject[] {
  const place = placeOf(folder, name)!
  const bytes = readFileSync(place)
  const lines = (place.endsWith('.gz') ? gunzipSync(bytes) : bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const read = lines.map((line) => parseObject(line)).filter((line) => line !== null)
  if (read.length < lines.length) notes.push(`${lines.length - read.length} lines of ${name} are no JSON objects`)
  return read
}
