// `providers.<name>.custom` of the file: an API of somebody's own, described by templates and places.
import type { FinishReason } from '../core/chat-answer.ts'
import {
  CUSTOM_HEADER_PLACEHOLDERS,
  CUSTOM_PATH_PLACEHOLDERS,
  CUSTOM_PLACEHOLDERS,
  type CustomFormat,
  type CustomPlaces,
  type CustomStream,
} from '../core/custom-format.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { isPointer } from '../core/json-pointer.ts'
import { didYouMean } from '../core/nearest.ts'
import { templateProblem } from '../core/template.ts'
import { choice, type Field, leaf, map, section, text } from './fields.ts'

/** How the provider's key is presented; absent: as `Authorization: Bearer`. */
type CustomAuth = { readonly header?: string; readonly prefix?: string; readonly query?: string }

export type CustomConfig = Omit<CustomFormat, 'stream'> & {
  readonly stream?: CustomStream
  readonly auth?: CustomAuth
}

const FINISHES = ['stop', 'length', 'content_filter', 'tool_calls', 'other'] as const satisfies readonly FinishReason[]

const POINTER = { kind: 'JSON Pointer', expected: 'a JSON Pointer such as /choices/0/text' }

function place(description: string): Field<string> {
  return text({ ...POINTER, description }, undefined, (value) => (isPointer(value) ? value : null))
}

/** Wrong templates are told with what is wrong in them. */
function templateWords(template: JsonValue, known: readonly string[]): { expected: string; hint: string } | null {
  const problem = templateProblem(template, known)
  if (problem === null) return null
  const where = problem.path === '' ? '' : ` at ${problem.path}`
  return {
    expected: `a template whose placeholders are {{${known.join('}}, {{')}}}`,
    hint:
      problem.unknown === null
        ? `A brace${where} belongs to no placeholder.`
        : `There is no {{${problem.unknown}}}${where}. ${didYouMean(problem.unknown, known) ?? ''}`.trim(),
  }
}

function textTemplate(description: string, known: readonly string[], fits: RegExp, kind: string): Field<string> {
  return leaf({ description, kind }, (value) => {
    if (typeof value !== 'string' || !fits.test(value)) return { expected: kind }
    return templateWords(value, known) ?? { value }
  })
}

const body: Field<JsonObject> = leaf(
  {
    description:
      'What is sent, as a mapping. A text that is one placeholder becomes its value, of whatever type, and is left out where the request does not say it; in longer texts placeholders become text.',
    kind: 'mapping with placeholders',
  },
  (value) => {
    if (!isObject(value)) return { expected: 'a mapping' }
    return templateWords(value, CUSTOM_PLACEHOLDERS) ?? { value }
  },
)

const usage = section<NonNullable<CustomPlaces['usage']>>(
  { description: 'Where the numbers of tokens stand; without them they are estimated.' },
  {
    input: place('All tokens that went in.'),
    cached: place('Those of them that came from a cache.'),
    output: place('All tokens that came out.'),
    reasoning: place('Those of them that were thoughts.'),
  },
  { optional: true },
)

function places(): { readonly [field in keyof CustomPlaces]-?: Field<NonNullable<CustomPlaces[field]>> } {
  return {
    text: place('The text: one, or a list of texts that belong together.'),
    reasoning: place('The thoughts.'),
    finish: place('The word for why the answer ended.'),
    error: place('Where something stands there, the answer is none, and this is why.'),
    usage,
  }
}

const stream = section<CustomStream>(
  { description: 'How answers are streamed. Without it a caller’s stream is made of a whole answer.' },
  {
    ...places(),
    framing: choice({ description: 'Server-sent events, or a JSON text on each line.' }, ['sse', 'json_lines'], 'sse'),
    path: textTemplate('Where streams are asked for, if it is elsewhere.', CUSTOM_PATH_PLACEHOLDERS, /^\//, 'path'),
    textIs: choice(
      { description: 'Whether an event has what is new, or all that there is so far.' },
      ['delta', 'whole'],
      'delta',
    ),
    done: text({ description: 'Data of the event that ends a stream, such as `[DONE]`.', kind: 'text' }),
    end: place('Place of what is true in the last event.'),
  },
  { required: ['text'], optional: true },
)

const messages = section<CustomFormat['messages']>(
  { description: 'How `{{messages}}` are written, and who speaks in `{{prompt}}`.' },
  {
    roleField: text({ description: 'Member that names who speaks.', kind: 'name' }, 'role'),
    contentField: text({ description: 'Member that holds the text.', kind: 'name' }, 'content'),
    roles: section<CustomFormat['messages']['roles']>(
      { description: 'What they are called.' },
      {
        system: text({ description: 'Whoever gives the instructions.', kind: 'name' }, 'system'),
        user: text({ description: 'Whoever asks.', kind: 'name' }, 'user'),
        assistant: text({ description: 'Whoever answers.', kind: 'name' }, 'assistant'),
      },
    ),
  },
)

const auth = section<CustomAuth>(
  { description: 'How a key is presented. Default: `Authorization: Bearer`.' },
  {
    header: text({ description: 'Header that holds it.', kind: 'header name' }, undefined, (value) =>
      /^[A-Za-z0-9-]+$/.test(value) ? value.toLowerCase() : null,
    ),
    prefix: text({ description: 'What stands before it in the header.', kind: 'text' }, undefined, (value) =>
      /^[\x20-\x7e]*$/.test(value) ? value : null,
    ),
    query: text(
      { description: 'Parameter of the query that holds it, instead of a header.', kind: 'name' },
      undefined,
      (value) => (/^[A-Za-z0-9_.-]+$/.test(value) ? value : null),
    ),
  },
  { optional: true },
)

/** For the preset `custom`. */
export const custom: Field<CustomConfig> = section<CustomConfig>(
  {
    description:
      'An HTTP API of your own, for the preset `custom`: what it is sent, and where in its answers things stand.',
  },
  {
    method: choice({ description: 'How requests are sent.' }, ['POST', 'PUT'], 'POST'),
    path: textTemplate(
      'Below the base URL; may name `{{model}}`.',
      CUSTOM_PATH_PLACEHOLDERS,
      /^\/[^?#\s]*(?:\?[^#\s]*)?$/,
      'path',
    ),
    headers: map(
      {
        description:
          'Headers of each request; may name `{{model}}` and `{{user}}`. Those that never change may also stand in `headers` of the provider.',
      },
      '<header>',
      textTemplate('', CUSTOM_HEADER_PLACEHOLDERS, /^[\x20-\x7e]*$/, 'text'),
      {},
    ),
    body,
    messages,
    answer: section<CustomPlaces>({ description: 'Where things stand in a whole answer.' }, places(), {
      required: ['text'],
    }),
    finishWords: map(
      { description: 'Its words for why an answer ended, where they are not the usual ones.' },
      '<word>',
      choice({ description: '' }, FINISHES),
      {},
    ),
    stream,
    auth,
  },
  { required: ['path', 'body', 'answer'], optional: true },
)
