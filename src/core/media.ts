// Pictures, sounds, films and files: what they are by their first bytes, and whether text is base64.
import type { MediaSource, Part } from './chat.ts'

export type MediaKind = Extract<Part, { readonly source: unknown }>['type']

/** Something that a request names by its address. */
export type MediaPlace = {
  readonly kind: MediaKind
  readonly url: string
  /** What the request calls it; null: it does not say. */
  readonly mediaType: string | null
}

/** What came of an address: its content, or why there is none. */
export type FetchedMedia =
  | { readonly type: 'content'; readonly source: MediaSource }
  | { readonly type: 'problem'; readonly problem: string }

type Magic = { readonly type: string; readonly at: number; readonly bytes: string; readonly brand?: RegExp }

// The formats that models read, and no others: a general library knows hundreds, and parses archives to tell them apart.
const MAGICS: readonly Magic[] = [
  { type: 'image/png', at: 0, bytes: '\x89PNG\r\n\x1a\n' },
  { type: 'image/jpeg', at: 0, bytes: '\xff\xd8\xff' },
  { type: 'image/gif', at: 0, bytes: 'GIF8' },
  { type: 'image/webp', at: 8, bytes: 'WEBP' },
  { type: 'image/bmp', at: 0, bytes: 'BM' },
  { type: 'image/tiff', at: 0, bytes: 'II*\0' },
  { type: 'image/tiff', at: 0, bytes: 'MM\0*' },
  { type: 'image/heic', at: 4, bytes: 'ftyp', brand: /^(?:hei|mif1|msf1)/ },
  { type: 'image/avif', at: 4, bytes: 'ftyp', brand: /^avi[fs]/ },
  { type: 'audio/mp4', at: 4, bytes: 'ftyp', brand: /^M4A/ },
  { type: 'video/quicktime', at: 4, bytes: 'ftyp', brand: /^qt/ },
  { type: 'video/mp4', at: 4, bytes: 'ftyp' },
  { type: 'application/pdf', at: 0, bytes: '%PDF-' },
  { type: 'audio/wav', at: 8, bytes: 'WAVE' },
  { type: 'audio/ogg', at: 0, bytes: 'OggS' },
  { type: 'audio/flac', at: 0, bytes: 'fLaC' },
  { type: 'audio/mpeg', at: 0, bytes: 'ID3' },
  { type: 'audio/aac', at: 0, bytes: '\xff\xf1' },
  { type: 'audio/aac', at: 0, bytes: '\xff\xf9' },
  { type: 'audio/mpeg', at: 0, bytes: '\xff\xfb' },
  { type: 'audio/mpeg', at: 0, bytes: '\xff\xf3' },
  { type: 'video/webm', at: 0, bytes: '\x1aE\xdf\xa3' },
]
const LOOKED_AT = 16

/** The media type that the first bytes tell; null where they are of no format that is known here. */
export function mediaTypeOfBytes(bytes: Uint8Array): string | null {
  let head = ''
  for (const byte of bytes.subarray(0, LOOKED_AT)) head += String.fromCharCode(byte)
  const found = MAGICS.find(
    ({ at, bytes: magic, brand }) => head.startsWith(magic, at) && (brand === undefined || brand.test(head.slice(8))),
  )
  return found?.type ?? null
}

const TYPES_BY_ENDING: { readonly [extension: string]: string } = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  ogg: 'audio/ogg',
  flac: 'audio/flac',
  m4a: 'audio/mp4',
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  mpeg: 'video/mpeg',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  html: 'text/html',
  csv: 'text/csv',
  json: 'application/json',
  xml: 'application/xml',
}

/** What a file's name says of its content; null where it says nothing. */
export function mediaTypeOfName(name: string): string | null {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase()
  return (ending === undefined ? undefined : TYPES_BY_ENDING[ending]) ?? null
}

/** `Image/JPG; charset=…` → `image/jpeg`. */
export function plainMediaType(text: string): string {
  const type = text.replace(/;.*$/, '').trim().toLowerCase()
  return type === 'image/jpg' ? 'image/jpeg' : type
}

/** Whether a media type is one that a part of that kind may have. */
export function isOfKind(kind: MediaKind, mediaType: string): boolean {
  // Films and sounds share their containers.
  if (kind === 'audio' || kind === 'video') return /^(?:audio|video)\//.test(mediaType)
  return kind === 'file' || mediaType.startsWith(`${kind}/`)
}

/**
 * The text as plain base64, with the alphabet of URLs (`-_`) and line breaks put right; null when it is none.
 * Linear, and without decoding it.
 */
export function plainBase64(data: string): string | null {
  if (isPlain(data)) return data
  const mended = data
    .replaceAll(/[\r\n]/g, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/')
  const padded =
    mended.length % 4 === 0 || mended.endsWith('=') ? mended : mended.padEnd(Math.ceil(mended.length / 4) * 4, '=')
  return isPlain(padded) ? padded : null
}

function isPlain(data: string): boolean {
  return data.length % 4 === 0 && data.length > 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(data)
}

/** Bytes behind base64 text. */
export function base64Bytes(data: string): number {
  return Math.floor((data.length * 3) / 4)
}
