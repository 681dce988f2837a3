// A message as the POST of each channel. Pure. What strangers named (keys, tags, end users) is escaped in each format, so
// that it can neither call people nor link anywhere.
import type { JsonObject } from '../core/json.ts'
import type { Post } from '../providers/post.ts'
import type { Channel } from './destinations.ts'
import type { Severity } from './kinds.ts'
import { type Message, messageJson } from './message.ts'
import { signatureHeaders } from './sign.ts'

export type PostedChannel = Exclude<Channel, { readonly type: 'email' }>

/** `at`: of this try, which its signature tells. */
export function postOf(message: Message, channel: PostedChannel, at: number): Post {
  switch (channel.type) {
    case 'webhook': {
      const body = JSON.stringify(messageJson(message))
      const { id } = message
      const signature = signatureHeaders(channel.secret, { id, at, body })
      return { url: channel.url, headers: { ...JSON_TYPE, 'idempotency-key': id, ...signature }, body }
    }
    case 'slack':
      return jsonPost(channel.url, slackBody(message))
    case 'microsoft_teams':
      return jsonPost(channel.url, microsoftTeamsBody(message))
    case 'discord':
      return jsonPost(channel.url, discordBody(message))
    case 'pagerduty':
      return jsonPost(channel.url, pagerdutyBody(message, channel.key))
  }
}

const JSON_TYPE = { 'content-type': 'application/json' }

function jsonPost(url: string, body: JsonObject): Post {
  return { url, headers: JSON_TYPE, body: JSON.stringify(body) }
}

const SIGNS: Readonly<Record<Severity, string>> = { info: 'ℹ️', warning: '⚠️', critical: '🚨' }
const OVER_SIGN = '✅'
const COLOURS: Readonly<Record<Severity, number>> = { info: 0x3b82f6, warning: 0xf59e0b, critical: 0xdc2626 }
const CARD_COLOURS: Readonly<Record<Severity, string>> = { info: 'accent', warning: 'warning', critical: 'attention' }

// Bounds of each format; what is longer is refused there as a whole.
const SLACK_TITLE = 150
const SLACK_TEXT = 3_000
const DISCORD_TITLE = 256
const DISCORD_TEXT = 4_000
const CARD_TEXT = 10_000
const PAGERDUTY_SUMMARY = 1_024

function slackBody({ id, kind, severity, isOver, title, text }: Message): JsonObject {
  const headline = cut(`${isOver ? OVER_SIGN : SIGNS[severity]} ${title}`, SLACK_TITLE)
  return {
    text: slackEscaped(headline),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: headline } },
      { type: 'section', text: { type: 'mrkdwn', text: cut(slackEscaped(text), SLACK_TEXT), verbatim: true } },
      { type: 'context', elements: [{ type: 'plain_text', text: `${kind} · ${id}` }] },
    ],
  }
}

// https://docs.slack.dev/messaging/formatting-message-text: `<!channel>` would call everybody.
function slackEscaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

// An Adaptive Card, as the webhooks of Teams workflows take it.
function microsoftTeamsBody({ id, kind, severity, title, text }: Message): JsonObject {
  const block = (words: string, more: JsonObject = {}): JsonObject => ({
    type: 'TextBlock',
    text: markdownEscaped(words),
    wrap: true,
    ...more,
  })
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            block(title, { size: 'large', weight: 'bolder', color: CARD_COLOURS[severity] }),
            block(cut(text, CARD_TEXT)),
            block(`${kind} · ${id}`, { isSubtle: true, size: 'small' }),
          ],
        },
      },
    ],
  }
}

function discordBody({ id, kind, severity, at, title, text }: Message): JsonObject {
  return {
    embeds: [
      {
        title: cut(markdownEscaped(title), DISCORD_TITLE),
        description: cut(markdownEscaped(text), DISCORD_TEXT),
        color: COLOURS[severity],
        timestamp: new Date(at).toISOString(),
        footer: { text: `${kind} · ${id}` },
      },
    ],
    // Nobody is called by a name that says `@everyone`.
    allowed_mentions: { parse: [] },
  }
}

function markdownEscaped(text: string): string {
  return text.replaceAll(/[\\`*_~|[\]()<>#@]/g, (sign) => `\\${sign}`)
}

// https://developer.pagerduty.com/docs/events-api-v2: events of one `dedup_key` are one incident, which the end of it resolves.
function pagerdutyBody(message: Message, key: string): JsonObject {
  const { incidentId, isOver, kind, severity, at, subject, title } = message
  return {
    routing_key: key,
    event_action: isOver ? 'resolve' : 'trigger',
    dedup_key: incidentId,
    payload: {
      summary: cut(title, PAGERDUTY_SUMMARY),
      source: 'weir',
      severity,
      timestamp: new Date(at).toISOString(),
      component: subject.id === '' ? subject.scope : `${subject.scope}/${subject.id}`,
      class: kind,
      custom_details: messageJson(message),
    },
  }
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
