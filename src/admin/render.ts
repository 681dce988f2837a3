// Core values → JSON of the admin API: snake case, money as text, times as RFC 3339 in UTC.
import type { z } from '@hono/zod-openapi'
import type * as core from '../core/key.ts'
import type * as ledger from '../core/ledger.ts'
import { sumsJson } from '../ledger/spend-sums.ts'
import { keptPlanOf } from '../routing/kept-plan.ts'
import { formatUsd, type NanoUsd } from '../core/money.ts'
import type * as outcome from '../core/outcome.ts'
import { USAGE_UNITS, type Usage, type UsageUnit } from '../core/usage.ts'
import type { Sale } from '../core/user.ts'
import type * as store from '../store/store.ts'
import { writeMultiplier } from '../users/multiplier.ts'
import type { Attempt, Entry, Key, RequestDetail, RequestLine, SpendRow, Team, Token } from './schemas.ts'

type Json<Schema extends z.ZodType> = z.output<Schema>

export function renderKey(key: core.VirtualKey): Json<typeof Key> {
  return {
    id: key.id,
    name: key.name,
    team: key.teamId,
    user: key.userId ?? null,
    models: copied(key.models),
    endpoints: copied(key.endpoints),
    addresses: copied(key.addresses),
    limits: key.limits,
    tags: [...key.tags],
    forbids: [...(key.forbids ?? [])],
    require_end_user: key.requireEndUser,
    metadata: { ...key.metadata },
    disabled: key.disabled,
    created_at: time(key.createdAt),
    expires_at: timeOrNull(key.expiresAt),
    secrets: key.secrets.map(({ hint, expiresAt }) => ({ hint, expires_at: timeOrNull(expiresAt) })),
  }
}

export function renderTeam(team: core.Team): Json<typeof Team> {
  return {
    id: team.id,
    name: team.name,
    organisation: team.organisation ?? null,
    limits: team.limits,
    models: copied(team.models),
    tags: [...team.tags],
    metadata: { ...team.metadata },
    disabled: team.disabled,
    created_at: time(team.createdAt),
  }
}

export function renderToken(token: store.AdminToken): Json<typeof Token> {
  return { id: token.id, name: token.name, role: token.role, created_at: time(token.createdAt) }
}

export function renderRequest(record: ledger.RequestRecord): Json<typeof RequestLine> {
  return {
    id: record.id,
    client_request_id: record.clientRequestId,
    at: time(record.at),
    ...renderDimensions(record.dimensions),
    status: record.status,
    error: record.errorCode,
    target: record.target,
    path: record.path ?? null,
    stream: record.stream,
    duration_ms: record.durationMs,
    ttft_ms: record.ttftMs,
    overhead_ms: record.overheadMs,
    finish_reason: record.finishReason,
    usage: record.usage === null ? null : renderUsage(record.usage),
    usage_source: record.usageSource,
    cost_usd: record.costNanoUsd === null ? null : formatUsd(record.costNanoUsd),
    cost_nano_usd: record.costNanoUsd === null ? null : record.costNanoUsd.toString(),
    saved_usd: record.savedNanoUsd === undefined ? null : formatUsd(record.savedNanoUsd),
    attempts: record.attempts.map(renderAttempt),
  }
}

/** One request with everything that is known of it; `entry` is null when no provider was reached. */
export function renderRequestDetail(
  record: ledger.RequestRecord,
  entry: ledger.Entry | null,
): Json<typeof RequestDetail> {
  return {
    ...renderRequest(record),
    raw_usage: record.rawUsage,
    plan: record.plan === undefined ? null : keptPlanOf(record.plan),
    entry: entry === null ? null : renderEntry(entry),
  }
}

