// The dialects that every recording is told in, and what each of them can say of an answer.
import type { ChatTranslator } from '../../src/dialects/translator.ts'
import { anthropicMessagesTranslator } from '../../src/dialects/anthropic-messages-translator.ts'
import { geminiTranslator } from '../../src/dialects/gemini-translator.ts'
import { openaiChatTranslator } from '../../src/dialects/openai-chat-translator.ts'
import { openaiResponsesTranslator } from '../../src/dialects/openai-responses-translator.ts'
import { geminiOracle } from './oracle-gemini.ts'
import { anthropicOracle } from './oracle-anthropic.ts'
import { openaiOracle } from './oracle-openai.ts'
import { responsesOracle } from './oracle-responses.ts'
import type { Oracle, Said } from './oracle.ts'

export type Dialect = {
  readonly name: string
  readonly translator: ChatTranslator
  readonly oracle: Oracle
  /** What becomes of ends that it has no word for. */
  readonly ends: Readonly<Record<string, string>>
}

export const DIALECTS: readonly Dialect[] = [
  {
    name: 'openai-chat',
    translator: openaiChatTranslator,
    oracle: openaiOracle,
    ends: { pause: 'stop', other: 'stop', error: 'length' },
  },
  {
    name: 'anthropic-messages',
    translator: anthropicMessagesTranslator,
    oracle: anthropicOracle,
    ends: { other: 'stop', error: 'length' },
  },
  { name: 'gemini', translator: geminiTranslator, oracle: geminiOracle, ends: { pause: 'stop' } },
  {
    name: 'openai-responses',
    translator: openaiResponsesTranslator,
    oracle: responsesOracle,
    ends: { pause: 'stop', other: 'stop' },
  },
]

/** What a dialect should say of an answer that says `said`. */
export function expectedIn(dialect: Dialect, said: Said): Said {
  // A call asks for tools, whatever word its host ended with.
  const finish = said.toolCalls.length > 0 && said.finish === 'stop' ? 'tool_calls' : said.finish
  return { ...said, finish: dialect.ends[finish] ?? finish }
}

/** The JSON data of an event stream in some dialect's words. */
export function dataOf(sse: string): readonly string[] {
  return sse.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []))
}
