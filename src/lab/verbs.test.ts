import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { verbsOf, verbsOfAny, verbsOfAscii } from './verbs.ts'

for (const [text, verbs] of [
  ['Translate this, then summarise it', ['summarise', 'translate']],
  ['tl;dr please', ['summarise']],
  ['Is this review positive or negative?', ['classify']],
  ['untranslated: no word begins with it', []],
  ['WRITE ME A SHORT POEM', ['create']],
  ['hello, what is a dam?', ['explain', 'greet']],
  ['请总结这篇文章', ['summarise']],
] as const)
  test(`what is asked for in: ${text}`, () => expect(verbsOf(text, text)).toEqual(new Set(verbs)))

/** An instruction for every way in which one may begin. */
const INSTRUCTIONS: Readonly<Record<string, readonly string[]>> = {
  translate: ['translate', 'traduce', 'traduza', 'tradurre'],
  summarise: ['summary', 'tldr', 'tl;dr', 'key points', 'main ideas', 'recap', 'abstract of', 'fass es zusammen'],
  'summarise, too': ['zusammenfassung', 'riassumi', 'resumen', 'crux of'],
  extract: ['extract', 'list all the names', 'find every names', 'identify the dates', 'pull out all entities'],
  'extract, too': ['named entities', 'fill in the schema', 'key-value', 'parse the invoice', 'extrahiere'],
  classify: ['classify', 'categorise', 'which label', 'what topic', 'label this', 'sentiment', 'is this spam'],
  'classify, too': ['positive or negative', 'true or false', 'yes or no', 'entailment', 'one of the following labels'],
  'classify, again': ['klassifiziere', 'clasifica'],
  rewrite: ['rewrite', 'rephrase', 'paraphrase', 'proofread', 'fix grammar', 'correct my spelling', 'check the typos'],
  'rewrite, too': ['improve my text', 'polish this letter', 'edit the essay', 'shorten this text', 'simplify the text'],
  'rewrite, again': [
    'make it sound better',
    'change the tone',
    'more formal',
    'umformuliere',
    'reformula',
    'reescribe',
  ],
  create: ['write a poem', 'compose a song', 'create a story', 'generate an essay', 'draft a speech', 'tell a joke'],
  'create, too': ['role-play', 'pretend you', 'imagine that', 'brainstorm', 'schreib ein gedicht', 'escribe poema'],
  code: [
    'write a function',
    'implement an api',
    'create a script',
    'fix the bug',
    'debug my code',
    'refactor the class',
  ],
  'code, too': [
    'optimise the query',
    'complete the method',
    'review my code',
    'stack trace',
    'traceback',
    'compiler error',
  ],
  'code, again': ['syntax error', 'in rust', 'python', 'javascript', 'typescript', 'numpy', 'pandas', 'leetcode'],
  'code, at last': ['code review'],
  solve: ['solve', 'calculate', 'compute', 'evaluate', 'prove', 'derive', 'integrate', 'differentiate', 'how many'],
  'solve, too': ['simplify the expression', 'what is the sum', 'step by step', "let's think", 'berechne', 'beweise'],
  'solve, again': ['logic puzzle', 'riddle'],
  answerFrom: [
    'based on the text',
    'according to the article',
    'only from the sources',
    'passage:this',
    'context:this',
  ],
  'answerFrom, too': [
    'document:this',
    'article:this',
    'sources:this',
    'answer the question using',
    'use the following passages',
  ],
  'answerFrom, again': ['using the following context', 'in the text above', 'if the answer is not in the'],
  explain: ['what is', 'who was', 'when did', 'where is', 'why do', 'how can', 'explain', 'describe', 'define'],
  'explain, too': ['tell me about', 'difference between', 'was ist', 'wer ist', "qu'est-ce que"],
}

for (const [name, instructions] of Object.entries(INSTRUCTIONS))
  test(`${name}: ${instructions.join(', ')}`, () => {
    const verb = name.split(',')[0]
    for (const instruction of instructions)
      for (const text of [instruction, `So, ${instruction.toUpperCase()}!`])
        expect({ text, found: [...verbsOfAscii(text)] }).toMatchObject({ found: expect.arrayContaining([verb]) })
  })

/** The words that stand in the patterns themselves, so that texts of them match often. */
const WORDS = [...new Set(readFileSync(new URL('./verbs.ts', import.meta.url), 'utf8').match(/[A-Za-z]+/g) ?? [])]

test('gone through word by word, a text has the verbs that the patterns find in the whole of it', () => {
  let seen = 0
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...WORDS) },
    fc.constantFrom('tl;dr', 'what is', 'is this', 'key points', "qu'est", 'in python', '_solve', 'step-by-step', 'A1'),
    fc.string({ maxLength: 4 }),
  )
  const text = fc
    .array(fc.tuple(piece, fc.constantFrom(' ', ' ', ' ', '', '\n', '_', '. ')), { minLength: 20, maxLength: 90 })
    .map((pieces) => pieces.map(([words, between]) => words + between).join(''))
  fc.assert(
    fc.property(text, (words) => {
      const found = verbsOfAny(words)
      seen += found.size
      expect(new Set(verbsOfAscii(words))).toEqual(found)
    }),
    { numRuns: 2_000 },
  )
  expect(seen).toBeGreaterThan(1_000)
})
