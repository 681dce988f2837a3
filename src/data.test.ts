import { afterEach, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { dataFolderOf, openData } from './data.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const parent = mkdtempSync(path.join(tmpdir(), 'weir-data-'))
  folders.push(parent)
  return path.join(parent, 'data')
}

async function messageOf(opening: Promise<unknown>): Promise<string> {
  return opening.then(
    () => 'opened',
    (error: Error) => error.message,
  )
}

test('the folder comes from WEIR_DATA, else it is ./weir-data', () => {
  expect(dataFolderOf({})).toBe('weir-data')
  expect(dataFolderOf({ WEIR_DATA: '' })).toBe('weir-data')
  expect(dataFolderOf({ WEIR_DATA: '/somewhere' })).toBe('/somewhere')
})

test('a new folder, its secret and its store are closed to other users', async () => {
  const folder = newFolder()
  const data = await openData(folder, {})
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  expect(statSync(path.join(folder, 'weir.key')).mode & 0o777).toBe(0o600)
  expect(statSync(path.join(folder, 'weir.db')).mode & 0o077).toBe(0)
  expect(readdirSync(folder).filter((name) => name.startsWith('weir.key'))).toEqual(['weir.key'])
  await data.close()
})

test('hashes are the same after a restart, and other in another folder', async () => {
  const [folder, other] = [newFolder(), newFolder()]
  const hashes: string[] = []
  for (const place of [folder, folder, other]) {
    const data = await openData(place, {})
    hashes.push(data.hash('sk-weir-x'))
    await data.close()
  }
  expect(hashes[1]).toBe(hashes[0])
  expect(hashes[2]).not.toBe(hashes[0])
})

test('ten openers at once agree on one secret', async () => {
  const folder = newFolder()
  const opened = await Promise.all(Array.from({ length: 10 }, () => openData(folder, {})))
  expect(new Set(opened.map((data) => data.hash('x'))).size).toBe(1)
  for (const data of opened) await data.close()
})

test('WEIR_SECRET stands in for the file, which is then not made', async () => {
  const folder = newFolder()
  const environment = { WEIR_SECRET: 'a'.repeat(32) }
  const data = await openData(folder, environment)
  expect(existsSync(path.join(folder, 'weir.key'))).toBe(false)
  await data.close()
})

test('the secret stands nowhere in the store', async () => {
  const folder = newFolder()
  const data = await openData(folder, { WEIR_SECRET: 'planted-secret-planted-secret-planted' })
  await data.close()
  for (const name of readdirSync(folder))
    expect(readFileSync(path.join(folder, name), 'latin1')).not.toContain('planted')
})

test.each<[string, (folder: string) => Record<string, string>, string]>([
  ['another WEIR_SECRET', () => ({ WEIR_SECRET: 'b'.repeat(32) }), 'The secret in WEIR_SECRET is not the one'],
  [
    'another weir.key',
    (folder) => {
      writeFileSync(path.join(folder, 'weir.key'), 'c'.repeat(43))
      return {}
    },
    'weir.key is not the one',
  ],
  [
    'a weir.key that is cut short',
    (folder) => {
      writeFileSync(path.join(folder, 'weir.key'), '')
      return {}
    },
    'is cut short',
  ],
  [
    'no weir.key any more',
    (folder) => {
      rmSync(path.join(folder, 'weir.key'))
      return {}
    },
    'is missing',
  ],
  ['a WEIR_SECRET that could be guessed', () => ({ WEIR_SECRET: 'short' }), 'needs at least 32'],
])('a store is refused with %s', async (_, change, words) => {
  const folder = newFolder()
  const data = await openData(folder, {})
  await data.close()
  expect(await messageOf(openData(folder, change(folder)))).toContain(words)
})

test('a folder that cannot be made is named', async () => {
  const folder = newFolder()
  writeFileSync(folder, 'a file')
  chmodSync(folder, 0o600)
  expect(await messageOf(openData(folder, {}))).toContain(`The data folder ${folder} cannot be made`)
})

test('a gateway has its folder alone, and commands come in beside it', async () => {
  const folder = newFolder()
  const gateway = await openData(folder, {}, { alone: true })
  const command = await openData(folder, {})
  expect(await messageOf(openData(folder, {}, { alone: true }))).toContain(
    `Another gateway runs on the data folder ${folder}`,
  )
  await command.close()
  await gateway.close()
  await (await openData(folder, {}, { alone: true })).close()
})

test('a start that fails lets go of the folder', async () => {
  const folder = newFolder()
  await (await openData(folder, {}, { alone: true })).close()
  const other = { WEIR_SECRET: 'another-secret-of-more-than-32-characters' }
  expect(await messageOf(openData(folder, other, { alone: true }))).toContain('every key would be unknown')
  await (await openData(folder, {}, { alone: true })).close()
})

test('a lock that cannot be taken is said, with its path', async () => {
  const folder = newFolder()
  await (await openData(folder, {})).close()
  const lock = path.join(folder, 'weir.lock')
  mkdirSync(lock)
  expect(await messageOf(openData(folder, {}, { alone: true }))).toContain(`The lock ${lock} cannot be taken`)
})
