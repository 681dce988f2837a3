// Which budgets there are: those of the configuration and those of the store, put together and kept up to date.
//
// What the file says belongs to the file; its budgets have ids made of what they are for, so that a changed limit keeps
// what was spent. Budgets of the store may be changed by this process (`refresh`) or another one (`checkElsewhere`).
import { windowText, type Budget, type BudgetScope, type BudgetWindow, type OnExhausted } from '../core/budget.ts'
import { parseUsd } from '../core/money.ts'
import type { BookStore, BudgetStore, KeyStore } from '../store/store.ts'
import type { Budgets } from './budgets.ts'

/** A budget as the file says it; amounts are decimal text. */
type WrittenBudget = {
  readonly scope: BudgetScope
  readonly subject: string | null
  readonly window: BudgetWindow
  readonly limitUsd: string
  readonly onExhausted: OnExhausted
  readonly borrowUsd: string | null
  readonly alertAt: readonly number[]
}

export interface BudgetDefinitions {
  /** Takes over what a new configuration says. `users`: whether there are any, who pay from their balances. */
  configure(written: readonly WrittenBudget[], users?: boolean): void
  /** Reads the store's budgets and what was spent of all of them: once, before the first request. */
  load(now: number): Promise<void>
  /** Reads the store's budgets again, after a change of them. */
  refresh(): Promise<void>
  /** `refresh`, if another process has changed something since the last call. */
  checkElsewhere(): Promise<void>
  list(): readonly Budget[]
}

const PAGE = 500

export function createBudgetDefinitions(
  budgets: Pick<Budgets, 'configure' | 'restore'>,
  store: Pick<
    BudgetStore & KeyStore & BookStore,
    'listBudgets' | 'budgetAccounts' | 'keysVersion' | 'adjustmentsSince'
  >,
): BudgetDefinitions {
  let written: readonly Budget[] = []
  let stored: readonly Budget[] = []
  let hasUsers = false
  let versionSeen: number | null = null
  /** Number of the last correction that is in the sums. */
  let adjusted = 0

  function apply(): void {
    budgets.configure([...written, ...stored], hasUsers)
  }

  async function readStored(): Promise<void> {
    const found: Budget[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<BudgetStore['listBudgets']>> = await store.listBudgets({ cursor, limit: PAGE })
      found.push(...page.data)
      cursor = page.next
    } while (cursor !== null)
    stored = found
  }

  return {
    configure(next, users = false) {
      hasUsers = users
      written = next.map(budgetOf)
      apply()
    },
    async load(now) {
      versionSeen = await store.keysVersion()
      await readStored()
      apply()
      adjusted = (await store.adjustmentsSince(0)).at(-1)?.no ?? 0
      for (const account of await store.budgetAccounts({ endsAfter: now }))
        budgets.restore(account.budgetId, account.subject, account, account.spentNanoUsd)
    },
    async refresh() {
      await readStored()
      apply()
    },
    async checkElsewhere() {
      const version = await store.keysVersion()
      if (version === versionSeen) return
      versionSeen = version
      await readStored()
      apply()
      // What another process has corrected in the books is spent, or is not spent any more.
      for (const { no, charges } of await store.adjustmentsSince(adjusted)) {
        adjusted = no
        for (const period of charges) budgets.restore(period.budgetId, period.subject, period, period.nanoUsd)
      }
    },
    list: () => [...written, ...stored],
  }
}

/** Id of a budget of the file: two that are for the same in the same window would be one. */
function writtenId({ scope, subject, window }: Pick<WrittenBudget, 'scope' | 'subject' | 'window'>): string {
  return `config:${scope}:${subject ?? '*'}:${windowText(window)}`
}

function budgetOf(written: WrittenBudget): Budget {
  const { limitUsd, borrowUsd, ...same } = written
  return {
    ...same,
    id: writtenId(written),
    limitNanoUsd: parseUsd(limitUsd, 9) ?? 0n,
    borrowNanoUsd: borrowUsd === null ? null : parseUsd(borrowUsd, 9),
    raises: [],
    source: 'config',
    createdAt: 0,
  }
}
