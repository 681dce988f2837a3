// What can be seen of a prompt without understanding it: format, marks, script, length, verbs. Linear in the sampled text.
import type { Prompt } from './prompt.ts'

type Script = 'latin' | 'cyrillic' | 'cjk' | 'arabic' | 'other' | 'none'

export type Features = {
  readonly prompt: Prompt
  /** Bits of the length: 0 for nothing, 1 for one character, 11 for a thousand, 20 for half a million. */
  readonly lengthBucket: number
  /** Script of most letters of the text. */
  readonly script: Script
  /** The system message and the text are in different scripts. */
  readonly mixesScripts: boolean
  /** Of the characters of the text that are no space. */
  readonly digitShare: number
  readonly markShare: number
  readonly hasCodeFence: boolean
  readonly looksLikeCode: boolean
  readonly hasLatex: boolean
  /** Lines that name a choice: `A. …`, `(B) …`. */
  readonly choices: number
  readonly asks: boolean
  readonly isLong: boolean
  /** What the instructions ask for, in the system message or at either end of the text. */
  readonly verbs: ReadonlySet<Verb>
}

export type Verb = keyof typeof VERBS

/** Instructions stand at the ends of a text: that many characters at each are searched for verbs. */
const INSTRUCTION_ZONE = 480
const LONG_CHARACTERS = 1_200

