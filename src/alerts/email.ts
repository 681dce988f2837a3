// A message as an e-mail. The library is loaded when the first one is sent: most gateways send none.
import type { Channel } from './destinations.ts'
import type { Message } from './message.ts'

type EmailChannel = Extract<Channel, { readonly type: 'email' }>

const CONNECT_MS = 10_000
const SILENCE_MS = 15_000

/** Null: the mail server took it; else why not. */
export async function sendEmail(message: Message, channel: EmailChannel): Promise<string | null> {
  const { createTransport } = await import('nodemailer')
  const { id, kind, at, title, text, html, attachments } = message
  const transport = createTransport({
    url: channel.smtp,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    await transport.sendMail({
      from: channel.from,
      to: [...channel.to],
      subject: title,
      // The same for each try, so that a mailbox that looks for duplicates finds them.
      messageId: `<${id}@weir>`,
      date: new Date(at),
      headers: { 'X-Weir-Alert': id, 'X-Weir-Kind': kind, 'Auto-Submitted': 'auto-generated' },
      text: `${text}\n\n-- \n${kind} ${id}\n`,
      ...(html === null ? {} : { html }),
      attachments: attachments.map(({ name, contentType, text: content }) => ({
        filename: name,
        contentType,
        content,
      })),
    })
    return null
  } catch (error) {
    // Its message may hold what the server said, and never the password.
    return error instanceof Error ? error.message : String(error)
  } finally {
    transport.close()
  }
}