function renderEntry(entry: ledger.Entry): Json<typeof Entry> {
  return {
    id: entry.id,
    at: time(entry.at),
    ...renderDimensions(entry.dimensions),
    provider: entry.provider,
    model: entry.model,
    status: entry.status,
    usage: renderUsage(entry.usage),
    usage_source: entry.usageSource,
    ...renderCost(entry.costNanoUsd),
    unpriced: entry.unpriced,
    price_version: entry.priceVersion,
    saved_usd: entry.savedNanoUsd === undefined ? null : formatUsd(entry.savedNanoUsd),
    parts: (entry.parts ?? []).map((part) => ({
      provider: part.provider,
      model: part.model,
      usage: renderUsage(part.usage),
      ...renderCost(part.costNanoUsd),
      unpriced: part.unpriced,
      price_version: part.priceVersion,
    })),
    sale: entry.sale === undefined ? null : renderSale(entry.sale),
  }
}

function renderSale({
  userId,
  group,
  multiplierMillionths,
  chargedNanoUsd,
}: Sale): NonNullable<Json<typeof Entry>['sale']> {
  return {
    user: userId,
    group,
    multiplier: writeMultiplier(multiplierMillionths),
    charged_usd: formatUsd(chargedNanoUsd),
    charged_nano_usd: chargedNanoUsd.toString(),
  }
}

export function renderSpendRow(row: store.SpendRow): Json<typeof SpendRow> {
  return { ...(row.at === null ? {} : { at: time(row.at) }), ...row.group, ...sumsJson(row) }
}

/** RFC 3339 in UTC. */
export function time(ms: number): string {
  return new Date(ms).toISOString()
}

/** Only the units that were consumed. */
export function renderUsage(usage: Usage): Record<string, number> {
  return Object.fromEntries(
    USAGE_UNITS.filter((unit) => usage[unit] !== 0).map((unit) => [unitName(unit), usage[unit]]),
  )
}

/** `cacheWrite5m` → `cache_write_5m`. */
function unitName(unit: UsageUnit): string {
  return unit.replace(/(?<=[a-z])(?=[A-Z\d])/g, '_').toLowerCase()
}

function renderAttempt(attempt: outcome.Attempt): Json<typeof Attempt> {
  const { outcome } = attempt
  return {
    target: attempt.target,
    credential: attempt.credentialId,
    outcome: outcome.type,
    stage: 'stage' in outcome ? outcome.stage : null,
    reason: 'reason' in outcome ? outcome.reason : null,
    retry_after_ms: 'retryAfterMs' in outcome ? outcome.retryAfterMs : null,
    status: attempt.status,
    started_at: time(attempt.startedAt),
    duration_ms: attempt.durationMs,
    ttft_ms: attempt.ttftMs,
    message: attempt.message,
    consumed: attempt.consumed === undefined ? null : renderConsumed(attempt.consumed),
  }
}

function renderConsumed({ usage, costNanoUsd }: outcome.Consumed): NonNullable<Json<typeof Attempt>['consumed']> {
  return {
    usage: renderUsage(usage),
    cost_usd: costNanoUsd === null ? null : formatUsd(costNanoUsd),
    cost_nano_usd: costNanoUsd === null ? null : costNanoUsd.toString(),
  }
}

function renderDimensions(dimensions: ledger.Dimensions) {
  return {
    key: dimensions.keyId,
    team: dimensions.teamId,
    end_user: dimensions.endUser,
    tags: [...dimensions.tags],
    requested_model: dimensions.requestedModel,
    route: dimensions.route,
    operation: dimensions.operation,
    dialect: dimensions.dialect,
    organisation: dimensions.organisation ?? null,
    task: dimensions.task ?? null,
    purpose: dimensions.purpose ?? null,
  }
}

function renderCost(cost: NanoUsd): { cost_usd: string; cost_nano_usd: string } {
  return { cost_usd: formatUsd(cost), cost_nano_usd: cost.toString() }
}

function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : time(ms)
}

function copied(list: readonly string[] | null): string[] | null {
  return list === null ? null : [...list]
}
