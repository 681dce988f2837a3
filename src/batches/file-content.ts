// Content of files in pieces: written a piece at a time, read the same way, cut into lines.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FILE_PIECE_BYTES } from '../core/file.ts'
import type { StoredFile } from '../core/file.ts'
import type { FileStore } from '../store/store.ts'

/** What was begun and never finished, because the process ended, is removed after this long. */
const UNFINISHED_MS = 3_600_000

type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Keeps a file; `file.bytes` is counted here. Nobody finds it before it is whole. */
export async function keepFile(
  store: FileStore,
  file: Omit<StoredFile, 'bytes'>,
  content: Content,
): Promise<StoredFile> {
  await store.beginFile({ ...file, bytes: 0, expiresAt: Math.min(file.expiresAt, file.createdAt + UNFINISHED_MS) })
  let bytes = 0
  let piece = 0
  for await (const chunk of content)
    for (let start = 0; start < chunk.length; start += FILE_PIECE_BYTES) {
      const part = chunk.subarray(start, start + FILE_PIECE_BYTES)
      await store.appendFile(file.id, piece++, part)
      bytes += part.length
      // A write is over before it is awaited: others get their turn here.
      await nextTurn()
    }
  await store.finishFile(file.id, { bytes, expiresAt: file.expiresAt })
  return { ...file, bytes }
}

/** Its pieces; a file that is deleted meanwhile ends with an error, not early. */
export async function* contentOf(store: FileStore, file: StoredFile): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for (let piece = 0; bytes < file.bytes; piece++) {
    const part = await store.readFile(file.id, piece)
    if (part === null) throw new Error(`the file ${file.id} was deleted while it was read`)
    bytes += part.length
    yield part
    await nextTurn()
  }
}

export type TextLine = { readonly number: number; readonly text: string }

/** Lines that are not blank, numbered from 1, without their line breaks. Throws TypeError where the bytes are no UTF-8. */
export async function* linesOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<TextLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  let number = 0
  for await (const bytes of content) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) {
      number++
      if (text.trim() !== '') yield { number, text }
    }
  }
  rest += decoder.decode()
  if (rest.trim() !== '') yield { number: number + 1, text: rest }
}

/** Gathers texts into pieces of about the size that the store keeps. */
export async function* piecesOf(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  let gathered = ''
  for await (const text of texts) {
    gathered += text
    if (gathered.length < FILE_PIECE_BYTES) continue
    yield encoder.encode(gathered)
    gathered = ''
  }
  if (gathered !== '') yield encoder.encode(gathered)
}
