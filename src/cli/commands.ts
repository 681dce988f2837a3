// All commands of `weir`, in the order of the help.
import { ALERT_COMMANDS } from './alerts.ts'
import { BUDGET_COMMANDS } from './budgets.ts'
import { checkCommand } from './check.ts'
import type { Command } from './command.ts'
import { cachePurgeCommand, cacheStatsCommand } from './cache.ts'
import { DECLARED_COMMANDS } from './declared.ts'
import { drillCommand } from './drill.ts'
import { forecastCommand } from './forecast.ts'
import { explainCommand } from './explain.ts'
import { IMPORT_COMMANDS } from './import.ts'
import { replayCommand } from './replay.ts'
import { doctorCommand } from './doctor.ts'
import { KEY_COMMANDS } from './keys.ts'
import { labLabelCommand } from './lab-label.ts'
import { LAB_COMMANDS } from './lab.ts'
import { modelsCommand } from './models.ts'
import { PRICE_COMMANDS } from './prices.ts'
import { amortiseCommand } from './prices-amortise.ts'
import { BOOK_COMMANDS } from './ledger.ts'
import { LEDGER_COMMANDS } from './report.ts'
import { PROMPT_COMMANDS } from './prompts.ts'
import { QUALITY_COMMANDS } from './quality.ts'
import { reconcileCommand } from './reconcile.ts'
import { REQUEST_COMMANDS } from './requests.ts'
import { PROCESS_COMMANDS } from './serve.ts'
import { statementCommand } from './statement.ts'
import { statusCommand } from './status.ts'
import { TEAM_COMMANDS } from './teams.ts'
import { USER_COMMANDS } from './users.ts'

const [serve, version] = PROCESS_COMMANDS as readonly [Command, Command]

export const COMMANDS: readonly Command[] = [
  serve,
  checkCommand,
  doctorCommand,
  statusCommand,
  explainCommand,
  cacheStatsCommand,
  cachePurgeCommand,
  drillCommand,
  replayCommand,
  ...LAB_COMMANDS,
  labLabelCommand,
  modelsCommand,
  ...QUALITY_COMMANDS,
  ...PROMPT_COMMANDS,
  ...KEY_COMMANDS,
  ...TEAM_COMMANDS,
  ...BUDGET_COMMANDS,
  ...USER_COMMANDS,
  ...ALERT_COMMANDS,
  ...PRICE_COMMANDS,
  amortiseCommand,
  ...LEDGER_COMMANDS,
  ...BOOK_COMMANDS,
  forecastCommand,
  statementCommand,
  reconcileCommand,
  ...REQUEST_COMMANDS,
  ...DECLARED_COMMANDS,
  ...IMPORT_COMMANDS,
  version,
]
