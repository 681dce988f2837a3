// `npm run recorded -- DIR …`: recorded answers through the wires and a whole gateway into every dialect; tells what was lost.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { contentOf, isRecording } from '../test/recorded/corpus.ts'
import type { FileContent } from '../test/recorded/corpus.ts'
import { DIALECTS } from '../test/recorded/dialects.ts'
import { startRecordedGateway } from '../test/recorded/gateway.ts'
import type { RecordedGateway } from '../test/recorded/gateway.ts'
import { futureLosses, lossesIn, rechunkingLosses, saysError } from '../test/recorded/losses.ts'

const HELP = `npm run recorded -- DIR … [options]

Plays recorded answers of providers to a gateway and compares what a client of each dialect hears with what was recorded:
text, reasoning, tool calls, the end, tokens. NAME.json is a whole answer, NAME.chunks.txt one JSON chunk a line. The wire
of a file is told by what is in it.

  --rounds N   re-chunkings of each stream (default 100)
  --json       what was found as JSON on standard output
  --help       this text

Exit code 1 when something was lost.
Example: npm run recorded -- ../shared/data/recorded`

type Found = {
  readonly file: string
  readonly wire: string | null
  /** How many answers are in it. */
  readonly answers: number
  /** Why it was left out; null when it was not. */
  readonly leftOut: string | null
  readonly losses: readonly string[]
}

function filesIn(place: string): readonly string[] {
  if (!statSync(place).isDirectory()) return [place]
  return readdirSync(place, { recursive: true })
    .map((name) => path.join(place, String(name)))
    .filter((file) => isRecording(file) && statSync(file).isFile())
    .toSorted()
}

type Answers = Extract<FileContent, { readonly type: 'answers' }>

async function lossesOf(
  gateway: RecordedGateway,
  { wire, recordings }: Answers,
  rounds: number,
): Promise<readonly string[]> {
  const losses: string[] = []
  for (const recording of recordings) {
    const found: string[] = []
    const isError = saysError(wire, recording)
    for (const dialect of DIALECTS) {
      const heard = await gateway.lossesFor(wire, recording, dialect)
      const translated = isError ? [] : lossesIn(wire, recording, dialect)
      for (const loss of new Set([...heard, ...translated])) found.push(`${dialect.name}: ${loss}`)
    }
    if (!isError) found.push(...futureLosses(wire, recording, DIALECTS))
    if (recording.type === 'stream') found.push(...rechunkingLosses(wire, recording, rounds))
    const turn = recordings.length > 1 ? `${recording.name}: ` : ''
    losses.push(...found.map((loss) => turn + loss))
  }
  return losses
}

async function read(gateway: RecordedGateway, file: string, rounds: number): Promise<Found> {
  const content = contentOf(readFileSync(file, 'utf8'), file)
  if (content.type === 'other') return { file, wire: null, answers: 0, leftOut: content.why, losses: [] }
  if (content.type === 'refusal') {
    const losses: string[] = []
    for (const dialect of DIALECTS)
      for (const loss of await gateway.refusalLossesFor(content.refusal, dialect))
        losses.push(`${dialect.name}: ${loss}`)
    return { file, wire: content.refusal.wire.name, answers: 0, leftOut: null, losses }
  }
  const { wire, recordings } = content
  const losses = await lossesOf(gateway, content, rounds)
  return { file, wire: wire.name, answers: recordings.length, leftOut: null, losses }
}

function lineOf({ file, wire, answers, leftOut, losses }: Found, from: string): string {
  const name = path.relative(from, file)
  if (leftOut !== null) return `-    ${name}: ${leftOut}\n`
  const head = `${losses.length === 0 ? 'ok  ' : 'LOST'} ${name} (${wire}, ${counted(answers)})\n`
  return head + losses.map((loss) => `       ${loss}\n`).join('')
}

function counted(answers: number): string {
  return answers === 0 ? 'a refusal' : answers === 1 ? '1 answer' : `${answers} answers`
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '100' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const rounds = Number(values.rounds)
  if (values.help || positionals.length === 0) {
    process.stdout.write(`${HELP}\n`)
    return values.help ? 0 : 2
  }
  if (!Number.isInteger(rounds) || rounds < 0)
    throw new Error(`--rounds takes a whole number from 0, not '${values.rounds}'`)
  const found: Found[] = []
  await using gateway = await startRecordedGateway()
  for (const place of positionals)
    for (const file of filesIn(place)) {
      const one = await read(gateway, file, rounds)
      found.push(one)
      if (!values.json) process.stdout.write(lineOf(one, place))
    }
  const lossy = found.filter(({ losses }) => losses.length > 0)
  const heard = found.filter(({ leftOut }) => leftOut === null)
  if (values.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
  else
    process.stdout.write(
      `\n${heard.length} files of answers, ${lossy.length} with losses; ${found.length - heard.length} files are no answers of a chat\n`,
    )
  return lossy.length === 0 ? 0 : 1
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`recorded: ${error instanceof Error ? error.message : String(error)}\n`)
  return 2
})
