// `weir lab label`: answers that a person finds good or not, from a file, or asked one by one.
import { readBoundedFile } from '../config/files.ts'
import { numberOf, objectsOf, parseObject, stringOf } from '../core/json-read.ts'
import type { JsonObject } from '../core/json.ts'
import { ADMIN_OPTIONS, askAdmin } from './admin-call.ts'
import { type Arguments, type CliContext, type Command, CliError, EXIT, UsageError } from './command.ts'
import { printable, writeJson } from './format.ts'
import { readInteger, required } from './read.ts'

type Unlabelled = { readonly prompt: string; readonly answer: string; readonly good: boolean | null }
type Labelled = { readonly prompt: string; readonly answer: string; readonly good: boolean }

/** The admin API takes so many at once. */
const BATCH = 500
const MAX_FILE_BYTES = 64 * 1024 ** 2

export const labLabelCommand: Command = {
  name: 'lab label',
  summary: 'Say of answers whether they are good, so that judges can be measured',
  details:
    'Each line of the file is one answer: {"prompt": "…", "answer": "…", "good": true}. Lines without `good` are shown one by one in a terminal: y, n, s to skip, q to end. A judge takes at least 10 good and 10 bad ones; 100 to 200 are better. For a judge that compares, good and bad answers have to be to the same prompts.',
  options: {
    file: { type: 'positional', description: 'JSON lines; - reads them from the input' },
    kept: { type: 'string', valueHint: 'n', description: 'Instead of a file: the newest kept answers without a label' },
    route: { type: 'string', valueHint: 'name', description: 'With --kept: only answers of this route' },
    ...ADMIN_OPTIONS,
  },
  examples: [
    { command: 'weir lab label labels.jsonl', what: 'labels of a file' },
    { command: 'weir lab label - < labels.jsonl', what: 'of another program' },
    { command: 'weir lab label --kept 50 --route chat', what: 'kept answers, one by one' },
  ],
  run: async (args, context) => {
    const kept = readInteger(args, 'kept', 1, 200)
    const file = kept === null ? required(args, 'file', true) : null
    const given = kept === null ? linesOf(await textOf(file ?? '-', context)) : await keptOf(args, context, kept)
    const open = given.filter(({ good }) => good === null)
    if (open.length > 0 && (file === '-' || context.isTerminal !== true))
      throw new UsageError(
        `${open.length} of ${given.length} lines have no \`good\`.`,
        'Write true or false, or call this in a terminal with the file’s name to be asked.',
      )
    const labels: Labelled[] = []
    let asked = 0
    let isOver = false
    for (const { prompt, answer, good } of given) {
      if (good !== null) {
        labels.push({ prompt, answer, good })
        continue
      }
      if (isOver) continue
      context.stdout(`\n── ${++asked} of ${open.length} ──\n${shown(prompt)}\n── answer ──\n${shown(answer)}\n`)
      const word = await context.outside.askPerson('Good? [y/n/s/q] ')
      isOver = word === 'q' || word === null
      if (word === 'y' || word === 'n') labels.push({ prompt, answer, good: word === 'y' })
    }
    let counts: JsonObject = await askAdmin(args, context, { method: 'GET', path: '/admin/labels' })
    for (let from = 0; from < labels.length; from += BATCH)
      counts = await askAdmin(args, context, {
        method: 'POST',
        path: '/admin/labels',
        body: { labels: labels.slice(from, from + BATCH) },
      })
    if (args.flag('json')) context.stdout(writeJson({ added: labels.length, ...counts }))
    else
      context.stdout(
        `${labels.length} labels added. There are ${countOf(counts, 'good')} good and ${countOf(counts, 'bad')} bad ones.\n`,
      )
    return EXIT.ok
  },
}

function countOf(counts: JsonObject, name: string): number {
  return numberOf(counts, name) ?? 0
}

async function textOf(file: string, { outside }: CliContext): Promise<string> {
  return file === '-' ? outside.readInput() : read(file)
}

async function keptOf(args: Arguments, context: CliContext, limit: number): Promise<readonly Unlabelled[]> {
  const route = args.text('route')
  const query = `limit=${limit}${route === null ? '' : `&route=${encodeURIComponent(route)}`}`
  const page = await askAdmin(args, context, { method: 'GET', path: `/admin/labels/open?${query}` })
  const found = objectsOf(page, 'data').flatMap((row): Unlabelled[] => {
    const prompt = stringOf(row, 'prompt')
    const answer = stringOf(row, 'answer')
    return prompt === null || answer === null ? [] : [{ prompt, answer, good: null }]
  })
  if (found.length > 0) return found
  throw new CliError(
    'No answer is kept that has no label yet.',
    'What is kept is said by `prompts.keep` of the configuration.',
  )
}

async function read(file: string): Promise<string> {
  try {
    return new TextDecoder().decode(await readBoundedFile(file, MAX_FILE_BYTES))
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`)
  }
}

function linesOf(text: string): readonly Unlabelled[] {
  const lines = text.split('\n').flatMap((line, index): Unlabelled[] => {
    if (line.trim() === '') return []
    const object = parseObject(line)
    const prompt = object === null ? null : stringOf(object, 'prompt')
    const answer = object === null ? null : stringOf(object, 'answer')
    const good = object?.['good'] ?? null
    if (prompt !== null && answer !== null && (good === null || typeof good === 'boolean'))
      return [{ prompt, answer, good }]
    throw new CliError(
      `Line ${index + 1} is no label.`,
      'A line is {"prompt": "…", "answer": "…", "good": true}; without `good` it is asked.',
    )
  })
  if (lines.length === 0) throw new CliError('There is no line in it.')
  return lines
}

/** Line by line, without what would move a cursor. */
function shown(text: string): string {
  return text.split('\n').map(printable).join('\n')
}
