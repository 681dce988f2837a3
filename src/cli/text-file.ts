// A file of text that the operator names on the command line.
import { MAX_CONFIG_BYTES } from '../config/document.ts'
import { decodeText, readBoundedFile, readFailure } from '../config/files.ts'
import { CliError } from './command.ts'

/** No larger than a configuration may be. Throws a CliError that names the file. */
export async function readTextFile(file: string): Promise<string> {
  try {
    const text = decodeText(await readBoundedFile(file, MAX_CONFIG_BYTES))
    if (text !== null) return text
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${readFailure(error)}`)
  }
  throw new CliError(`${file} is not UTF-8 text.`)
}
