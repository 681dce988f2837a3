// Where things are kept, in domain words. Every store passes the same contract tests (test/store-contract.ts).
// A method that cannot reach its storage throws `GatewayError('store_unavailable')`.
import type { Alert, AlertKind } from '../core/alert.ts'
import type { Batch, BatchLine, BatchStatus, LineResult } from '../core/batch.ts'
import type { StoredFile } from '../core/file.ts'
import type { StoredResponse } from '../core/formats/responses-history.ts'
import type { CostPercentiles } from '../core/cost-sketch.ts'
import type { Budget, BudgetAccount, BudgetCharge, BudgetScope } from '../core/budget.ts'
import type { DrillReport } from '../core/drill.ts'
import type {
  AnsweredRequest,
  EvidenceBatch,
  EvidenceDay,
  LabelledAnswer,
  LearnedState,
  StoredEvidence,
  StoredScore,
} from '../core/evidence.ts'
import type { AuditRecord, Experiment, ExperimentPair, JudgeRecord, Label } from '../core/experiment.ts'
import type { KeySecret, Team, VirtualKey } from '../core/key.ts'
import type { JsonObject } from '../core/json.ts'
import type { KeptPrompt } from '../core/kept-prompt.ts'
import type { CachedAnswer, CacheSaving, CacheShare, IdempotentRequest, KeptAnswer } from '../core/kept-answer.ts'
import type { Entry, Intent, LedgerBatch, RequestRecord } from '../core/ledger.ts'
import type { NanoUsd } from '../core/money.ts'
import type { Usage } from '../core/usage.ts'
import type { CodeKind, Credit, CreditKind, KeyOwner, User, UserCode, UserGroup, UserSession } from '../core/user.ts'

export type Page<T> = { readonly data: readonly T[]; readonly next: string | null }
type PageQuery = { readonly cursor: string | null; readonly limit: number }

export type KeyWithTeam = {
  readonly key: VirtualKey
  readonly team: Team | null
  /** The user whose key it is; absent: it is no user's. */
  readonly owner?: KeyOwner
}

/** Fields of a key that may change after it was made. */
export type KeyPatch = Partial<Omit<VirtualKey, 'id' | 'userId' | 'createdAt' | 'secrets'>>
type TeamPatch = Partial<Omit<Team, 'id' | 'createdAt'>>

export interface KeyStore {
  /** The key one of whose secrets has this hash, with its team, or null. Expired secrets are found too: the caller judges. */
  findKeyByHash(hash: string): Promise<KeyWithTeam | null>
  getKey(id: string): Promise<VirtualKey | null>
  listKeys(query: PageQuery & { readonly teamId?: string; readonly userId?: string }): Promise<Page<VirtualKey>>
  insertKey(key: VirtualKey): Promise<void>
  /** Returns the key as it is now, or null when there is none. */
  updateKey(id: string, patch: KeyPatch): Promise<VirtualKey | null>
  /** Makes `secret` the current one; the old ones expire at `graceUntil` unless they expire earlier. */
  rotateKey(id: string, secret: KeySecret, graceUntil: number): Promise<VirtualKey | null>
  deleteKey(id: string): Promise<boolean>
  /** The user behind keys with this `userId`. */
  getKeyOwner(userId: string): Promise<KeyOwner | null>
  getTeam(id: string): Promise<Team | null>
  listTeams(query: PageQuery): Promise<Page<Team>>
  /** Throws `conflict` when the name is taken. */
  insertTeam(team: Team): Promise<void>
  updateTeam(id: string, patch: TeamPatch): Promise<Team | null>
  /** Throws `conflict` while keys belong to it. */
  deleteTeam(id: string): Promise<boolean>
  /**
   * A number that differs once another process has changed keys, teams or admin tokens (a CLI, another replica), so that
   * caches of them can be dropped. Cheap enough to ask every few milliseconds.
   */
  keysVersion(): Promise<number>
}

