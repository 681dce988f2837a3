// What the admin listener needs of the gateway, and what it is to the server.
import type { AlertRoutes } from './alerts.ts'
import type { Drilling } from './drills.ts'
import type { ExperimentRoutes } from './experiments.ts'
import type { Explaining } from './explain.ts'
import type { Installation } from './installation.ts'
import type { PriceRoutes } from './prices.ts'
import type { QualityRoutes } from './quality.ts'
import type { ReportTools } from './reports.ts'
import type { StoreRoutes } from './route.ts'
import type { BudgetRoutes } from './set-budget.ts'
import type { UserRoutes } from './users.ts'

/** Where the API describes itself. */
export const DESCRIPTION_PATH = '/admin/openapi.json'

export type AdminOptions = StoreRoutes &
  Drilling &
  Explaining &
  ExperimentRoutes &
  BudgetRoutes &
  AlertRoutes &
  PriceRoutes &
  QualityRoutes &
  ReportTools &
  UserRoutes &
  Installation & {
    /** Hash of the token that the operator set (`WEIR_ADMIN_TOKEN`), which is an admin; null when none is set. */
    readonly operatorTokenHash: string | null
    /** Told of what became an `internal` error: for the log. */
    readonly onInternalError: (cause: unknown) => void
  }

export interface Admin {
  /** Answers every request; `address` is where the caller is, null when that is not known. Never throws. */
  fetch(request: Request, caller: { readonly address: string | null }): Promise<Response>
}
