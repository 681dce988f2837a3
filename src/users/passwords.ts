// Passwords as argon2id hashes. A hash takes memory and time on purpose, so few run at once and few wait: strangers who try
// passwords must not be able to take the gateway's memory.
import { GatewayError } from '../core/error.ts'

/** What a hash takes: KiB of memory, and passes over them. */
type HashCost = { readonly memoryCost: number; readonly timeCost: number }

export interface Passwords {
  /** Throws `overloaded` where too many wait. */
  hash(password: string): Promise<string>
  /** Takes as long for a hash of null, which no password has. Throws `overloaded`. */
  verify(password: string, hash: string | null): Promise<boolean>
}

// What OWASP's cheat sheet on password storage names as the least for argon2id (2026): 19 MiB, two passes.
const COST: HashCost = { memoryCost: 19_456, timeCost: 2 }
const AT_ONCE = 2
const MOST_WAITING = 32
const SHORTEST = 10
/** What is longer is hashed no better, and read for longer. */
const LONGEST = 200

/** Throws `request_malformed` for what is no password to have. */
export function checkPassword(password: string, login: string, param = 'password'): void {
  const refuse = (message: string): never => {
    throw new GatewayError('request_malformed', { message, param })
  }
  if (password.length < SHORTEST) refuse(`A password has at least ${SHORTEST} characters.`)
  if (password.length > LONGEST) refuse(`A password has at most ${LONGEST} characters.`)
  if (password.trim().toLowerCase() === login) refuse('The password is the login.')
}

/** `cost`: what a password is worth, unless a test cannot wait that long. */
export function createPasswords(cost: HashCost = COST): Passwords {
  const argon2 = { algorithm: 'argon2id', ...cost } as const
  let running = 0
  const waiting: (() => void)[] = []
  /** Of a password that nobody knows; made when it is needed first. */
  let nobodys: Promise<string> | null = null

  async function inTurn<T>(action: () => Promise<T>): Promise<T> {
    if (running >= AT_ONCE) {
      if (waiting.length >= MOST_WAITING)
        throw new GatewayError('overloaded', { message: 'Too many people log in at once.', retryAfterMs: 1_000 })
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running++
    try {
      return await action()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }

  return {
    hash: (password) => inTurn(() => Bun.password.hash(password, argon2)),
    async verify(password, hash) {
      nobodys ??= Bun.password.hash(crypto.randomUUID(), argon2)
      const against = hash ?? (await nobodys)
      // An empty password is none, and Bun refuses to look at it.
      const found = await inTurn(() => Bun.password.verify(password === '' ? ' ' : password, against))
      return found && hash !== null
    },
  }
}