export type AdminRole = 'admin' | 'viewer'
export type AdminToken = {
  readonly id: string
  readonly name: string
  readonly role: AdminRole
  readonly hash: string
  readonly createdAt: number
}

export interface AdminStore {
  findAdminTokenByHash(hash: string): Promise<AdminToken | null>
  listAdminTokens(): Promise<readonly AdminToken[]>
  insertAdminToken(token: AdminToken): Promise<void>
  deleteAdminToken(id: string): Promise<boolean>
  /** Small values of the gateway itself (the pepper of key hashes, sealed). */
  getSetting(name: string): Promise<string | null>
  /** Writes only if absent; returns what stands afterwards. Two processes that start at once agree on one value. */
  initSetting(name: string, value: string): Promise<string>
}

export interface LedgerStore {
  /** One transaction. An entry replaces the intent of its id and adds to the roll-ups; one whose id exists is left out, idempotently. */
  commit(batch: LedgerBatch): Promise<void>
  /** Intents without an entry whose deadline is before `deadlineBefore`, oldest first. */
  openIntents(query: { readonly deadlineBefore: number; readonly limit: number }): Promise<readonly Intent[]>
  getEntry(id: string): Promise<Entry | null>
  countEntries(): Promise<number>
}

/** Fields of a budget that may change after it was made. */
type BudgetPatch = Partial<Omit<Budget, 'id' | 'scope' | 'subject' | 'source' | 'createdAt'>>

export interface BudgetStore {
  listBudgets(query: PageQuery & { readonly scope?: BudgetScope; readonly subject?: string }): Promise<Page<Budget>>
  getBudget(id: string): Promise<Budget | null>
  insertBudget(budget: Budget): Promise<void>
  updateBudget(id: string, patch: BudgetPatch): Promise<Budget | null>
  /** What was spent in it stays in the ledger. */
  deleteBudget(id: string): Promise<boolean>
  /** What was spent in periods that have not ended by then. */
  budgetAccounts(query: { readonly endsAfter: number }): Promise<readonly BudgetAccount[]>
}

/** An entry with what was booked beside it. */
export type BookedEntry = {
  readonly entry: Entry
  /** Sum of its corrections. */
  readonly adjustedNanoUsd: NanoUsd
  /** Cost of attempts that gave no answer, which its cost holds too; null: it was booked before parts were kept, and its line in the request log is gone. */
  readonly besideNanoUsd: NanoUsd | null
}

export type EntryFilter = {
  /** Inclusive and exclusive, ms since the epoch. */
  readonly from: number
  readonly to: number
  readonly provider?: string
  readonly model?: string
  readonly keyId?: string
  readonly teamId?: string
}

/** A correction: an entry of its own, in the periods of budgets that its original counts in. */
export type Adjustment = { readonly entry: Entry; readonly original: string; readonly madeAt: number }

/** What a look through the books found. */
export type BooksCheck = {
  readonly entries: number
  readonly archivedEntries: number
  /** Rows of roll-ups and periods of budgets that were compared. */
  readonly rows: number
  readonly periods: number
  readonly differences: number
  /** The first of them, a sentence each. */
  readonly examples: readonly string[]
}

export interface BookStore {
  /** Entries of a time, in the order of their ids; those of the archives are not there. */
  scanEntries(filter: EntryFilter & PageQuery): Promise<Page<BookedEntry>>
  /** One transaction. Throws `conflict` when a correction exists already. */
  adjust(adjustments: readonly Adjustment[]): Promise<void>
  /** Corrections after this number, with the periods that they count in; 0 is before the first. */
  adjustmentsSince(
    no: number,
  ): Promise<
    readonly { readonly no: number; readonly charges: readonly (BudgetCharge & { readonly nanoUsd: NanoUsd })[] }[]
  >
  /** Recomputes every roll-up and every period of a budget from the entries, in one moment of the store. */
  verifyBooks(): Promise<BooksCheck>
  /**
   * Takes entries of the time before the start of an hour out of the store, oldest first; `keep` must have them durably
   * before it resolves. Roll-ups and budgets keep their sums.
   */
  archiveEntries(query: {
    readonly before: number
    readonly limit: number
    readonly file: string
    readonly now: number
    readonly keep: (entries: readonly Entry[]) => void
  }): Promise<number>
  /** A whole copy of this moment, while others read and write. Throws `conflict` when the file is there. */
  backup(file: string): Promise<void>
  /** Gives free pages back to the file system; nobody else may use the store meanwhile. */
  compact(): Promise<void>
}

