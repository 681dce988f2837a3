// `feedback:` of the file: how webhooks of evaluation tools are understood.
import { isPointer } from '../core/json-pointer.ts'
import { type Field, leaf, map, section, text } from './fields.ts'

/** Places are JSON Pointers into what the tool sends; absent: it does not say that. */
export type FeedbackWebhookConfig = {
  /** List of things that are said; the other places are then inside each. Absent: one thing is said at a time. */
  readonly items?: string
  readonly requestId: string
  readonly source?: string
  readonly score?: string
  /** What the tool gives to the worst and to the best answer. */
  readonly scale: readonly [worst: number, best: number]
  readonly taskSuccess?: string
  readonly label?: string
  readonly comment?: string
}

export type FeedbackConfig = { readonly webhooks: Readonly<Record<string, FeedbackWebhookConfig>> }

function place(description: string): Field<string> {
  return text(
    { description, kind: 'JSON Pointer', expected: 'a JSON Pointer such as /scores/0/value' },
    undefined,
    (value) => (isPointer(value) ? value : null),
  )
}

const webhook = section<FeedbackWebhookConfig>(
  { description: 'What one tool sends to `POST /v1/feedback/<webhook>`. Places are JSON Pointers.' },
  {
    items: place('Where a list of things stands that are said at once; the other places are then inside each of them.'),
    requestId: place(
      'Where the id of the request stands (`x-weir-request-id`): of what the tool was given, mostly its metadata.',
    ),
    source: place(
      'Where the name of the evaluation stands. What the same one says again replaces what it said. Default: the name of the webhook.',
    ),
    score: place('Where the score stands, a number or true or false.'),
    scale: leaf<readonly [number, number]>(
      { description: 'The scores of the worst and of the best answer.', kind: 'two numbers' },
      (value) =>
        Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] !== value[1]
          ? { value: [value[0] as number, value[1] as number] }
          : { expected: 'two different numbers, such as [1, 5]' },
      [0, 1],
    ),
    taskSuccess: place('Where true or false stands: whether what was wanted came of the answer.'),
    label: place('Where the task of the request stands, as a name of ours.'),
    comment: place('Where a comment stands.'),
  },
  { required: ['requestId'] },
)

export const feedback: Field<FeedbackConfig> = section<FeedbackConfig>(
  { description: 'What is said of answers (`POST /v1/feedback`).' },
  {
    webhooks: map({ description: 'Tools that send what they found, each in its own form.' }, '<webhook>', webhook, {}),
  },
)
