// `weir doctor`: whether everything that the gateway needs is as it should be. Each check is a row; none stops the others.
import { printable, paint, writeElapsed, writeJson } from './format.ts'
import { type CheckedConfig, checkConfig } from './check.ts'
import { type Arguments, type CliContext, type Command, CONFIG_OPTION, DATA_OPTION, EXIT } from './command.ts'
import {
  checkClock,
  checkDataFolder,
  checkFiles,
  checkStore,
  type Finding,
  type FindingStatus,
} from './doctor-local.ts'
import { dataFolder } from './local.ts'
import { formatProblem } from '../config/problem.ts'
import { parseListen } from '../config/values.ts'
import type { ProbeResult } from './outside.ts'

/** Clocks further apart than this make signatures, rate limit resets and budget windows wrong. */
const CLOCK_TOLERANCE_MS = 60_000

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Check config, data folder, store, clock, ports and providers',
  details:
    'Each provider is asked for its list of models with each of its keys, which costs nothing. Exits with 1 when something is wrong; warnings are no failure.',
  options: {
    offline: { type: 'boolean', description: 'Call no provider' },
    ...CONFIG_OPTION,
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir doctor', what: 'before the first start, or when something is odd' },
    { command: 'weir doctor --offline --json', what: 'for a script without network' },
  ],
  run: async (args, context) => {
    const findings = await examine(args, context)
    const failed = findings.some((finding) => finding.status === 'fail')
    if (args.flag('json')) context.stdout(writeJson({ ok: !failed, checks: findings }))
    else {
      for (const finding of findings) context.stdout(line(finding, context.colour))
      const count = (status: FindingStatus) => findings.filter((finding) => finding.status === status).length
      context.stdout(`\n${count('ok')} ok, ${count('warn')} warnings, ${count('fail')} failed\n`)
    }
    return failed ? EXIT.failed : EXIT.ok
  },
}

const MARKS = {
  ok: { word: 'ok  ', shade: 'green' },
  warn: { word: 'warn', shade: 'yellow' },
  fail: { word: 'FAIL', shade: 'red' },
} as const

function line(finding: Finding, colour: boolean): string {
  const { word, shade } = MARKS[finding.status]
  const hint = finding.hint === null ? '' : ` (${finding.hint})`
  return `${paint(word, shade, colour)}  ${printable(`${finding.subject}: ${finding.message}${hint}`)}\n`
}

async function examine(args: Arguments, context: CliContext): Promise<Finding[]> {
  const folder = dataFolder(args, context)
  const checked = await checkConfig(args, context)
  return [
    ...checkedConfig(checked),
    ...checkDataFolder(folder, context.environment),
    ...(await checkStore(folder, context.environment)),
    ...(await checkClock(folder, context)),
    ...checkFiles(context.outside.maxOpenFiles(), checked.ok ? checked.config.server.maxInFlight : null),
    ...(checked.ok ? await checkPorts(checked, context) : []),
    ...(checked.ok ? await checkProviders(checked, context, args.flag('offline')) : []),
  ]
}

function checkedConfig(checked: CheckedConfig): Finding[] {
  if (!checked.ok)
    return checked.problems.map((problem) => ({
      status: 'fail',
      subject: 'config',
      message: formatProblem(problem),
      hint: null,
    }))
  const read = {
    status: 'ok',
    subject: 'config',
    message: checked.file ?? 'no file, which is fine',
    hint: null,
  } as const
  return [
    read,
    ...checked.warnings.map((message): Finding => ({ status: 'warn', subject: 'config', message, hint: null })),
  ]
}

type Good = Extract<CheckedConfig, { ok: true }>

async function checkPorts({ config }: Good, context: CliContext): Promise<Finding[]> {
  const listeners = [
    ['listen', config.server.listen],
    ['admin_listen', config.server.adminListen],
  ] as const
  return Promise.all(
    listeners.map(async ([field, written]): Promise<Finding> => {
      const subject = `port ${written}`
      const address = parseListen(written)
      const state = address === null ? null : await context.outside.portState(address.host, address.port)
      switch (state?.type) {
        case 'free':
          return { status: 'ok', subject, message: 'free', hint: null }
        case 'weir':
          return { status: 'ok', subject, message: 'a gateway answers there', hint: null }
        case 'taken':
          return {
            status: 'fail',
            subject,
            message: 'another program has it',
            hint: `Stop it, or set \`server.${field}\`.`,
          }
        case 'closed':
        case undefined:
          return {
            status: 'fail',
            subject,
            message: `it cannot be listened on${state === null || state === undefined ? '' : `: ${state.reason}`}`,
            hint: `Set \`server.${field}\` to an address of this machine.`,
          }
      }
    }),
  )
}

async function checkProviders({ installed }: Good, context: CliContext, offline: boolean): Promise<Finding[]> {
  const probes: Promise<Finding[]>[] = []
  const note = (subject: string, message: string) =>
    probes.push(Promise.resolve([{ status: 'ok', subject, message, hint: null }]))
  for (const provider of installed.providers) {
    const { name: subject } = provider
    if (provider.baseUrl.startsWith('simulator:')) note(subject, 'built in')
    else if (offline) note(subject, 'not called (--offline)')
    else
      for (const credential of provider.credentials.length === 0 ? [null] : provider.credentials)
        probes.push(
          context.outside
            .probe(provider, credential)
            .then((result) => probed(credential?.id ?? subject, result, context.clock.now())),
        )
  }
  return (await Promise.all(probes)).flat()
}

function probed(subject: string, result: ProbeResult, now: number): Finding[] {
  if (result.type === 'failed')
    return [
      {
        status: 'fail',
        subject,
        message: `not reachable: ${result.reason}`,
        hint: 'Check its base URL, the network and the proxy.',
      },
    ]
  const { status } = result
  const answered = `${status} in ${writeElapsed(result.durationMs)}`
  const finding = judge(subject, status, answered)
  const skewMs = result.dateMs === null ? 0 : now - result.dateMs
  if (Math.abs(skewMs) <= CLOCK_TOLERANCE_MS) return [finding]
  const message = `this machine’s clock is ${writeElapsed(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} ${subject}’s`
  return [finding, { status: 'warn', subject: 'clock', message, hint: 'Turn on time synchronisation.' }]
}

function judge(subject: string, status: number, answered: string): Finding {
  if (status >= 200 && status < 300) return { status: 'ok', subject, message: `${answered}, key ok`, hint: null }
  if (status === 401 || status === 403)
    return {
      status: 'fail',
      subject,
      message: `${answered}: it refuses the key`,
      hint: 'Check the key, and that it is of this provider.',
    }
  if (status === 404 || status === 405)
    return {
      status: 'ok',
      subject,
      message: `${answered}: reachable; it has no list of models, so the key was not tried`,
      hint: null,
    }
  if (status === 429)
    return { status: 'warn', subject, message: `${answered}: reachable, and limiting this key now`, hint: null }
  return {
    status: 'warn',
    subject,
    message: `${answered}: reachable, with an error`,
    hint: 'Look at the status page of the provider.',
  }
}