/** What is known of the price file of one form. */
export type FeedState = {
  readonly form: string
  /** URL or path that it was looked for at. */
  readonly place: string
  /** The last good one; null: there was none yet. */
  readonly taken: {
    readonly version: string
    readonly etag: string | null
    readonly text: string
    readonly at: number
  } | null
  /** The last look, and what came of it. */
  readonly checkedAt: number
  readonly outcome: 'taken' | 'unchanged' | 'refused' | 'unreachable'
  readonly reason: string | null
}

/** A price that changed by a file; rates in pico-dollars per unit, null: none. */
export type PriceChange = {
  readonly at: number
  readonly version: string
  readonly vendor: string
  readonly model: string
  readonly unit: string
  readonly before: bigint | null
  readonly after: bigint | null
}

export interface PriceStore {
  priceFeeds(): Promise<readonly FeedState[]>
  /** A text that differs once another file was taken. Cheap. */
  priceVersions(): Promise<string>
  /** Notes a look that took nothing. */
  notePriceCheck(
    check: Pick<FeedState, 'form' | 'place' | 'outcome' | 'reason'> & { readonly at: number },
  ): Promise<void>
  /** One transaction: the file takes the place of the last one of its form, and its changes are added to the history. */
  takePriceFeed(
    feed: Pick<FeedState, 'form' | 'place'> &
      NonNullable<FeedState['taken']> & { readonly changes: readonly Omit<PriceChange, 'at' | 'version'>[] },
  ): Promise<void>
  /** Newest first. */
  priceChanges(query: PageQuery & { readonly vendor?: string; readonly model?: string }): Promise<Page<PriceChange>>
}

export type RequestFilter = PageQuery & {
  readonly keyId?: string
  readonly teamId?: string
  readonly model?: string
  readonly provider?: string
  /** An exact status (`429`) or a class (`4xx`). */
  readonly status?: string
  readonly from?: number
  readonly to?: number
}

export interface RequestStore {
  getRequest(id: string): Promise<RequestRecord | null>
  /** Newest first. */
  listRequests(filter: RequestFilter): Promise<Page<RequestRecord>>
  /** Deletes up to `limit` records that are older than `before`, oldest first, and says how many. Entries and roll-ups stay. */
  pruneRequests(query: { readonly before: number; readonly limit: number }): Promise<number>
}

/** What reports can be split by. */
export const SPEND_DIMENSIONS = [
  'key',
  'team',
  'organisation',
  'end_user',
  'tag',
  'route',
  'task',
  'model',
  'provider',
  'operation',
  'purpose',
  'status',
] as const
export type SpendDimension = (typeof SPEND_DIMENSIONS)[number]
export type SpendBucket = 'hour' | 'day' | 'month'
export type SpendQuery = {
  readonly by: readonly SpendDimension[]
  readonly bucket: SpendBucket | null
  /** Inclusive and exclusive, ms since the epoch; cut to whole hours. */
  readonly from: number
  readonly to: number
  /** Only what has these values. */
  readonly where?: Readonly<Partial<Record<Exclude<SpendDimension, 'status'>, string>>> | undefined
  /** Whether rows tell the percentiles of what requests cost; not with `status`. */
  readonly percentiles?: boolean | undefined
}
export type SpendRow = {
  /** Value of each asked dimension; null where an entry has none. */
  readonly group: Readonly<Partial<Record<SpendDimension, string | null>>>
  /** Start of the bucket, ms; null without one. */
  readonly at: number | null
  readonly requests: number
  /** Requests among them that got their whole answer. */
  readonly answeredRequests: number
  readonly costNanoUsd: NanoUsd
  /** What the same usage would have cost at the baselines of its routes, less what it cost, and less what the lab cost. */
  readonly savedNanoUsd: NanoUsd
  /** What cached answers would have cost again. */
  readonly cacheSavedNanoUsd: NanoUsd
  /** Of requests that asked a provider, within `COST_ERROR_SHARE`; null: there were none. Absent: not asked for. */
  readonly costPercentiles?: CostPercentiles | null
  /** Requests among them whose model had no price. */
  readonly unpricedRequests: number
  readonly usage: Usage
}

