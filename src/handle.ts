// THE PATH: what happens to a request, stage by stage. The stage names are the names in logs, metrics and documentation.
//
//   authenticate → read → plan → recall → admit → attempt → relay → settle → sample
//
// Authentication looks at the headers alone, so that a stranger cannot make the gateway buffer a body. Planning comes
// before admission, because the reservation is made for the dearest target that the plan may reach. Most requests pass recall
// by: it is for those whose answer may be another one's, and then nothing after it happens.
// Sampling is no call here: what is to be learned from a request is marked when its route is known, and looked at when it is over.
import type { Call } from './core/call.ts'
import type { ClientRequest } from './core/client-request.ts'
import { GatewayError } from './core/error.ts'
import type { Reply } from './core/reply.ts'
import type { Dialect } from './dialects/dialect.ts'
import type { Exchange } from './exchange.ts'
import type { Answer } from './routing/attempt-run.ts'
import type { Plan } from './routing/plan.ts'
import type { KeyWithTeam } from './store/store.ts'

/** Where a request came in: what the path needs to know of it. */
export type Entrance = {
  /** Family in a key's `endpoints`; null for what every key may do. */
  readonly family: string | null
  readonly dialect: Dialect
}

/** The caller's network address, looked up only when somebody asks. */
export type AddressOf = () => string | null

/** The stages as functions; `app.ts` puts them together. */
export type Stages = {
  /** `id`: of a request that has one already. */
  readonly open: (request: ClientRequest, entrance: Entrance, id?: string) => Exchange
  readonly authenticate: (
    exchange: Exchange,
    request: ClientRequest,
    addressOf: AddressOf,
  ) => Promise<KeyWithTeam> | KeyWithTeam
  readonly read: (exchange: Exchange, request: ClientRequest) => Promise<Call> | Call
  readonly plan: (exchange: Exchange, request: ClientRequest, call: Call, caller: KeyWithTeam) => Plan
  /**
   * Null: the request is its own, as most. Else its answer may be another one's: of the cache, of an equal request that
   * runs, or of the first request with its `Idempotency-Key`.
   */
  readonly recall: (
    exchange: Exchange,
    request: ClientRequest,
    call: Call,
    caller: KeyWithTeam,
    plan: Plan,
    stages: Stages,
  ) => Promise<Reply> | null
  /** Returns the plan without the targets that no budget has room for, or that of a cheaper route. */
  readonly admit: (
    exchange: Exchange,
    request: ClientRequest,
    call: Call,
    caller: KeyWithTeam,
    plan: Plan,
  ) => Promise<Plan> | Plan
  readonly attempt: (exchange: Exchange, request: ClientRequest, call: Call, plan: Plan) => Promise<Answer>
  readonly relay: (exchange: Exchange, request: ClientRequest, answer: Answer) => Promise<Reply> | Reply
  /** The answer to a request that failed before anything of an answer was sent; closes the exchange. */
  readonly refuse: (exchange: Exchange, error: GatewayError) => Promise<Reply>
  readonly onInternal: (error: unknown, exchange: Exchange) => void
}

export async function handle(
  request: ClientRequest,
  entrance: Entrance,
  addressOf: AddressOf,
  stages: Stages,
): Promise<Reply> {
  const exchange = stages.open(request, entrance)
  try {
    const known = stages.authenticate(exchange, request, addressOf)
    // An `await` of what is here already costs a turn of the microtask queue: most callers are in the cache.
    const caller = known instanceof Promise ? await known : known
    const read = stages.read(exchange, request)
    const call = read instanceof Promise ? await read : read
    const planned = stages.plan(exchange, request, call, caller)
    const recalled = stages.recall(exchange, request, call, caller, planned, stages)
    if (recalled !== null) return await recalled
    const plan = await stages.admit(exchange, request, call, caller, planned)
    const answer = await stages.attempt(exchange, request, call, plan)
    return await stages.relay(exchange, request, answer)
  } catch (error) {
    if (!(error instanceof GatewayError)) stages.onInternal(error, exchange)
    return stages.refuse(exchange, error instanceof GatewayError ? error : new GatewayError('internal', {}, error))
  }
}

/** The rest of the path, for those who find at recall that a provider has to be asked. */
export async function ask(
  exchange: Exchange,
  request: ClientRequest,
  call: Call,
  caller: KeyWithTeam,
  planned: Plan,
  stages: Stages,
): Promise<Reply> {
  const plan = await stages.admit(exchange, request, call, caller, planned)
  const answer = await stages.attempt(exchange, request, call, plan)
  return await stages.relay(exchange, request, answer)
}
