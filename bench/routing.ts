// `npm run bench:routing [-- --data DIR] [--json]`: what the quality strategy saves on recorded answers, beside the routers it must beat.
import { existsSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { averageQuality, callShare, hullOf, type Point, type Savings, savingsOf } from './routing-curve.ts'
import { type Expectation, FOLDS, lengthOnly, meanKnown, oracle, replay, sweep } from './routing-play.ts'
import { readTables, type Table, type TableRow } from './routing-table.ts'

type Figures = { readonly save: Savings; readonly aiq: number }

type Part = Figures & {
  readonly prompts: number
  readonly zero: Figures
  readonly random: Figures
  readonly lengthOnly: Figures
  readonly oracle: Figures & { readonly quality: number }
  readonly best: { readonly model: string; readonly quality: number; readonly usd: number }
  /** Share of calls to the stronger of two models that closes 50 and 80 % of the gap; null with more models than two. */
  readonly cpt: { readonly '50': number | null; readonly '80': number | null } | null
}

type Line = Part & {
  readonly table: string
  readonly models: number
  readonly folds: number
  readonly decisionUs: { readonly p50: number; readonly p99: number }
  /** The same for each source within the table, where there are several. */
  readonly datasets: { readonly [dataset: string]: Part }
}

const DEFAULT_DATA = '../shared/data/routing'
/** Sources with fewer prompts are part of the table's figures, but have none of their own. */
const MIN_PART = 200

const { values } = parseArgs({ options: { data: { type: 'string' }, json: { type: 'boolean', default: false } } })
const folder = values.data ?? DEFAULT_DATA
if (!existsSync(folder) || !statSync(folder).isDirectory()) {
  console.error(`no folder ${folder}: name one that holds NAME.prompts.jsonl.gz and NAME.outcomes.jsonl.gz with --data`)
  process.exit(2)
}
const tables = tablesOf(folder)
if (tables.length === 0) {
  console.error(`${folder} holds no table: NAME.prompts.jsonl[.gz] beside NAME.outcomes.jsonl[.gz]`)
  process.exit(2)
}
for (const table of tables) {
  for (const note of table.notes) console.error(`${table.name}: ${note}`)
  if (table.problem !== null) {
    console.error(`${table.name}: ${table.problem}`)
    process.exitCode = 1
    continue
  }
  const line = measure(table)
  if (values.json) console.log(JSON.stringify(line))
  else print(line)
}

function tablesOf(place: string): Table[] {
  try {
    return readTables(place)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exit(2)
  }
}

function measure(table: Table): Line {
  const { expected, decisionUs } = replay(table)
  const others = { lengthOnly: lengthOnly(table), oracle: oracle(table) }
  const datasets = [...Map.groupBy(table.rows, ({ dataset }) => dataset)].filter(([, rows]) => rows.length >= MIN_PART)
  const parts = datasets.length < 2 ? [] : datasets
  return {
    table: table.name,
    models: table.models.length,
    folds: FOLDS,
    ...measurePart(table, expected, others, () => true),
    decisionUs: { p50: quantile(decisionUs, 0.5), p99: quantile(decisionUs, 0.99) },
    datasets: Object.fromEntries(
      parts.map(([name]) => [name, measurePart(table, expected, others, ({ dataset }) => dataset === name)]),
    ),
  }
}

function measurePart(
  table: Table,
  expected: readonly Expectation[],
  others: { readonly lengthOnly: readonly Expectation[]; readonly oracle: readonly Expectation[] },
  isCounted: (row: TableRow) => boolean,
): Part {
  const rows = table.rows.filter(isCounted)
  const singles = table.models.map((model, each) => ({
    model,
    quality: meanKnown(rows.map(({ quality }) => quality[each]!)),
    usd: meanKnown(rows.map(({ costUsd }) => costUsd[each]!)),
  }))
  const best = singles.reduce((most, each) => (each.quality > most.quality ? each : most))
  const cheapest = singles.reduce((least, each) => (each.usd < least.usd ? each : least))
  const dearest = singles.reduce((most, each) => (each.usd > most.usd ? each : most))
  const figures = (points: readonly Point[]): Figures => {
    const hull = hullOf(points)
    return { save: savingsOf(hull, best), aiq: averageQuality(hull, cheapest.usd, dearest.usd) }
  }
  const curve = (expectations: readonly Expectation[]): Point[] => sweep(table, expectations, best.usd, isCounted)
  const ideal = curve(others.oracle)
  return {
    prompts: rows.length,
    ...figures(curve(expected)),
    zero: figures(singles),
    random: figures([cheapest, best]),
    lengthOnly: figures(curve(others.lengthOnly)),
    oracle: { ...figures(ideal), quality: Math.max(...ideal.map(({ quality }) => quality)) },
    best,
    cpt: table.models.length === 2 ? callShares(table, expected, isCounted, singles) : null,
  }
}

function callShares(
  table: Table,
  expected: readonly Expectation[],
  isCounted: (row: TableRow) => boolean,
  singles: readonly Point[],
): Part['cpt'] {
  const strong = singles[0]!.quality > singles[1]!.quality ? 0 : 1
  const pairs = table.rows.flatMap((row, position) => {
    if (!isCounted(row) || row.quality.some((score) => Number.isNaN(score))) return []
    const { quality } = expected[position]!
    const gain = quality[strong]! - quality[1 - strong]!
    return [{ gain, weak: row.quality[1 - strong]!, strong: row.quality[strong]! }]
  })
  return { '50': callShare(pairs, 0.5), '80': callShare(pairs, 0.8) }
}

function quantile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!)
}

function print(line: Line): void {
  console.log(`\n${line.table}: ${line.models} models, ${line.prompts} prompts, ${line.folds} folds`)
  console.log(`decision: ${line.decisionUs.p50} µs median, ${line.decisionUs.p99} µs p99`)
  printPart(line)
  for (const [name, part] of Object.entries(line.datasets)) {
    console.log(`  ${name}: ${part.prompts} prompts`)
    printPart(part)
  }
}

function printPart(part: Part): void {
  console.log(
    `best single: ${part.best.model}, quality ${part.best.quality.toFixed(4)}, $${part.best.usd.toPrecision(3)} each`,
  )
  console.log('                 saved at 100 %   99 %   95 %   90 % of its quality    AIQ')
  const row = (name: string, { save, aiq }: Figures): void => {
    const saved = (share: number | null): string => (share === null ? '–' : (100 * share).toFixed(1)).padStart(7)
    const shown = [save['100'], save['99'], save['95'], save['90']].map(saved).join('')
    console.log(`  ${name.padEnd(20)}${shown}                ${aiq.toFixed(4)}`)
  }
  row('weir', part)
  row('zero router', part.zero)
  row('coin', part.random)
  row('length only', part.lengthOnly)
  row('oracle', part.oracle)
  if (part.cpt === null) return
  const calls = (share: number | null): string => (share === null ? '–' : `${(100 * share).toFixed(1)} %`)
  console.log(
    `  calls to the stronger model for half of the gap: ${calls(part.cpt['50'])}, for 80 %: ${calls(part.cpt['80'])}`,
  )
}