export interface ReportStore {
  /** From the roll-ups, never from the entries, dearest first (by time first with a bucket). With `tag`, a request counts once for each of its tags. */
  spend(query: SpendQuery): Promise<readonly SpendRow[]>
}

/** Whose responses are meant, and when: what has expired by then, or belongs to another key, is not there. */
type ResponseOwner = { readonly keyId: string; readonly now: number }

export interface ResponseStore {
  /** Throws `conflict` when the id is taken. */
  putResponse(response: StoredResponse): Promise<void>
  getResponse(id: string, owner: ResponseOwner): Promise<StoredResponse | null>
  /**
   * The response and those that it goes on from, oldest first; empty when any of them is not there (any more), or when
   * they are more than `limit`.
   */
  getResponseChain(id: string, owner: ResponseOwner & { readonly limit: number }): Promise<readonly StoredResponse[]>
  /** Items of any response of the owner's, put in or come out, by id; those that nobody keeps are left out. */
  findResponseItems(ids: readonly string[], owner: ResponseOwner): Promise<ReadonlyMap<string, JsonObject>>
  /** Input items of one response; the cursor is the id of the item after which to go on. Null: there is no such response. */
  listResponseItems(
    id: string,
    query: ResponseOwner & PageQuery & { readonly order: 'asc' | 'desc' },
  ): Promise<Page<JsonObject> | null>
  deleteResponse(id: string, owner: ResponseOwner): Promise<boolean>
  /** Deletes up to `limit` responses that have expired, soonest expired first, and says how many. */
  pruneResponses(query: { readonly now: number; readonly limit: number }): Promise<number>
}

/** Files of one owner; what has expired by `now` is not there. */
type FileOwner = { readonly owner: string; readonly now: number }

export interface FileStore {
  /** Makes room for a file that nobody finds before `finishFile`; one that is never finished goes when it expires. */
  beginFile(file: StoredFile): Promise<void>
  /** Adds the piece of this number, from 0. */
  appendFile(id: string, piece: number, bytes: Uint8Array): Promise<void>
  /** From now on it can be found, whole; false: it has gone meanwhile. */
  finishFile(id: string, end: { readonly bytes: number; readonly expiresAt: number }): Promise<boolean>
  getFile(id: string, owner: FileOwner): Promise<StoredFile | null>
  /** By age; the cursor is the id of the file after which to go on. */
  listFiles(
    query: FileOwner & PageQuery & { readonly order: 'asc' | 'desc'; readonly purpose: string | null },
  ): Promise<Page<StoredFile>>
  /** One piece of the content, of a file that was found; null: there is no such piece. */
  readFile(id: string, piece: number): Promise<Uint8Array | null>
  deleteFile(id: string, owner: FileOwner): Promise<boolean>
  /** Bytes of all finished files of the owner. */
  ownedBytes(owner: FileOwner): Promise<number>
  /** Deletes up to `limit` files that have expired, soonest expired first, and says how many. */
  pruneFiles(query: { readonly now: number; readonly limit: number }): Promise<number>
}

/** What may change of a batch. Entering a state notes when, the first time. */
type BatchPatch = Partial<Pick<Batch, 'endsAs' | 'forwarding' | 'problems' | 'outputFileId' | 'errorFileId' | 'total'>>

