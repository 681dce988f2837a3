// The table of known models as facts, and which of its rows a host's own name for a model means.
//
// A host that has rows of its own is taken at their word. Elsewhere a name may stand for a maker's model (`openai/gpt-5`,
// `us.anthropic.claude-opus-5-v1:0`): then what the model can do is known, while limits and dates are the host's own
// business, unless the maker's models are served alike everywhere.
import {
  ABILITIES,
  type Abilities,
  type Ability,
  type ModelFacts,
  type ModelKind,
  NO_FACTS,
} from '../core/model-facts.ts'
import { KNOWN_MODELS } from './known-models.ts'

const ROW =
  /^(?<vendor>\S+) (?<id>\S+) (?<kind>\S+) (?<input>\S+) (?<output>\S+) (?<abilities>\S+) (?<from>\S+) (?<until>\S+) (?<successor>\S+)$/

/** Makers whose names are looked for at every host. `closed`: nobody but them decides about the model's limits. */
const MAKERS: readonly { readonly vendor: string; readonly closed: boolean }[] = [
  { vendor: 'openai', closed: true },
  { vendor: 'anthropic', closed: true },
  { vendor: 'google', closed: true },
  { vendor: 'x-ai', closed: true },
  { vendor: 'cohere', closed: true },
  { vendor: 'mistral', closed: false },
  { vendor: 'deepseek', closed: false },
  { vendor: 'moonshotai', closed: false },
  { vendor: 'zai', closed: false },
  { vendor: 'minimax', closed: false },
]

const KNOWN: ReadonlyMap<string, ReadonlyMap<string, ModelFacts>> = parseKnown(KNOWN_MODELS)

/** The table as facts by vendor and id in small letters. Throws on a line that is none. */
export function parseKnown(table: string): ReadonlyMap<string, ReadonlyMap<string, ModelFacts>> {
  const vendors = new Map<string, Map<string, ModelFacts>>()
  for (const line of table.trim().split('\n')) {
    const row = ROW.exec(line)?.groups
    if (row === undefined) throw new Error(`no line of known models: ${line}`)
    let models = vendors.get(row['vendor']!)
    if (models === undefined) vendors.set(row['vendor']!, (models = new Map()))
    models.set(row['id']!.toLowerCase(), {
      ...NO_FACTS,
      // Such models chat, at an address of their own.
      kind: row['kind'] === 'responses' ? 'chat' : (row['kind'] as ModelKind),
      responsesOnly: row['kind'] === 'responses' ? true : null,
      maxInputTokens: numberIn(row['input']!),
      maxOutputTokens: numberIn(row['output']!),
      abilities: abilitiesIn(row['abilities']!),
      releasedOn: textIn(row['from']!),
      retiredOn: textIn(row['until']!),
      successor: textIn(row['successor']!),
    })
  }
  return vendors
}

function textIn(cell: string): string | null {
  return cell === '.' ? null : cell
}

function numberIn(cell: string): number | null {
  return cell === '.' ? null : Number(cell)
}

function abilitiesIn(cell: string): Abilities {
  const abilities: { [ability in Ability]?: boolean } = {}
  for (const [, sign, name] of cell.matchAll(/([+-])([a-z_]+)/g)) {
    const ability = ABILITIES.find((one) => one === name)
    if (ability !== undefined) abilities[ability] = sign === '+'
  }
  return abilities
}

/** What the table says of a model of a vendor (a name of the price catalogue or of a preset). */
export function knownFacts(vendor: string, model: string): ModelFacts {
  const names = namesOf(model)
  const made = makersOwn(names)
  const own = KNOWN.get(vendor)
  for (const name of names) {
    const facts = own?.get(name)
    if (facts !== undefined) return { ...facts, maker: isMaker(vendor) ? vendor : (made?.facts.maker ?? null) }
  }
  return made === null ? NO_FACTS : elsewhere(made.facts, made.closed)
}

function isMaker(vendor: string): boolean {
  return MAKERS.some((maker) => maker.vendor === vendor)
}

/** The row of whoever makes a model of one of these names. */
function makersOwn(names: readonly string[]): { readonly facts: ModelFacts; readonly closed: boolean } | null {
  for (const { vendor: maker, closed } of MAKERS)
    for (const name of names) {
      const facts = KNOWN.get(maker)?.get(name)
      if (facts !== undefined) return { facts: { ...facts, maker }, closed }
    }
  return null
}

function elsewhere(facts: ModelFacts, closed: boolean): ModelFacts {
  const { maker, kind, abilities, releasedOn, maxInputTokens, maxOutputTokens } = facts
  return { ...NO_FACTS, maker, kind, abilities, releasedOn, ...(closed ? { maxInputTokens, maxOutputTokens } : {}) }
}

/** What hosts add to a maker's id, outermost first: each is taken off in turn. */
const ADDITIONS: readonly RegExp[] = [
  /^(?:models|publishers)\//,
  /^.*\//,
  /^(?:us|us-gov|eu|apac|au|ca|jp|global|regional)\./,
  /^(?:anthropic|openai|mistral|deepseek|cohere|google|moonshotai|minimax|zai)\./,
  /:[a-z]+$/,
  /-v\d+(?::\d+)?$/,
  /@.*$/,
  /-(?:20\d{2}-\d{2}-\d{2}|20\d{6})$/,
  /-latest$/,
]

function namesOf(model: string): readonly string[] {
  let name = model.toLowerCase()
  const names = [name]
  for (const addition of ADDITIONS) {
    const bare = name.replace(addition, '')
    if (bare === name || bare === '') continue
    name = bare
    names.push(name)
  }
  return names
}
