import { type DyadCore, DyadError, type FileRecord, isDyadError } from '@dyad-ts/core'
import { managedPathFault } from '@dyad-ts/core/internal'
import { plainAnswer, recordAnswer, reportedAnswer } from './answers.js'
import type { Body } from './body.js'
import type { Bounded, FilesAbove } from './files-above.js'
import { ANSWER, REQUEST, wrongFrame } from './frames.js'
import type { NotedFiles } from './noted-files.js'
import type { Publishing } from './publishing.js'
import { fitting, MOST_TEXT_BYTES, type Run, type Runs } from './run-log.js'

/**
 * The flag of CONSUME and LOOK that waits until the file is published, and of NEWS that waits for
 * an item.
 */
const WAIT = 1
/** The flag of REMOVE and MOVE for the name of a directory. */
const DIRECTORY = 1

/** The flag of CHANGE for a file with a failed write. */
const DAMAGED = 1

/** The context in which requests are served. */
export interface RequestContext {
  readonly publishing: Publishing
  /**
   * Files that programs of this host write themselves in consumer-managed directories. Requests do
   * not wait for a producer of them.
   */
  readonly ownFiles: NotedFiles
  readonly filesAbove: FilesAbove
  readonly runs: Runs
  /** The run of the program. */
  readonly run: Run | undefined
  /** Fires at the end of the connection. */
  readonly signal: AbortSignal
}

/** A parsed request. */
export interface Request {
  readonly what: keyof typeof REQUEST
  /** The name in it. */
  readonly name: string | undefined
  /** Serves the request. Resolves with the answer. */
  serve(session: DyadCore, context: RequestContext): Promise<Buffer>
}

/** Parses a request. ERR_DYAD_PROTOCOL if it is malformed. */
export function requested(kind: number, id: number, body: Body): Request {
  switch (kind) {
    case REQUEST.CONSUME:
      return consuming(id, body)
    case REQUEST.LOOK:
      return looking(id, body)
    case REQUEST.PRODUCE:
      return producing(id, body)
    case REQUEST.CHANGE:
      return changing(id, body)
    case REQUEST.REMOVE:
      return removing(id, body)
    case REQUEST.MOVE:
      return moving(id, body)
    case REQUEST.OWN:
      return owning(id, body)
    case REQUEST.REPORT:
      return reporting(id, body)
    case REQUEST.NEWS:
      return asking(id, body)
    default:
      throw wrongFrame(`a request of kind ${kind}`)
  }
}

function consuming(id: number, body: Body): Request {
  const wait = body.flags(WAIT) !== 0
  const name = body.name()
  body.done()
  return {
    what: 'CONSUME',
    name,
    serve: (session, context) =>
      ifPublishable(id, name, context, async (path, options) => {
        const local = await (wait && !isOwn(session, path, context)
          ? context.filesAbove.unlessFound(session, path, options, (bounded) => session.consume(path, bounded))
          : session.consume(path, { ...options, wait: false }))
        return plainAnswer(local === undefined ? ANSWER.ABSENT : ANSWER.DONE, id)
      }),
  }
}

function looking(id: number, body: Body): Request {
  const wait = body.flags(WAIT) !== 0
  const name = body.name()
  body.done()
  return {
    what: 'LOOK',
    name,
    serve: (session, context) =>
      ifPublishable(id, name, context, async (path, options) => {
        const record = await (wait && !isOwn(session, path, context)
          ? context.filesAbove.unlessFound(session, path, options, (bounded) => session.lookup(path, bounded))
          : session.lookup(path, { ...options, wait: false }))
        return record === undefined ? plainAnswer(ANSWER.ABSENT, id) : recordAnswer(id, record)
      }),
  }
}

function producing(id: number, body: Body): Request {
  body.flags(0)
  const name = body.name()
  body.done()
  return {
    what: 'PRODUCE',
    name,
    serve: async (session, { publishing, run }) => {
      const record = await publishing.produce(session, wellFormed(name))
      run?.produced(record, session)
      return plainAnswer(ANSWER.DONE, id)
    },
  }
}