export interface BatchStore {
  /** Throws `conflict` when the id is taken. */
  insertBatch(batch: Batch): Promise<void>
  /** `owner` of null: whoever's it is. */
  getBatch(id: string, owner: string | null): Promise<Batch | null>
  /** Newest first; the cursor is the id of the batch after which to go on. */
  listBatches(query: PageQuery & { readonly owner: string }): Promise<Page<Batch>>
  /** Ids of the batches with which there is still something to do, oldest first. */
  openBatches(owner: string | null): Promise<readonly string[]>
  /** Takes the batch from one of the states `from` to another; null: it is in none of them, and nothing has changed. */
  moveBatch(
    id: string,
    from: readonly BatchStatus[],
    to: { readonly status: BatchStatus; readonly at: number; readonly patch?: BatchPatch },
  ): Promise<Batch | null>
  /** Adds lines that wait. */
  addLines(batchId: string, lines: readonly BatchLine[]): Promise<void>
  /** Lines without a result, by position, after this one. */
  waitingLines(
    batchId: string,
    query: { readonly after: number; readonly limit: number },
  ): Promise<readonly BatchLine[]>
  /** The line is to be begun again, under the id of its next try. */
  retryLine(batchId: string, position: number, tries: number): Promise<void>
  /** Writes results and counts them, in one transaction; a line that has one already keeps it. */
  finishLines(batchId: string, results: readonly LineResult[]): Promise<void>
  /** Results by position, after this one. */
  lineResults(
    batchId: string,
    query: { readonly ok: boolean; readonly after: number; readonly limit: number },
  ): Promise<readonly LineResult[]>
  /** Forgets up to `limit` lines of a batch whose files are written, or that is read anew, and says how many. Its counts stay. */
  dropLines(batchId: string, limit: number): Promise<number>
  /** Deletes up to `limit` batches that are over and kept no longer, and says how many. */
  pruneBatches(query: { readonly now: number; readonly limit: number }): Promise<number>
}

export interface DrillStore {
  /** Writes a report, or what has become of it. */
  putDrill(report: DrillReport): Promise<void>
  getDrill(id: string): Promise<DrillReport | null>
  /** Newest first. */
  listDrills(query: { readonly limit: number }): Promise<readonly DrillReport[]>
}

/** What one write of an experiment adds beside itself. */
type ExperimentMove = {
  /** In order; their numbers go on from the last ones. */
  readonly audit: readonly AuditRecord[]
  /** Of units that were claimed. */
  readonly pairs: readonly ExperimentPair[]
}

/** A conversation that an experiment asks about. */
export type UnitClaim = Pick<ExperimentPair, 'experiment' | 'unit' | 'at'>

export interface ExperimentStore {
  insertExperiment(experiment: Experiment): Promise<void>
  getExperiment(id: string): Promise<Experiment | null>
  /** All of them, newest first. */
  listExperiments(): Promise<readonly Experiment[]>
  /** A text that differs once one of them was written by anybody. Cheap. */
  experimentVersions(): Promise<string>
  /**
   * One transaction: writes the experiment with the next version, its audit and its pairs. False, and nothing is written,
   * where somebody else wrote since the version that `experiment` has.
   */
  moveExperiment(experiment: Experiment, move: ExperimentMove): Promise<boolean>
  /** With its audit and its pairs. */
  deleteExperiment(id: string): Promise<boolean>
  /** Oldest first. */
  listAudit(experiment: string, query: PageQuery): Promise<Page<AuditRecord>>
  /** One transaction. For each, true: the unit is this caller's to ask about; false: it was asked about before. */
  claimUnits(claims: readonly UnitClaim[]): Promise<readonly boolean[]>
  /** Newest first. */
  listPairs(experiment: string, query: { readonly limit: number }): Promise<readonly ExperimentPair[]>
  /** One transaction; a label of the same prompt and answer is replaced. */
  putLabels(labels: readonly Label[]): Promise<void>
  /** Newest first. */
  listLabels(query: { readonly limit: number }): Promise<readonly Label[]>
  putJudge(record: JudgeRecord): Promise<void>
  getJudge(epoch: string): Promise<JudgeRecord | null>
}

