// One alert as it is sent: in words for people, as JSON for programs.
import type { AlertAttachment, AlertKind, AlertOf, AlertSubject } from '../core/alert.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import type { KeptAlert, ListedAlert } from '../store/store.ts'
import { KINDS, type Severity, whoOf } from './kinds.ts'
import type { Named } from './named.ts'

export type Message = {
  readonly id: string
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

export function messageOf({ id, alert }: Pick<KeptAlert, 'id' | 'alert'>, named: Named): Message {
  return { ...wordsOf(alert, named), id, kind: alert.kind, at: alert.at, subject: subjectOf(alert.subject, named) }
}

function subjectOf(subject: AlertSubject, { name, teamId }: Named): Message['subject'] {
  return { ...subject, name, teamId }
}

function wordsOf<Kind extends AlertKind>(
  { kind, subject, facts }: AlertOf<Kind>,
  { name }: Named,
): Pick<Message, 'severity' | 'title' | 'text' | 'data' | 'html' | 'attachments'> {
  const row = KINDS[kind]
  const who = whoOf(subject, name)
  const title = oneLine(row.title(facts, who))
  return {
    severity: row.severity(facts),
    title: capitalised(title).slice(0, LONGEST_TITLE),
    text: row.text(facts, who).trim(),
    data: snakeCased(row.data?.(facts) ?? facts),
    html: null,
    attachments: [],
    ...row.rich?.(facts),
  }
}

/** How urgent an alert is. */
export function severityOf<Kind extends AlertKind>({ kind, facts }: AlertOf<Kind>): Severity {
  return KINDS[kind].severity(facts)
}

/** The JSON of a webhook. */
export function messageJson({ id, kind, severity, at, subject, title, text, data }: Message) {
  return {
    id,
    kind,
    severity,
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

// Names of keys, tags and end users are strangers' words: in a header or a title they stay in one line.
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ').trim()
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
