// `weir check`: the config as the gateway would read it, and what it comes to.
import { readBoundedFile } from '../config/files.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblem, type Problem } from '../config/problem.ts'
import type { Config } from '../config/schema.ts'
import { retirementWarning } from '../routing/retirement.ts'
import type { RouteConfig } from '../config/schema-routes.ts'
import { type Arguments, type CliContext, type Command, CONFIG_OPTION, EXIT } from './command.ts'
import { printable, table, writeJson } from './format.ts'
import { type Survival, survives } from '../routing/survive.ts'
import type { Installed } from './outside.ts'

export type CheckedConfig =
  | {
      readonly ok: true
      readonly config: Config
      readonly file: string | null
      readonly installed: Installed
      readonly warnings: readonly string[]
    }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Loads the config (`file`: another one) and sets up everything that it names, without starting any of it. */
export async function checkConfig(
  args: Arguments,
  context: CliContext,
  file: string | null = null,
): Promise<CheckedConfig> {
  const named = file ?? args.text('config') ?? context.environment['WEIR_CONFIG'] ?? ''
  const loaded = await loadConfig({
    path: named === '' ? null : named,
    readFile: readBoundedFile,
    environment: context.environment,
  })
  if (!loaded.ok) return loaded
  try {
    const installed = context.outside.install(loaded.config, context.environment)
    const warnings = [...loaded.warnings, ...retirements(loaded.config, installed, context.clock.now())]
    return { ok: true, config: loaded.config, file: loaded.file, installed, warnings }
  } catch (error) {
    if (!(error instanceof Error) || !('path' in error) || typeof error.path !== 'string') throw error
    return { ok: false, problems: [loaded.problemAt(error.path, error.message)] }
  }
}

/** Routes whose models are withdrawn by their vendors, or soon will be. */
function retirements({ routes }: Config, { models }: Installed, now: number): readonly string[] {
  const known = new Map(models.map((model) => [model.id, model]))
  return Object.entries(routes).flatMap(([name, { targets, fallbacks }]) =>
    [...targets, ...fallbacks].flatMap(({ use }) => {
      const model = known.get(use)
      const warning = model === undefined ? null : retirementWarning(model, now)
      return warning === null ? [] : [`routes.${name}: ${warning}`]
    }),
  )
}

const SOURCES: Readonly<Record<Installed['from'], string>> = {
  config: 'from the config',
  environment: 'found by their environment variables',
  simulator: 'no provider is set up, so the built-in simulator answers',
}

export const checkCommand: Command = {
  name: 'check',
  summary: 'Check the config file and print what it comes to',
  details:
    'Prints every problem as file:line:column: message (hint), and then exits with 1. Nothing is started, and no provider is called.',
  options: {
    survive: {
      type: 'boolean',
      description: 'Tell which routes survive the loss of each provider; exits with 1 where one does not',
    },
    ...CONFIG_OPTION,
  },
  examples: [
    { command: 'weir check --config weir.yaml', what: 'before a reload' },
    { command: 'weir check --survive', what: 'whether a provider may go down' },
    { command: 'weir check --json', what: 'for a script' },
  ],
  run: async (args, context) => {
    const checked = await checkConfig(args, context)
    if (args.flag('json')) context.stdout(writeJson(checked.ok ? summaryJson(checked) : checked))
    else if (checked.ok) {
      for (const warning of checked.warnings) context.stderr(`warning: ${printable(warning)}\n`)
      const { survival } = checked.installed
      context.stdout(args.flag('survive') ? survivalText(survival, context.colour) : summary(checked, context.colour))
    } else {
      for (const problem of checked.problems) context.stdout(`${printable(formatProblem(problem))}\n`)
      context.stderr(`${plural(checked.problems.length, 'problem')}; the gateway would not take this config.\n`)
    }
    if (!checked.ok) return EXIT.failed
    return args.flag('survive') && !checked.installed.survival.every(survives) ? EXIT.failed : EXIT.ok
  },
}

type Good = Extract<CheckedConfig, { ok: true }>

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

function modelsOf(installed: Installed, owner: string): readonly string[] {
  return installed.models.filter((model) => model.ownedBy === owner).map((model) => model.id)
}

function summary({ config, file, installed }: Good, colour: boolean): string {
  const left = (title: string) => ({ title, align: 'left' }) as const
  const right = (title: string) => ({ title, align: 'right' }) as const
  const routes = Object.entries(config.routes)
  const parts = [
    `${file ?? 'No config file'}: no problem found.\n`,
    `Listens on ${config.server.listen}, administration on ${config.server.adminListen}.\n`,
    `\nProviders (${SOURCES[installed.from]}):\n`,
    table(
      [left('provider'), left('preset'), left('base URL'), right('keys'), right('known models')],
      installed.providers.map((provider) => [
        provider.name,
        provider.preset,
        provider.baseUrl,
        String(provider.credentials.length),
        String(modelsOf(installed, provider.name).length),
      ]),
      colour,
    ),
  ]
  if (routes.length > 0)
    parts.push(
      '\nRoutes:\n',
      table(
        [left('route'), left('strategy'), left('targets')],
        routes.map(([name, route]) => [name, route.strategy, writtenTargets(route)]),
        colour,
      ),
    )
  return parts.join('')
}

function survivalText(survival: readonly Survival[], colour: boolean): string {
  if (survival.length === 0)
    return 'There is no route: names of models have no fallback but other providers of the same model.\n'
  const left = (title: string) => ({ title, align: 'left' }) as const
  return table(
    [left('route'), left('without'), left('survives'), left('who answers then')],
    survival.flatMap(({ route, losses }) =>
      losses.map(({ provider, left: others, lost }) => [
        route,
        provider,
        lost.length === 0 ? 'yes' : `no: ${lost.join(', ')}`,
        others.join(', ') || 'nobody',
      ]),
    ),
    colour,
  )
}

function writtenTargets({ byTask, targets, fallbacks, strategy }: RouteConfig): string {
  return [
    ...Object.entries(byTask).map(([task, { use }]) => `${task} → ${use}`),
    ...targets.map(({ use, weight }) => (strategy === 'weighted' ? `${use} ×${weight}` : use)),
    ...fallbacks.map(({ use }) => `then ${use}`),
  ].join(', ')
}

function summaryJson({ config, file, installed, warnings }: Good): unknown {
  return {
    ok: true,
    file,
    warnings,
    listen: config.server.listen,
    admin_listen: config.server.adminListen,
    providers_from: installed.from,
    providers: installed.providers.map((provider) => ({
      name: provider.name,
      preset: provider.preset,
      base_url: provider.baseUrl,
      keys: provider.credentials.length,
      models: modelsOf(installed, provider.name),
    })),
    survival: installed.survival,
    routes: Object.entries(config.routes).map(([name, route]) => ({
      name,
      strategy: route.strategy,
      targets: route.targets.map((target) => ({ ...target })),
      fallbacks: route.fallbacks.map((target) => ({ ...target })),
      by_task: route.byTask,
    })),
  }
}
