// The data folder of this machine, opened by a command. A running gateway may have it open at the same time.
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Team, VirtualKey } from '../core/key.ts'
import { DATABASE_FILE, dataFolderOf, openData, type OpenedData } from '../data.ts'
import { allOf } from '../core/all-pages.ts'
import type { Store } from '../store/store.ts'
import { type Arguments, type CliContext, CliError } from './command.ts'

/** `--data`, else WEIR_DATA, else `./weir-data`. */
export function dataFolder(args: Arguments, context: CliContext): string {
  return args.text('data') ?? dataFolderOf(context.environment)
}

/** Whether there is a store to open. */
export function hasLocal(args: Arguments, context: CliContext): boolean {
  return existsSync(path.join(dataFolder(args, context), DATABASE_FILE))
}

/** Opens the data folder. With `create`, an empty one is made where there is none; else that is an error, because a mistyped folder would look like an empty store. */
async function openLocal(args: Arguments, context: CliContext, options: { create: boolean }): Promise<OpenedData> {
  const folder = dataFolder(args, context)
  if (!options.create && !existsSync(path.join(folder, DATABASE_FILE)))
    throw new CliError(
      `There is no store in ${path.resolve(folder)}.`,
      'Name its folder with --data or WEIR_DATA, or start the gateway once.',
    )
  return openData(folder, context.environment)
}

/** Runs `use` on the opened data folder and closes it whatever happens. */
export async function withLocal<T>(
  args: Arguments,
  context: CliContext,
  options: { create: boolean },
  use: (data: OpenedData) => Promise<T>,
): Promise<T> {
  const data = await openLocal(args, context, options)
  try {
    return await use(data)
  } finally {
    await data.close()
  }
}

/** A key by its id, or by its name where only one has it. */
export async function findKey(store: Store, reference: string): Promise<VirtualKey> {
  const byId = await store.getKey(reference)
  if (byId !== null) return byId
  const named = (await allOf((query) => store.listKeys(query))).filter((key) => key.name === reference)
  if (named.length === 1) return named[0]!
  if (named.length === 0) throw new CliError(`There is no key \`${reference}\`.`, '`weir keys list` shows them.')
  const ids = named.map((key) => key.id).join(', ')
  throw new CliError(`${named.length} keys have the name \`${reference}\`.`, `Name one by its id: ${ids}.`)
}

/** A team by its id or its name. */
export async function findTeam(store: Store, reference: string): Promise<Team> {
  const byId = await store.getTeam(reference)
  if (byId !== null) return byId
  const named = (await allOf((query) => store.listTeams(query))).find((team) => team.name === reference)
  if (named === undefined) throw new CliError(`There is no team \`${reference}\`.`, '`weir teams list` shows them.')
  return named
}
