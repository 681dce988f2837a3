// Refusals by their words: short answers that begin with not being able or willing to, in the languages that prompts are mostly written in.

/** A long answer that begins with an excuse still helps. */
const MAX_CHARACTERS = 700
const OPENING = 240

const OPENINGS: readonly RegExp[] = [
  /\b(?:i'?m|i am) (?:really |very |so )?(?:sorry|afraid)\b.{0,60}\b(?:can'?t|cannot|can not|unable|won'?t|not able)\b/i,
  /^\s*(?:sorry|apologies|unfortunately)\b.{0,60}\bi (?:can'?t|cannot|can not|won'?t|am unable|am not able)\b/i,
  /\bi (?:can'?t|cannot|can not|won'?t|will not|am unable to|am not able to|must decline to) (?:help|assist|comply|provide|fulfil+|do that|engage|discuss|answer|create|generate|write|continue|support|participate)\b/i,
  /\bas an? (?:ai|language model|ai language model|artificial intelligence)\b.{0,80}\b(?:can'?t|cannot|unable|not able|don'?t have)\b/i,
  /\b(?:tut mir leid|entschuldigung)\b.{0,80}\b(?:kann|darf|möchte)\b.{0,40}\bnicht\b|\bdabei kann ich (?:dir|ihnen )?(?:leider )?nicht helfen\b/i,
  /\b(?:je suis désolée?|désolée?)\b.{0,80}\bje ne peux pas\b|\bje ne peux pas (?:vous |t')?(?:aider|répondre|fournir)\b/i,
  /\blo siento\b.{0,80}\bno puedo\b|\bno puedo (?:ayudar|proporcionar|cumplir)\w*/i,
  /\b(?:mi dispiace)\b.{0,80}\bnon posso\b|\bdesculpe\b.{0,80}\bnão posso\b/i,
  /(?:抱歉|对不起|對不起).{0,40}(?:无法|不能|無法)|申し訳(?:ありません|ございません).{0,60}(?:できません|できかねます)|죄송합니다.{0,60}(?:없습니다|어렵습니다)/,
  /(?:извините|простите|к сожалению).{0,80}(?:не могу|не смогу)/i,
]

export function isRefusal(text: string): boolean {
  const trimmed = text.trim()
  if (trimmed.length > MAX_CHARACTERS) return false
  const opening = trimmed.slice(0, OPENING).replaceAll('’', "'").replaceAll('\n', ' ')
  return OPENINGS.some((words) => words.test(opening))
}
