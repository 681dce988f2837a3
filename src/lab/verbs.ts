// The verbs of instructions: what a text asks for, by words of the languages that prompts are mostly written in.
//
// Eleven patterns over a page cost more than all else that is looked at of a request. In plain English text every match begins at the
// beginning of a word, so the text is gone through once, and a pattern is tried only where the first three letters are among its own.

export type Verb = keyof typeof PATTERNS

/** All but `greet`, which stands at the very beginning or is none. */
const PATTERNS = {
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
} as const satisfies Record<string, RegExp>

/** How the matches of each pattern begin, as long as there is nothing but ASCII; `_`: anything but a letter. */
const STARTS: { readonly [verb in Exclude<Verb, 'greet'>]: string } = {
  translate: 'tra',
  summarise: 'sum tld tl_ key mai rec abs fas zus ria res cru',
  extract: 'ext lis fin ide pul nam fil key par',
  classify: 'cla cat whi wha lab sen is_ pos tru yes ent one kla',
  rewrite: 'rew rep par pro fix cor che imp pol edi sho sim mak cha mor umf ref ree',
  create: 'wri com cre gen dra tel rol pre ima bra sch esc',
  code: 'wri imp cre fix deb ref opt com rev sta tra syn in_ pyt jav typ num pan lee cod',
  solve: 'sol cal com eva pro der int dif sim how wha ste let ber bew log rid',
  answerFrom: 'bas acc onl pas con doc art sou ans use usi in_ if_',
  explain: 'wha who whe why how exp des def tel dif was wer qu_',
}

const VERBS = Object.keys(STARTS) as (keyof typeof STARTS)[]
/** The patterns as they are tried at one place of a text. */
const AT_PLACE = VERBS.map((verb) => new RegExp(PATTERNS[verb].source, 'iy'))
const BEYOND_ASCII = /[^\0-\x7f]/
/** ASCII → 1–26 for letters of either case, 0 for all others. */
const LETTERS = Uint8Array.from({ length: 128 }, (_, code) => {
  const letter = (code | 32) - 96
  return code >= 65 && letter >= 1 && letter <= 26 ? letter : 0
})
/** What goes on with a word: letters, digits, `_`. */
const IN_WORD = Uint8Array.from({ length: 128 }, (_, code) => (/\w/.test(String.fromCharCode(code)) ? 1 : 0))
/** A bit for each verb that may begin with three letters (5 bits each). */
const BY_START = startTable()

function startTable(): Uint16Array {
  const table = new Uint16Array(1 << 15)
  for (const [place, verb] of VERBS.entries())
    for (const start of STARTS[verb].split(' ')) {
      const codes = Array.from(start, (character) => LETTERS[character.charCodeAt(0)]!)
      table[(codes[0]! << 10) | (codes[1]! << 5) | codes[2]!]! |= 1 << place
    }
  return table
}

/** The verbs of some instructions; `text`: the message that they are taken from. */
export function verbsOf(instructions: string, text: string): ReadonlySet<Verb> {
  const found = BEYOND_ASCII.test(instructions) ? verbsOfAny(instructions) : verbsOfAscii(instructions)
  if (PATTERNS.greet.test(text)) found.add('greet')
  return found
}

/** By each pattern over the whole text. */
export function verbsOfAny(instructions: string): Set<Verb> {
  return new Set<Verb>(VERBS.filter((verb) => PATTERNS[verb].test(instructions)))
}

/** The same, for a text of ASCII alone. */
export function verbsOfAscii(instructions: string): Set<Verb> {
  const found = new Set<Verb>()
  let missing = (1 << VERBS.length) - 1
  let wasInWord = 0
  for (let index = 0; index < instructions.length; index++) {
    const code = instructions.charCodeAt(index)
    const isInWord = IN_WORD[code]!
    if (isInWord === 1 && wasInWord === 0) {
      const second = index + 1 < instructions.length ? LETTERS[instructions.charCodeAt(index + 1)]! : 0
      const third = index + 2 < instructions.length ? LETTERS[instructions.charCodeAt(index + 2)]! : 0
      let candidates = BY_START[(LETTERS[code]! << 10) | (second << 5) | third]! & missing
      while (candidates !== 0) {
        const place = 31 - Math.clz32(candidates)
        candidates ^= 1 << place
        const pattern = AT_PLACE[place]!
        pattern.lastIndex = index
        if (!pattern.test(instructions)) continue
        missing ^= 1 << place
        found.add(VERBS[place]!)
      }
    }
    wasInWord = isInWord
  }
  return found
}