function changing(id: number, body: Body): Request {
  const isDamaged = body.flags(DAMAGED) !== 0
  const name = body.name()
  body.done()
  return {
    what: 'CHANGE',
    name,
    serve: async (session, { publishing }) => {
      // No record has a malformed name.
      const had = name !== undefined && (await publishing.change(session, name, isDamaged))
      return plainAnswer(had ? ANSWER.DONE : ANSWER.ABSENT, id)
    },
  }
}

function removing(id: number, body: Body): Request {
  const isDirectory = body.flags(DIRECTORY) !== 0
  const name = body.name()
  body.done()
  return {
    what: 'REMOVE',
    name,
    serve: async (session, { publishing }) => {
      if (name !== undefined) await publishing.remove(session, name, isDirectory)
      return plainAnswer(ANSWER.DONE, id)
    },
  }
}

function moving(id: number, body: Body): Request {
  const wasDirectory = body.flags(DIRECTORY) !== 0
  const from = body.nameOrNone()
  const to = body.nameOrNone()
  if (from === '' && to === '') throw wrongFrame('a MOVE of nothing')
  body.done()
  return {
    what: 'MOVE',
    name: to || from,
    serve: async (session, { publishing, run }) => {
      const move = { from: from ?? '', to: wellFormed(to), wasDirectory }
      await publishing.move(session, move, (record) => run?.produced(record, session))
      return plainAnswer(ANSWER.DONE, id)
    },
  }
}

function owning(id: number, body: Body): Request {
  body.flags(0)
  const name = body.name()
  body.done()
  return {
    what: 'OWN',
    name,
    serve: async (session, { ownFiles }) => {
      // No request waits for a malformed name.
      if (name !== undefined) ownFiles.note(session.config.consumerPath, name)
      return plainAnswer(ANSWER.DONE, id)
    },
  }
}

function isOwn(session: DyadCore, path: string, { ownFiles }: RequestContext): boolean {
  return ownFiles.has(session.config.consumerPath, path)
}

function reporting(id: number, body: Body): Request {
  const of = body.text() ?? ''
  body.done()
  return { what: 'REPORT', name: undefined, serve: async (_, { runs }) => reportedAnswer(id, runs.report(of)) }
}

function asking(id: number, body: Body): Request {
  const wait = body.flags(WAIT) !== 0
  const from = body.number16()
  const of = body.text() ?? ''
  body.done()
  return {
    what: 'NEWS',
    name: undefined,
    serve: async (session, { runs, signal }) => {
      const run = runs.of(of)
      run?.news.watchStore(session, signal)
      await (wait ? run?.news.waitFor(from, signal) : run?.advised())
      return reportedAnswer(id, fitting(run?.news.since(from) ?? [], { bytes: MOST_TEXT_BYTES }))
    },
  }
}

function wellFormed(name: string | undefined): string {
  if (name === undefined) throw new DyadError('ERR_DYAD_PATH', { detail: 'it is not well-formed UTF-8' })
  return name
}

/** Answers ABSENT for a name that no producer can publish. */
async function ifPublishable(
  id: number,
  name: string | undefined,
  context: RequestContext,
  work: (path: string, options: Bounded) => Promise<Buffer>,
): Promise<Buffer> {
  if (name === undefined) return plainAnswer(ANSWER.ABSENT, id)
  try {
    const { run, signal } = context
    return await (run === undefined ? work(name, { signal }) : noted(run, name, signal, work))
  } catch (error) {
    const isUnpublishable = isDyadError(error, 'ERR_DYAD_PATH') && managedPathFault(name) !== undefined
    if (isUnpublishable) return plainAnswer(ANSWER.ABSENT, id)
    throw error
  }
}

/**
 * Notes in the run the consumed file, and the time that the request waited until it was published.
 */
async function noted(
  run: Run,
  path: string,
  signal: AbortSignal,
  work: (path: string, options: Bounded) => Promise<Buffer>,
): Promise<Buffer> {
  let since: number | undefined
  let moved = false
  const ended = () => {
    if (since !== undefined) run.waited(path, performance.now() - since)
    since = undefined
  }
  const onRecord = (record: FileRecord) => run.consumed(record, moved)
  const onProgress = () => {
    moved = true
  }
  try {
    return await work(path, {
      signal,
      onWaiting: () => {
        since = performance.now()
      },
      onPublished: ended,
      onRecord,
      onProgress,
    })
  } finally {
    ended()
  }
}
