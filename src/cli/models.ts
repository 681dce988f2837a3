// `weir models`: what callers can name, with limits, abilities, dates and prices.
import { ABILITIES, type Ability, MODEL_KINDS } from '../core/model-facts.ts'
import { filterModels, type ListedModel, listedModelJson, usdPerMillion } from '../models/listed-model.ts'
import { formatProblem } from '../config/problem.ts'
import { checkConfig } from './check.ts'
import { type Arguments, type Command, CONFIG_OPTION, EXIT, UsageError } from './command.ts'
import { orDash, printable, table, writeCount, writeJson } from './format.ts'
import { readChoice, readList } from './read.ts'

export const modelsCommand: Command = {
  name: 'models',
  summary: 'List the models that callers can name, with what is known of them',
  details:
    'Routes come first. What is not known is left open (`-`): such a model is never passed over for it. Prices are dollars per million tokens.',
  options: {
    search: { type: 'positional', description: 'A part of the name' },
    provider: { type: 'string', valueHint: 'name', description: 'Only those of one provider; weir for routes' },
    kind: { type: 'string', valueHint: 'kind', description: `Only one kind: ${MODEL_KINDS.join(', ')}` },
    with: {
      type: 'string',
      valueHint: 'list',
      description: `Only those known to have all of these: ${ABILITIES.join(', ')}`,
    },
    ...CONFIG_OPTION,
  },
  examples: [
    { command: 'weir models --with tools,vision', what: 'what can look at a picture and call tools' },
    { command: 'weir models claude --json', what: 'everything that is known, for a script' },
  ],
  run: async (args, context) => {
    const filter = {
      search: args.text('search') ?? undefined,
      provider: args.text('provider') ?? undefined,
      kind: readChoice(args, 'kind', MODEL_KINDS) ?? undefined,
      abilities: readAbilities(args),
    }
    const checked = await checkConfig(args, context)
    if (!checked.ok) {
      for (const problem of checked.problems) context.stderr(`${printable(formatProblem(problem))}\n`)
      return EXIT.failed
    }
    const models = filterModels(checked.installed.models, filter)
    if (args.flag('json')) context.stdout(writeJson(models.map(listedModelJson)))
    else context.stdout(table(COLUMNS, models.map(rowOf), context.colour))
    return EXIT.ok
  },
}

function readAbilities(args: Arguments): readonly Ability[] {
  return (readList(args, 'with') ?? []).map((word) => {
    const ability = ABILITIES.find((one) => one === word)
    if (ability === undefined)
      throw new UsageError(`--with takes ${ABILITIES.join(', ')}; found ${JSON.stringify(word)}.`)
    return ability
  })
}

const COLUMNS = [
  { title: 'model', align: 'left' },
  { title: 'context', align: 'right' },
  { title: 'output', align: 'right' },
  { title: '$ in', align: 'right' },
  { title: '$ out', align: 'right' },
  { title: 'retired', align: 'left' },
  { title: 'abilities', align: 'left' },
] as const

function rowOf({ id, facts, rates }: ListedModel): readonly string[] {
  const prices = rates === null ? {} : usdPerMillion(rates)
  const context = facts.contextTokens ?? facts.maxInputTokens
  const able = ABILITIES.filter((ability) => facts.abilities[ability] === true)
  return [
    id,
    context === null ? '-' : writeCount(context),
    facts.maxOutputTokens === null ? '-' : writeCount(facts.maxOutputTokens),
    orDash(prices['input']),
    orDash(prices['output']),
    orDash(facts.retiredOn),
    able.length > 0 ? able.join(' ') : orDash(facts.kind),
  ]
}