export interface CacheStore {
  /** Null: there is none, or it has expired by `now`. Notes that it was used. */
  getAnswer(key: string, now: number): Promise<CachedAnswer | null>
  /** Takes the place of the one with its key. Those that were used longest ago go until all have room in `maxBytes`. */
  putAnswer(answer: CachedAnswer, bounds: { readonly maxBytes: number }): Promise<void>
  /** Keys and vectors of the answers of a space that have not expired by `now`, newest first. */
  cachedVectors(
    space: string,
    query: { readonly now: number; readonly limit: number },
  ): Promise<readonly { readonly key: string; readonly vector: Float32Array }[]>
  /** Forgets the answers of a route (null: of all), and says how many. */
  purgeAnswers(query: { readonly route: string | null }): Promise<number>
  /** By route, largest first. */
  cacheShares(): Promise<readonly CacheShare[]>
  /** By route, since the start of the day of `from`, largest first. */
  cacheSavings(query: { readonly from: number }): Promise<readonly CacheSaving[]>
  /** Null: it is this request's now. Otherwise the one that has the name; one that has expired by `now` has it no more. */
  claimRequest(request: Omit<IdempotentRequest, 'answer'>, now: number): Promise<IdempotentRequest | null>
  /**
   * Keeps the answer of the request that has the name. The oldest answers go until all have room in `maxBytes`; their
   * names stay.
   */
  answerRequest(id: string, requestId: string, answer: KeptAnswer, bounds: { readonly maxBytes: number }): Promise<void>
  /** The name is free again, if this request has it. */
  releaseRequest(id: string, requestId: string): Promise<void>
  /** Deletes up to `limit` answers, and as many named requests, that have expired, and says how many. */
  pruneAnswers(query: { readonly now: number; readonly limit: number }): Promise<number>
}

/** Fields of a user that may change after it was made. */
type UserPatch = Partial<Pick<User, 'login' | 'group' | 'disabled'>>
type UserGroupPatch = Partial<Pick<UserGroup, 'multiplierMillionths' | 'models'>>

/** A user, and what comes with it, all or nothing. */
type NewUser = {
  readonly user: User
  /** Null: nobody can log in yet. */
  readonly passwordHash: string | null
  readonly credits: readonly Credit[]
  /** Id of the invitation that is used up; null: none. */
  readonly invitation: string | null
}