/** Words of an instruction, in the languages that prompts are mostly written in. */
const VERBS = {
  translate:
    /\b(?:translat(?:e|es|ed|ing|ion)|übersetz\w*|traduc(?:e|ir|ción|tion)\w*|tradui(?:re|s|t|sez)\w*|traduza|tradurre|переве(?:ди|дите|сти))(?![a-z])|перевед|翻译|翻譯|訳して|翻訳|번역/i,
  summarise:
    /\b(?:summar(?:i[sz]e|i[sz]ing|y|ies)|tl;?dr|(?:key|main) (?:points|takeaways|ideas)|recap|abstract of|fass\w* .{0,60}zusammen|zusammenfass\w*|résum\w+|resum(?:e|ir|en|a)\b|riassum\w+|crux of)\b|总结|摘要|要約|概括|요약|кратко излож|резюмир/i,
  extract:
    /\b(?:extract(?:s|ed|ing)?\b|(?:list|find|identify|pull out) (?:all|every|the) (?:\w+ ){0,4}(?:mentioned|names|entities|dates|in the (?:text|document|passage))|named entit(?:y|ies)|fill in the (?:fields|schema)|key-value|parse (?:the|this) (?:\w+ ){0,3}(?:into|invoice|receipt|text|log)|extrah\w+|extrai\w+|extraer|extrae)\b|提取|抽出/i,
  classify:
    /\b(?:classif(?:y|ies|ication|ying)|categori[sz]e|(?:which|what) (?:category|label|class|topic|intent)|label (?:the|this|each)|sentiment|is (?:this|the following) (?:\w+ ){0,3}(?:positive|negative|spam|toxic|sarcastic|hate)|positive or negative|true or false|yes or no|entailment|one of the following (?:labels|categories|classes)|klassifizier\w*|clasifica\w*|classe[rz]\b)\b|分类|分類/i,
  rewrite:
    /\b(?:rewrite|rephrase|paraphrase|reword|proofread|(?:fix|correct|check) (?:the |my |any |all )?(?:grammar|spelling|typos)|(?:improve|polish|edit|shorten|simplify) (?:the|this|my) (?:\w+ ){0,3}(?:text|email|essay|paragraph|sentence|writing|message|draft|letter|resume)|make (?:this|it|the following) (?:sound |more )\w+|change the tone|more (?:formal|polite|concise|professional)|umformulier\w*|reformul\w*|reescrib\w*)\b|改写|润色|書き直/i,
  create:
    /\b(?:(?:write|compose|create|generate|draft|tell)(?: me| us)? (?:an? |the |some )?(?:\w+[ -]){0,4}(?:story|poem|song|lyrics|haiku|limerick|sonnet|novel|essay|blog(?: post)?|article|script|screenplay|speech|slogan|tagline|joke|dialogue|rap|fairy tale|fiction|monologue|scene|backstory|ad copy|caption|tweet|press release|product description)|role-?play|pretend (?:you|to be)|imagine (?:you|that|a)|brainstorm|schreib\w* .{0,30}(?:gedicht|geschichte)|écri\w+ .{0,30}(?:poème|histoire)|escrib\w+ .{0,30}(?:poema|cuento|historia))\b|写一(?:首|篇|个)|小説/i,
  code: /\b(?:(?:write|implement|create|fix|debug|refactor|optimi[sz]e|complete|review)(?: me)? (?:an? |the |this |my |some )?(?:\w+[ -]){0,5}(?:function|code|script|program|class|method|algorithm|query|sql|regex|unit tests?|api|endpoint|bug|component|module|dockerfile|snippet)|stack ?trace|traceback|compil(?:e|er|es) error|syntax error|in (?:python|javascript|typescript|java|c\+\+|rust|golang|kotlin|swift|ruby|php|bash|haskell)\b|python|javascript|typescript|numpy|pandas|leetcode|code review)\b/i,
  solve:
    /\b(?:solve|calculate|compute|evaluate|prove|derive|integrate|differentiate|simplify the expression|how (?:many|much|long|far|old)|what is the (?:probability|value|sum|product|area|volume|perimeter|remainder|derivative|integral|average|mean|percentage)|step[- ]by[- ]step|let's think|berechne\w*|beweise\w*|calcul(?:e|er|ez|a|ar)\b|logic puzzle|riddle)\b|计算|求解|证明|計算/i,
  answerFrom:
    /\b(?:(?:based|according|only) (?:on|to|from|using) (?:the |this )?(?:\w+ ){0,3}(?:passage|context|text|article|document|documents|paragraph|information|sources?|excerpt|transcript)|(?:passage|context|document|article|sources?)s?:|answer the question (?:using|from|given)|(?:use|using) the following (?:pieces of )?(?:context|documents|passages)|in the (?:passage|article|text) (?:above|below)|if the answer is not in the)\b/i,
  explain:
    /\b(?:what (?:is|are|was|were|does|do)|who (?:is|was|are|were)|when (?:did|was|is)|where (?:is|was|did)|why (?:is|do|does|did|are)|how (?:do|does|did|can|to)|explain|describe|define|tell me about|what's|difference between|was ist|wer ist|erkläre|qu'est-ce que|qué es|explica)\b|什么是|为什么|とは/i,
  greet:
    /^\s*(?:hi|hello|hey|hallo|bonjour|hola|good (?:morning|evening|afternoon)|thanks|thank you|ok|okay|yes|no|sure|你好|こんにちは)\b/i,
} as const

const CODE =
  /(?:^|\n)[ \t]{0,16}(?:def \w+\(|class \w+[:({ ]|import [\w.{*]|from [\w.]+ import|function \w*\(|const \w+ ?=|let \w+ ?=|var \w+ ?=|public (?:static|class|void)|#include ?[<"]|package \w|fn \w+\(|func \w+\(|SELECT\s|select \w|CREATE TABLE|>>> |\$ \w+|for ?\(|while ?\(|if ?\(.{1,60}\) ?\{|return[ (]|@\w+\()|\b(?:console\.log|System\.out|printf\(|std::|self\.\w|=>|Traceback \(most recent)/
const LATEX =
  /\\(?:frac|sqrt|sum|int|begin|end|cdot|times|leq?|geq?|alpha|beta|theta|pi|infty|text|mathbb|mathrm|left|right|boxed)\b|\$[^$\n]{1,80}\$/
const CHOICE = /(?:^|\n)[ \t]{0,8}(?:\(?[A-J][).:]|\([a-j]\)|[a-j]\))[ \t]/g

export function featuresOf(prompt: Prompt): Features {
  const { text, system } = prompt
  const counts = countCharacters(text)
  const systemScript = system === '' ? 'none' : countCharacters(system).script
  const visible = Math.max(1, text.length - counts.spaces)
  return {
    prompt,
    lengthBucket: 32 - Math.clz32(prompt.characters),
    script: counts.script,
    mixesScripts: systemScript !== 'none' && counts.script !== 'none' && systemScript !== counts.script,
    digitShare: counts.digits / visible,
    markShare: counts.marks / visible,
    hasCodeFence: text.includes('```'),
    looksLikeCode: CODE.test(text),
    hasLatex: LATEX.test(text),
    choices: text.match(CHOICE)?.length ?? 0,
    asks: /[?？؟]/.test(text),
    isLong: prompt.characters >= LONG_CHARACTERS,
    verbs: verbsOf(prompt),
  }
}

function verbsOf({ system, text }: Prompt): ReadonlySet<Verb> {
  const found = new Set<Verb>()
  const ends =
    text.length <= 2 * INSTRUCTION_ZONE ? text : `${text.slice(0, INSTRUCTION_ZONE)}\n${text.slice(-INSTRUCTION_ZONE)}`
  const instructions = system === '' ? ends : `${ends}\n${system.slice(0, INSTRUCTION_ZONE)}`
  let verb: Verb
  for (verb in VERBS) if (VERBS[verb].test(verb === 'greet' ? text : instructions)) found.add(verb)
  return found
}

type CharacterCounts = {
  readonly spaces: number
  readonly digits: number
  readonly marks: number
  readonly script: Script
}

function countCharacters(text: string): CharacterCounts {
  let spaces = 0
  let digits = 0
  let marks = 0
  let latin = 0
  let cyrillic = 0
  let cjk = 0
  let arabic = 0
  let other = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x80) {
      const lower = code | 32
      if (lower >= 97 && lower <= 122) latin++
      else if (code >= 48 && code <= 57) digits++
      else if (code <= 32) spaces++
      else marks++
    } else if (code < 0x250) latin++
    else if (code >= 0x400 && code < 0x530) cyrillic++
    else if (code >= 0x590 && code < 0x780) arabic++
    else if ((code >= 0x2e80 && code < 0xa000) || (code >= 0xac00 && code < 0xd7b0)) cjk++
    else if (code >= 0x2000 && code < 0x2e80) marks++
    else other++
  }
  const most = Math.max(latin, cyrillic, cjk, arabic, other)
  let script: Script = 'none'
  if (most > 0)
    script =
      most === latin
        ? 'latin'
        : most === cyrillic
          ? 'cyrillic'
          : most === cjk
            ? 'cjk'
            : most === arabic
              ? 'arabic'
              : 'other'
  return { spaces, digits, marks, script }
}
