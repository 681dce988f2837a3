// `weir serve` and `weir version`.
import { VERSION } from '../version.ts'
import { type Command, CONFIG_OPTION, DATA_OPTION, EXIT } from './command.ts'
import { writeJson } from './format.ts'

// Options are the environment variables of the same things: the gateway knows one way of being told.
const AS_VARIABLE: readonly (readonly [option: string, variable: string])[] = [
  ['config', 'WEIR_CONFIG'],
  ['data', 'WEIR_DATA'],
  ['listen', 'WEIR_LISTEN'],
  ['admin-listen', 'WEIR_ADMIN_LISTEN'],
  ['log-level', 'WEIR_LOG_LEVEL'],
  ['log-format', 'WEIR_LOG_FORMAT'],
]

const serve: Command = {
  name: 'serve',
  summary: 'Run the gateway',
  details:
    'SIGTERM and SIGINT let requests in flight finish and then stop it; SIGHUP reads the config again. With --json it logs JSON lines.',
  options: {
    ...CONFIG_OPTION,
    ...DATA_OPTION,
    listen: {
      type: 'string',
      valueHint: 'address',
      description: 'Where clients connect. Default: WEIR_LISTEN, else the config’s',
    },
    'admin-listen': { type: 'string', valueHint: 'address', description: 'Where the admin API listens' },
    'log-level': { type: 'string', valueHint: 'level', description: 'debug, info, warn or error' },
    'log-format': { type: 'string', valueHint: 'format', description: 'json or text' },
  },
  examples: [{ command: 'weir serve --config weir.yaml --listen :9000', what: 'on another port' }],
  run: async (args, context) => {
    const environment = { ...context.environment }
    if (args.flag('json')) environment['WEIR_LOG_FORMAT'] = 'json'
    for (const [option, variable] of AS_VARIABLE) {
      const value = args.text(option)
      if (value !== null) environment[variable] = value
    }
    await context.outside.serve(environment)
    return EXIT.ok
  },
}

const version: Command = {
  name: 'version',
  summary: 'Print the version',
  details: null,
  options: {},
  examples: [{ command: 'weir version --json', what: 'with that of the runtime' }],
  run: async (args, context) => {
    context.stdout(args.flag('json') ? writeJson({ weir: VERSION, bun: Bun.version }) : `weir ${VERSION}\n`)
    return EXIT.ok
  },
}

export const PROCESS_COMMANDS: readonly Command[] = [serve, version]
