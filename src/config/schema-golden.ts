// `golden:` of the file: questions with checkable answers that are put to deployments from time to time.
import { parseAmount } from './budget-values.ts'
import { duration, type Field, integer, leaf, list, map, section, text } from './fields.ts'

type GoldenCheckConfig = {
  readonly equals?: string
  readonly contains: readonly string[]
  readonly excludes: readonly string[]
  readonly matches?: string
  readonly number?: number
  readonly json: Readonly<Record<string, string | number | boolean>>
}

export type GoldenPromptConfig = {
  readonly name: string
  readonly task: string
  readonly system?: string
  readonly prompt: string
  readonly check: GoldenCheckConfig
}

export type GoldenConfig = {
  /** 0: never. */
  readonly everyMs: number
  /** Of a day, all deployments together; decimal dollars. */
  readonly maxUsd: string
  /** Empty: the targets of all routes. */
  readonly deployments: readonly string[]
  /** Empty: those that come with the program. */
  readonly prompts: readonly GoldenPromptConfig[]
  readonly maxOutputTokens: number
}

const DAY = 86_400_000

function word(description: string): Field<string> {
  return text({ description, kind: 'text' })
}

const check = section<GoldenCheckConfig>(
  { description: 'What the answer must be like; all that is given must hold. Without regard to case.' },
  {
    equals: word('The whole answer, but for spaces, full stops and quotes around it.'),
    contains: list({ description: 'Words that must be in it.' }, word(''), []),
    excludes: list({ description: 'Words that must not be in it.' }, word(''), []),
    matches: text(
      {
        description: 'A regular expression that must match.',
        kind: 'regular expression',
        expected: 'a regular expression such as ^yes',
      },
      undefined,
      (value) => (isPattern(value) ? value : null),
    ),
    number: leaf<number>({ description: 'The last number in it.', kind: 'number' }, (value) =>
      typeof value === 'number' && Number.isFinite(value) ? { value } : { expected: 'a number' },
    ),
    json: map(
      { description: 'It must be JSON with these fields at least.' },
      '<field>',
      leaf<string | number | boolean>({ description: '', kind: 'text, number, true or false' }, (value) =>
        typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
          ? { value }
          : { expected: 'a text, a number, true or false' },
      ),
      {},
    ),
  },
)

const prompt = section<GoldenPromptConfig>(
  { description: 'One question.' },
  {
    name: text({ description: 'Its name in the log.', kind: 'name' }),
    task: text({ description: 'Which task it is an example of, by our names.', kind: 'task' }),
    system: word('The system message.'),
    prompt: word('The question.'),
    check,
  },
  { required: ['name', 'task', 'prompt', 'check'] },
)

export const golden: Field<GoldenConfig> = section<GoldenConfig>(
  {
    description:
      'Questions with checkable answers, put to each deployment from time to time: when it gets fewer right than usual, it has changed.',
  },
  {
    everyMs: duration(
      { description: 'How often; `0s`: never.', synonyms: ['schedule', 'interval'] },
      { min: 0, max: 366 * DAY },
      0,
    ),
    maxUsd: leaf<string>(
      { description: 'What all of them may cost in a day (UTC).', kind: 'dollars' },
      (value) =>
        parseAmount(value) === null ? { expected: 'an amount in dollars, such as 0.50' } : { value: String(value) },
      '1',
    ),
    deployments: list(
      { description: 'Whom they are put to, as `provider/model`. Default: the targets of all routes.' },
      text({ description: '', kind: '`provider/model`' }),
      [],
    ),
    prompts: list(
      { description: 'The questions. Default: 150 that come with the program, 30 for each of five tasks.' },
      prompt,
      [],
    ),
    maxOutputTokens: integer({ description: 'Bound on each answer.' }, { min: 16, max: 100_000 }, 1_000),
  },
)

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp
  } catch {
    return false
  }
}
