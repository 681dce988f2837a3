// The database of one-api or new-api → a configuration of ours, and the keys, users and groups to make.
import { type Accounts, importAccounts } from './accounts.ts'
import type { ForeignTables } from './channel-rows.ts'
import { importChannels } from './channels.ts'
import { type ChannelType, NEW_API_CHANNELS, ONE_API_CHANNELS } from './channel-types.ts'
import type { Finding } from './finding.ts'
import type { ImportedConfig } from './litellm.ts'

/** The two are one family: what differs between them is what numbers of channels mean, and whether weights are looked at. */
type Family = { readonly types: Readonly<Record<number, ChannelType>>; readonly usesWeights: boolean }

const FAMILIES = {
  'one-api': { types: ONE_API_CHANNELS, usesWeights: false },
  'new-api': { types: NEW_API_CHANNELS, usesWeights: true },
} as const satisfies Readonly<Record<string, Family>>
export type FamilyName = keyof typeof FAMILIES

export type ImportedDatabase = ImportedConfig & { readonly accounts: Accounts }

/** What is known to be there, and has no place. */
const UNREAD_TABLES: Readonly<Record<string, string>> = {
  redemptions: 'codes for redemption: make new ones with `weir users codes`',
  logs: 'lines of the log, and what was used until now',
  top_ups: 'payments that were made; balances are what is left of them',
}

export function importDatabase(
  tables: ForeignTables,
  options: { readonly family: FamilyName; readonly withUsers: boolean; readonly now: number },
): ImportedDatabase {
  const { family, withUsers, now } = options
  const { types, usesWeights } = FAMILIES[family]
  const { providers, routes, findings, secrets, modelsOf } = importChannels(tables.channels, types, usesWeights)
  const accounts = importAccounts({ tables, source: family, withUsers, modelsOf, now })
  return {
    draft: { providers, routes, ...(withUsers ? { users: { enabled: true } } : {}) },
    secrets,
    findings: [...findings, ...accounts.findings, ...others(tables)],
    accounts,
  }
}

function others({ options, counts }: ForeignTables): readonly Finding[] {
  const dropped = (place: string, message: string): Finding => ({ outcome: 'dropped', place, line: null, message })
  const unread = [...options.keys()].filter((name) => !['QuotaPerUnit', 'GroupRatio'].includes(name))
  return [
    ...Object.entries(UNREAD_TABLES).flatMap(([table, what]) =>
      (counts[table] ?? 0) > 0 ? [dropped(table, `${counts[table]} ${what}`)] : [],
    ),
    ...(options.has('ModelRatio') || options.has('ModelPrice')
      ? [
          dropped(
            'options ModelRatio',
            'ratios of models: costs come from the price book, your own prices go into `providers.<name>.models.<model>.price`',
          ),
        ]
      : []),
    ...(unread.length > 0
      ? [dropped('options', `${unread.toSorted().join(', ')}: settings of its pages, log-ins and retries`)]
      : []),
  ]
}
