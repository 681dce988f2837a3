// Personal data with a form of its own taken out of texts: mail addresses, telephone, card, account and social security numbers, network
// addresses. Names and places have no such form and stay. Every pattern reads a bounded way from where it begins, so that a text costs its length.

const MAIL = /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g
const IBAN = /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/g
const IPV6 = /\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b/gi
const IPV4 = /\b(?:\d{1,3}\.){3}\d{1,3}\b/g
const SOCIAL_SECURITY = /\b\d{3}-\d{2}-\d{4}\b/g
/** Digits with what people write between them. */
const NUMBER = /\+?\(?\d[\d ()./-]{5,24}\d/g
const DATE = /^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}$|^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}$/
const PHONE_DIGITS = { min: 8, max: 15 }
const CARD_DIGITS = { min: 13, max: 19 }

export function withoutPersonalData(text: string): string {
  let clean = text
  // A pattern tries at each character what it could begin; without the one that it needs it need not.
  if (clean.includes('@')) clean = clean.replaceAll(MAIL, '[mail]')
  if (!/\d/.test(clean)) return clean
  if (/[A-Z]{2}\d{2}/.test(clean)) clean = clean.replaceAll(IBAN, '[account]')
  if (clean.includes(':')) clean = clean.replaceAll(IPV6, '[address]')
  if (clean.includes('.')) clean = clean.replaceAll(IPV4, '[address]')
  return clean.replaceAll(SOCIAL_SECURITY, '[number]').replaceAll(NUMBER, (written) => numberWord(written) ?? written)
}

/** What a number looks like; null: nothing of anybody's. */
function numberWord(written: string): string | null {
  if (DATE.test(written.trim())) return null
  const digits = written.replaceAll(/\D/g, '')
  const isCard = digits.length >= CARD_DIGITS.min && digits.length <= CARD_DIGITS.max && !written.startsWith('+')
  if (isCard && hasLuhnSum(digits)) return '[card]'
  const isPhone = digits.length >= PHONE_DIGITS.min && digits.length <= PHONE_DIGITS.max
  // A bare run of digits is an id or an amount more often than a telephone number.
  return isPhone && (/^\+|^\(?0/.test(written) || /[ ()/-]/.test(written)) ? '[phone]' : null
}

function hasLuhnSum(digits: string): boolean {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index])
    sum += index % 2 === 0 ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit
  }
  return sum % 10 === 0
}
