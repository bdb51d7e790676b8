import { type DyadCore, isDyadError, managedPathFault } from '@dyad/core'
import { plainAnswer, recordAnswer } from './answers.js'
import type { Body } from './body.js'
import { ANSWER, REQUEST, wrongFrame } from './frames.js'
import type { Publishing } from './publishing.js'

/** The flag of CONSUME and LOOK that lets the answer wait until the file is published. */
const WAIT = 1

/** Serves a request; resolves with the answer. `signal` fires with the end of the connection. */
export type Request = (
  session: DyadCore,
  shared: { readonly publishing: Publishing },
  signal: AbortSignal,
) => Promise<Buffer>

/** Reads a request. ERR_DYAD_PROTOCOL if it is none. */
export function requested(kind: number, id: number, body: Body): Request {
  switch (kind) {
    case REQUEST.CONSUME:
      return consuming(id, body)
    case REQUEST.LOOK:
      return looking(id, body)
    case REQUEST.PRODUCE:
      return publishing(id, body, 'produce')
    case REQUEST.CHANGE:
    case REQUEST.REMOVE:
      return publishing(id, body, 'withdraw')
    default:
      throw wrongFrame(`a request of kind ${kind}`)
  }
}

function consuming(id: number, body: Body): Request {
  const wait = body.flags(WAIT) !== 0
  const name = body.name()
  body.done()
  return (session, _, signal) =>
    ifPublishable(id, name, async (path) => {
      const local = await (wait ? session.consume(path, { signal }) : session.consume(path, { signal, wait: false }))
      return plainAnswer(local === undefined ? ANSWER.ABSENT : ANSWER.DONE, id)
    })
}

function looking(id: number, body: Body): Request {
  const wait = body.flags(WAIT) !== 0
  const name = body.name()
  body.done()
  return (session, _, signal) =>
    ifPublishable(id, name, async (path) => {
      const record = await (wait ? session.lookup(path, { signal }) : session.lookup(path, { signal, wait: false }))
      return record === undefined ? plainAnswer(ANSWER.ABSENT, id) : recordAnswer(id, record)
    })
}

function publishing(id: number, body: Body, what: 'produce' | 'withdraw'): Request {
  body.flags(0)
  const name = body.name()
  body.done()
  return async (session, { publishing }) => {
    await publishing[what](session, name)
    return plainAnswer(ANSWER.DONE, id)
  }
}

/** A file that no producer can publish, for its name, is not published. */
async function ifPublishable(
  id: number,
  name: string | undefined,
  work: (path: string) => Promise<Buffer>,
): Promise<Buffer> {
  if (name === undefined) return plainAnswer(ANSWER.ABSENT, id)
  try {
    return await work(name)
  } catch (error) {
    const isUnpublishable = isDyadError(error, 'ERR_DYAD_PATH') && managedPathFault(name) !== undefined
    if (isUnpublishable) return plainAnswer(ANSWER.ABSENT, id)
    throw error
  }
}
