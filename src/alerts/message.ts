// One alert as it is sent: in words for people, as JSON for programs.
import type { AlertAttachment, AlertKind, AlertOf, AlertSubject } from '../core/alert.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { plainLine } from '../core/plain-line.ts'
import type { KeptAlert, ListedAlert } from '../store/store.ts'
import { KINDS, type Severity, whoOf } from './kinds.ts'
import type { Named } from './named.ts'

export type Message = {
  readonly id: string
  /** Id of the message that told of the beginning; its own, where it tells of no end. */
  readonly incidentId: string
  readonly isOver: boolean
  readonly kind: AlertKind
  readonly severity: Severity
  readonly at: number
  readonly subject: AlertSubject & { readonly name: string | null; readonly teamId: string | null }
  readonly title: string
  readonly text: string
  /** Names as they are written outside. */
  readonly data: JsonObject
  readonly html: string | null
  readonly attachments: readonly AlertAttachment[]
}

const LONGEST_TITLE = 200

export function messageOf({ id, incidentId, alert }: Omit<KeptAlert, 'no'>, named: Named): Message {
  const { kind, at, subject, isOver = false } = alert
  return { ...wordsOf(alert, named), id, incidentId, isOver, kind, at, subject: subjectOf(subject, named) }
}

function subjectOf(subject: AlertSubject, { name, teamId }: Named): Message['subject'] {
  return { ...subject, name, teamId }
}

function wordsOf<Kind extends AlertKind>(
  { kind, subject, facts, isOver }: AlertOf<Kind>,
  { name }: Named,
): Pick<Message, 'severity' | 'title' | 'text' | 'data' | 'html' | 'attachments'> {
  const row = KINDS[kind]
  const who = whoOf(subject, name)
  const begun = { title: row.title(facts, who), text: row.text(facts, who) }
  const { title, text } = isOver === true ? (row.over?.(facts, who) ?? begun) : begun
  return {
    severity: isOver === true ? 'info' : row.severity(facts),
    title: capitalised(plainLine(title)).slice(0, LONGEST_TITLE),
    text: text.trim(),
    data: snakeCased(row.data?.(facts) ?? facts),
    html: null,
    attachments: [],
    ...row.rich?.(facts),
  }
}

/** How urgent an alert is; its end is as urgent. */
export function severityOf<Kind extends AlertKind>({ kind, facts }: AlertOf<Kind>): Severity {
  return KINDS[kind].severity(facts)
}

/** The JSON of a webhook. */
export function messageJson({ id, incidentId, isOver, kind, severity, at, subject, title, text, data }: Message) {
  return {
    id,
    kind,
    severity,
    is_over: isOver,
    incident: incidentId,
    at: new Date(at).toISOString(),
    subject: { scope: subject.scope, id: subject.id, name: subject.name, team: subject.teamId },
    title,
    text,
    data,
  }
}

/** One alert in a list: what it says, and where it went. */
export function listedJson(listed: ListedAlert, named: Named) {
  return {
    ...messageJson(messageOf(listed, named)),
    deliveries: listed.deliveries.map(({ destination, state, tries, nextAt, endedAt, problem }) => ({
      destination,
      state,
      tries,
      next_at: timeOrNull(nextAt),
      ended_at: timeOrNull(endedAt),
      problem,
    })),
  }
}

function timeOrNull(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}

/** Titles begin with whom they are about, whose words are lower case. */
function capitalised(title: string): string {
  return title.charAt(0).toUpperCase() + title.slice(1)
}

// What lies deeper has its names from whoever told it.
function snakeCased(facts: object): JsonObject {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]: [string, JsonValue | undefined]) => [
      name.replaceAll(/(?<=[a-z\d])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  )
}
