// The default store: one SQLite file in WAL mode, one connection, every method of the contract. Other processes (the
// command line) may open the same file; SQLite makes their writes wait for each other.
import { createAdminStore } from './sqlite-admin.ts'
import { createAlertStore } from './sqlite-alerts.ts'
import { createBatchStore } from './sqlite-batches.ts'
import { createBookStore } from './sqlite-books.ts'
import { createBudgetStore } from './sqlite-budgets.ts'
import { createCacheStore } from './sqlite-cache.ts'
import { guarded, openConnection, type SqliteOptions } from './sqlite-connection.ts'
import { createDrillStore } from './sqlite-drills.ts'
import { createEvidenceStore } from './sqlite-evidence.ts'
import { createExperimentStore } from './sqlite-experiments.ts'
import { createFileStore } from './sqlite-files.ts'
import { createKeyStore } from './sqlite-keys.ts'
import { createLedgerStore } from './sqlite-ledger.ts'
import { createPriceStore } from './sqlite-prices.ts'
import { createPromptStore } from './sqlite-prompts.ts'
import { createReportStore } from './sqlite-reports.ts'
import { createRequestStore } from './sqlite-requests.ts'
import { createResponseStore } from './sqlite-responses.ts'
import { createSalesReports } from './sqlite-sales.ts'
import { createCodeStore } from './sqlite-user-codes.ts'
import { createUserStore } from './sqlite-users.ts'
import type { Store } from './store.ts'

/** Opens or creates the store and brings its schema up to date. Throws `store_unavailable`, naming the path, when it cannot be used. */
export function openSqliteStore(options: SqliteOptions): Store {
  const database = openConnection(options)
  const check = database.statement('SELECT count(*) FROM settings')
  return {
    ...createKeyStore(database),
    ...createAdminStore(database),
    ...createLedgerStore(database),
    ...createBudgetStore(database),
    ...createBookStore(database),
    ...createPriceStore(database),
    ...createRequestStore(database),
    ...createReportStore(database),
    ...createResponseStore(database),
    ...createFileStore(database),
    ...createBatchStore(database),
    ...createDrillStore(database),
    ...createExperimentStore(database),
    ...createCacheStore(database),
    ...createUserStore(database),
    ...createCodeStore(database),
    ...createSalesReports(database),
    ...createAlertStore(database),
    ...createEvidenceStore(database),
    ...createPromptStore(database),
    ping: () =>
      guarded(() => {
        check.get()
      }),
    close: () => guarded(() => database.close()),
  }
}
