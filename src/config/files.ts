// Reading the config file and the files that it names, bounded.
import { open } from 'node:fs/promises'

/** Reads a whole file of at most `maxBytes`; throws an error with a `code` (`ENOENT`, `EACCES`, `EFBIG` …). */
export type ReadFile = (path: string, maxBytes: number) => Promise<Uint8Array>

/** The `ReadFile` of a real file system. */
export async function readBoundedFile(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await open(path, 'r')
  // Not the size that the file system tells: pipes and /proc have none.
  const buffer = new Uint8Array(maxBytes + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null)
    if (bytesRead === 0) return buffer.subarray(0, length)
    length += bytesRead
    if (length > maxBytes) throw Object.assign(new Error(`larger than ${maxBytes} bytes`), { code: 'EFBIG' })
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  EFBIG: 'it is too large',
  ELOOP: 'its links lead in a circle',
}

/** Why a file could not be read, as the end of a sentence. */
export function readFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error))
}

/** UTF-8 text without a byte order mark, or null when the bytes are none. */
export function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}