export type SalesDimension = 'user' | 'group' | 'key' | 'route' | 'model' | 'provider'
export type SalesQuery = {
  readonly by: readonly SalesDimension[]
  readonly bucket: 'day' | 'month' | null
  /** Inclusive and exclusive, ms since the epoch; cut to whole days (UTC). */
  readonly from: number
  readonly to: number
  /** Absent: of all users. */
  readonly userId?: string
}
export type SalesRow = {
  readonly group: Readonly<Partial<Record<SalesDimension, string | null>>>
  /** Start of the bucket, ms; null without one. */
  readonly at: number | null
  readonly requests: number
  readonly costNanoUsd: NanoUsd
  readonly chargedNanoUsd: NanoUsd
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface UserStore {
  /** By name. The group `default` is there from the beginning. */
  listGroups(): Promise<readonly UserGroup[]>
  /** Throws `conflict` when the name is taken. */
  insertGroup(group: UserGroup): Promise<void>
  updateGroup(name: string, patch: UserGroupPatch): Promise<UserGroup | null>
  /** Throws `conflict` while users, or codes that nobody has used, belong to it. */
  deleteGroup(name: string): Promise<boolean>
  /** Throws `conflict` when the login is taken or there is no such group, and `code_invalid` when the invitation was used meanwhile. */
  insertUser(added: NewUser): Promise<void>
  getUser(id: string): Promise<User | null>
  findUser(login: string): Promise<User | null>
  /** Oldest first. */
  listUsers(query: PageQuery & { readonly group?: string }): Promise<Page<User>>
  /** One that is disabled is logged out. Throws `conflict` as `insertUser` does. */
  updateUser(id: string, patch: UserPatch): Promise<User | null>
  /** Deletes login, password, sessions and keys; what was credited and charged stays under the id. */
  eraseUser(id: string): Promise<boolean>
  passwordHashOf(userId: string): Promise<string | null>
  /** Ends all sessions of the user. */
  setPasswordHash(userId: string, passwordHash: string): Promise<void>
  /** The oldest of the user go until there are no more than `most`; so do those that have expired. */
  insertSession(session: UserSession, most: number): Promise<void>
  findSession(hash: string, now: number): Promise<{ readonly session: UserSession; readonly user: User } | null>
  deleteSession(hash: string): Promise<boolean>
  /** Writes a credit, unless there is one of its kind and reference: then that one comes back, as not new. */
  addCredit(credit: Credit): Promise<{ readonly credit: Credit; readonly isNew: boolean }>
  /** Newest first. */
  listCredits(query: PageQuery & { readonly userId?: string; readonly kind?: CreditKind }): Promise<Page<Credit>>
  /** All that was ever credited to the users who have credits after this number; 0 is before the first. */
  creditsSince(no: number): Promise<{
    readonly no: number
    readonly totals: readonly { readonly userId: string; readonly creditedNanoUsd: NanoUsd }[]
  }>
  /** Throws `conflict` when there is no such group. */
  insertCodes(codes: readonly UserCode[]): Promise<void>
  /** One that can be used at this moment. */
  findCode(kind: CodeKind, hash: string, now: number): Promise<UserCode | null>
  /** Newest first. */
  listCodes(query: PageQuery & { readonly batch?: string; readonly madeBy?: string }): Promise<Page<UserCode>>
  /** Uses a code up and credits what it is worth; throws `code_invalid` when it was used or has expired meanwhile. */
  redeemCode(id: string, credit: Credit): Promise<void>
  /** False: it is not there, or was used, and then it stays. */
  deleteCode(id: string): Promise<boolean>
  /** Dearest first (by time first with a bucket). */
  sales(query: SalesQuery): Promise<readonly SalesRow[]>
}

/** An alert that is kept; `no` is its place in the order of all, `id` is the same for all alerts of one key. */
export type KeptAlert = {
  readonly no: number
  readonly id: string
  /** Id of the alert that tells of the beginning: its own, or of the one that it says is over. */
  readonly incidentId: string
  readonly alert: Alert
}

export type Delivery = {
  readonly destination: string
  readonly state: 'waiting' | 'delivered' | 'given_up'
  readonly tries: number
  /** When it is tried next, while it waits. */
  readonly nextAt: number | null
  readonly endedAt: number | null
  /** Why the last try failed. */
  readonly problem: string | null
}

export type ListedAlert = KeptAlert & {
  /** When its destinations were chosen. */
  readonly plannedAt: number | null
  readonly deliveries: readonly Delivery[]
}

/** A delivery that whoever claimed it may try now, and nobody else until the lease ends. */
export type ClaimedDelivery = KeptAlert & {
  readonly destination: string
  /** This one included. */
  readonly tries: number
  /** Since when it might have been tried. */
  readonly since: number
}

type DeliveryEnding =
  | { readonly type: 'delivered'; readonly at: number }
  | { readonly type: 'again'; readonly nextAt: number; readonly problem: string }
  | { readonly type: 'given_up'; readonly at: number; readonly problem: string }

export interface AlertStore {
  /** Keeps an alert unless there is one of its key; says whether it did. */
  raiseAlert(alert: Alert): Promise<boolean>
  /** Alerts whose destinations are not chosen yet, in their order. */
  unplannedAlerts(query: { readonly limit: number }): Promise<readonly KeptAlert[]>
  /** Chooses its destinations, once: false where somebody has. `heldUntil`: not to be tried before, and no reason for others to wait. */
  planAlert(
    no: number,
    plan: {
      readonly at: number
      readonly deliveries: readonly { readonly destination: string; readonly heldUntil: number }[]
    },
  ): Promise<boolean>
  /** Of each destination the first delivery that waits, if it is due and nobody has claimed it; the lease ends at `until`. */
  claimDeliveries(query: { readonly now: number; readonly until: number }): Promise<readonly ClaimedDelivery[]>
  /** What came of it. One that was delivered after its lease ended is delivered all the same. */
  endDelivery(claim: Pick<ClaimedDelivery, 'no' | 'destination' | 'tries'>, ending: DeliveryEnding): Promise<void>
  /** Those of a kind whose windows ended after `after` and not after `until`. */
  endedAlerts(query: {
    readonly kind: AlertKind
    readonly after: number
    readonly until: number
  }): Promise<readonly Alert[]>
  /** Newest first. */
  listAlerts(query: PageQuery & { readonly kind?: AlertKind }): Promise<Page<ListedAlert>>
  /** Deliveries that wait (10,000: so many or more), and since when the oldest one that is not held might have been tried. */
  outboxState(query: { readonly now: number }): Promise<{ readonly waiting: number; readonly oldestAt: number | null }>
  /** Deletes up to `limit` alerts that are older than `before`, as are their windows, and wait for nothing. */
  pruneAlerts(query: { readonly before: number; readonly limit: number }): Promise<number>
}

export interface EvidenceStore {
  /** One transaction. What a source says again of the same answer in the same kind replaces what it said, in the sums by day, too. */
  putEvidence(batch: EvidenceBatch): Promise<void>
  getAnswered(id: string): Promise<AnsweredRequest | null>
  /** Everything that was said of a request, by time. */
  evidenceOf(requestId: string): Promise<readonly StoredEvidence[]>
  /** Since the start of the day of `from`, by day. */
  evidenceDays(query: { readonly from: number; readonly deployment?: string }): Promise<readonly EvidenceDay[]>
  /** Graded answers whose words may be kept, the last graded first; a page may hold fewer than its limit. */
  labelledAnswers(query: PageQuery): Promise<Page<LabelledAnswer>>
  qualityScores(): Promise<readonly StoredScore[]>
  /** States whose names begin so. */
  learnedStates(prefix: string): Promise<readonly LearnedState[]>
  /** Deletes up to `limit` requests, and as much of what was said, that are older; sums and beliefs stay. Says how much. */
  pruneEvidence(query: { readonly before: number; readonly limit: number }): Promise<number>
}

export interface PromptStore {
  /** One transaction; what is there already stays. */
  putPrompts(prompts: readonly KeptPrompt[]): Promise<void>
  getPrompt(requestId: string): Promise<KeptPrompt | null>
  /** By time, from the first. */
  scanPrompts(
    query: PageQuery & { readonly from: number; readonly to: number; readonly route?: string },
  ): Promise<Page<KeptPrompt>>
  /** Deletes what is of all that is named, and says how many prompts it was; what heads see of them goes, too. */
  deletePrompts(of: {
    readonly keyId?: string
    readonly teamId?: string
    readonly endUser?: string
    readonly before?: number
  }): Promise<number>
  /** Deletes up to `limit` that are older, oldest first, as what heads see of them, and says how many. */
  prunePrompts(query: { readonly before: number; readonly limit: number }): Promise<number>
}

export interface Store
  extends
    UserStore,
    KeyStore,
    AdminStore,
    LedgerStore,
    BudgetStore,
    PriceStore,
    BookStore,
    RequestStore,
    ReportStore,
    ResponseStore,
    FileStore,
    BatchStore,
    CacheStore,
    DrillStore,
    AlertStore,
    EvidenceStore,
    ExperimentStore,
    PromptStore {
  /** Resolves when the store answers; throws `store_unavailable` when it does not. */
  ping(): Promise<void>
  close(): Promise<void>
}
