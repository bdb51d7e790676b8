import { constants, hostname } from 'node:os'
import { systemRemedy } from './system-remedies.js'
import { visible } from './visible.js'

/** Name of an error of the operating system, as `ENOSPC`. */
export type ErrnoName = keyof typeof constants.errno

/** One row of the table of errors. */
export interface ErrorRow {
  /** DYAD's return code for the same failure (`DYAD_RC_*` in the C library). */
  readonly rc: number
  /**
   * Name of the system's error with which a program's own call fails for it; see DyadError.errno.
   */
  readonly errno: ErrnoName
  /** Whether the same call may succeed later with nothing changed by the caller. */
  readonly retryable: boolean
  /** What happened, in a few words. */
  readonly summary: string
  /** What the caller can do about it. */
  readonly remedy: string
  /**
   * Whether the error is this host's, and no other node's: the message then names the host.
   * @default false
   */
  readonly isOfHost?: boolean | 'with path'
  /**
   * Whether the error is not the file's: the message then names the path as the purpose of the
   * call that failed. @default false
   */
  readonly isBesideFile?: boolean
}

/**
 * Every error that DYAD raises of its own. `docs/errors.md` is generated from this table.
 * The `rc` numbers are those of DYAD 0.2.0.
 */
export const ERRORS = {
  ERR_DYAD_OPTION: {
    rc: -1008,
    errno: 'EINVAL',
    retryable: false,
    summary: 'an option has an invalid value',
    remedy: 'Correct it; docs/configuration.md lists the values that each option accepts.',
    isOfHost: 'with path',
  },
  ERR_DYAD_DTL_MODE: {
    rc: -1004,
    errno: 'EINVAL',
    retryable: false,
    summary: 'DYAD_DTL_MODE (the option dtlMode) names no transport',
    remedy: 'Set it to one of the names in docs/configuration.md, in the same spelling.',
  },
  ERR_DYAD_PATH: {
    rc: -1003,
    errno: 'EINVAL',
    retryable: false,
    summary: 'the path cannot name a managed file',
    remedy:
      'Use the path of a regular file inside the managed directory: well-formed Unicode without NUL, at most 255 bytes a component and 3,800 bytes in all.',
  },
  ERR_DYAD_UNTRACKED: {
    rc: -1005,
    errno: 'EINVAL',
    retryable: false,
    summary: 'the path lies outside the managed directories',
    remedy: 'Give a path inside DYAD_PATH_PRODUCER or DYAD_PATH_CONSUMER, or set the missing directory.',
  },
  ERR_DYAD_METADATA: {
    rc: -1001,
    errno: 'EBADMSG',
    retryable: false,
    summary: 'the published record cannot be read',
    remedy:
      'Publish the file again, or remove the record with `dyad rm PATH`. Check that both sides run the same version of DYAD.',
  },
  ERR_DYAD_KEY: {
    rc: -1005,
    errno: 'EINVAL',
    retryable: false,
    summary: 'the store cannot hold this key or value',
    remedy: 'Use a key of 1 to 4,000 bytes and a value of at most 1 MiB.',
    isBesideFile: true,
  },
  ERR_DYAD_NAMESPACE_MISSING: {
    rc: -2000,
    errno: 'ENXIO',
    retryable: false,
    summary: 'the namespace does not exist',
    remedy: 'Create it with `dyad namespace create NAME`, or correct DYAD_KVS_NAMESPACE.',
    isBesideFile: true,
  },
  ERR_DYAD_NAMESPACE_EXISTS: {
    rc: -2000,
    errno: 'EEXIST',
    retryable: false,
    summary: 'the namespace exists already',
    remedy: 'Choose another name, or remove the namespace first with `dyad namespace remove NAME`.',
    isBesideFile: true,
  },
  ERR_DYAD_NAMESPACE_NAME: {
    rc: -2000,
    errno: 'EINVAL',
    retryable: false,
    summary: 'the name of the namespace is invalid',
    remedy: 'Use 1 to 200 letters, digits and the characters . _ - : @ + /, beginning with a letter, a digit or _.',
    isBesideFile: true,
  },
  ERR_DYAD_PUBLISH: {
    rc: -2001,
    errno: 'EIO',
    retryable: true,
    summary: 'the file could not be published',
    remedy: 'The file itself is complete at its path. Remove the cause, then call produce() on it again.',
  },
  ERR_DYAD_NOT_FOUND: {
    rc: -2002,
    errno: 'ENOENT',
    retryable: true,
    summary: 'the file is not published',
    remedy: 'Check the path and the namespace, or wait for the producer.',
  },
  ERR_DYAD_TIMEOUT: {
    rc: -2003,
    errno: 'ETIMEDOUT',
    retryable: true,
    summary: 'no producer published the file in time',
    remedy: 'Check that the producer runs in the same namespace with the same key depth and bins, or allow more time.',
  },
  ERR_DYAD_KVS_UNREACHABLE: {
    rc: -2000,
    errno: 'ENETUNREACH',
    retryable: true,
    summary: 'the key-value store does not answer',
    remedy: 'Check that the broker runs (`dyad start --broker` or `dyad broker`) and that DYAD_KVS is its address.',
    isOfHost: true,
    isBesideFile: true,
  },
  ERR_DYAD_BUSY: {
    rc: -2000,
    errno: 'EBUSY',
    retryable: true,
    summary: 'this session has too many requests under way at the key-value store',
    remedy: 'Try again once some of them have ended, or spread the work over several processes.',
    isBesideFile: true,
  },
  ERR_DYAD_OWNER_UNREACHABLE: {
    rc: -2004,
    errno: 'EHOSTUNREACH',
    retryable: true,
    summary: 'the node that owns the file cannot be reached',
    remedy: 'Start the service of that node (`dyad start DIRECTORY`) with the DYAD_NODE that its producers use.',
  },
  ERR_DYAD_NO_TRANSPORT: {
    rc: -1004,
    errno: 'EPROTONOSUPPORT',
    retryable: false,
    summary: 'the owner offers no transport that this side can use',
    remedy: 'Set DYAD_DTL_MODE to auto, or to a transport that both sides have.',
  },
  ERR_DYAD_RDMA_UNAVAILABLE: {
    rc: -3001,
    errno: 'ENODEV',
    retryable: false,
    summary: 'RDMA verbs cannot be used here',
    remedy: '`dyad doctor` shows what this host can do and what to change.',
    isOfHost: true,
  },
  ERR_DYAD_TRANSFER: {
    rc: -2004,
    errno: 'EIO',
    retryable: true,
    summary: 'the transfer broke off',
    remedy: 'Try again; no partial file remains.',
  },
  ERR_DYAD_CHANGED: {
    rc: -2003,
    errno: 'ESTALE',
    retryable: true,
    summary: 'the file at its owner is not the published version',
    remedy: 'Publish it there after every change: write it through DYAD, or call produce() once it is closed.',
  },
  ERR_DYAD_CORRUPT: {
    rc: -2004,
    errno: 'EIO',
    retryable: true,
    summary: 'the bytes that arrived differ from the published ones',
    remedy:
      'Try once more. If that fails, produce the file again, and check the disk and the memory of its owner and the network in between.',
  },
  ERR_DYAD_GONE: {
    rc: -2002,
    errno: 'ESTALE',
    retryable: false,
    summary: 'the published file no longer exists at its owner',
    remedy: 'Produce it again, or remove its record with `dyad rm PATH`.',
  },
  ERR_DYAD_REFUSED: {
    rc: -2004,
    errno: 'EACCES',
    retryable: false,
    summary: 'the owner refuses to serve the file',
    remedy: 'Start the service of that node with the managed directory that the producer writes to.',
  },
  ERR_DYAD_STORE: {
    rc: -1002,
    errno: 'EIO',
    retryable: false,
    summary: 'the file could not be stored here',
    remedy: 'Check space and permissions of the directory; no partial file remains.',
    isOfHost: true,
  },
  ERR_DYAD_DESCRIPTORS: {
    rc: -1,
    errno: 'EMFILE',
    retryable: true,
    summary: 'no file descriptor is free',
    remedy: 'Raise the limit (`ulimit -n`), or keep fewer files and connections open at once.',
    isOfHost: true,
  },
  ERR_DYAD_SYSTEM: {
    rc: -1,
    errno: 'EIO',
    retryable: false,
    summary: 'the operating system refused a call',
    remedy: 'Correct what the system names, then try again.',
    isOfHost: true,
  },
  ERR_DYAD_PROTOCOL: {
    rc: -2006,
    errno: 'EPROTO',
    retryable: false,
    summary: 'the peer does not speak the protocol',
    remedy: 'Check that the address belongs to DYAD and that both sides run the same version.',
    isBesideFile: true,
  },
  ERR_DYAD_DENIED: {
    rc: -2004,
    errno: 'EACCES',
    retryable: false,
    summary: 'the two sides do not have the same token',
    remedy:
      'Give both the same token: `dyad token` shows its file and how to copy it. Or set DYAD_TOKEN or DYAD_TOKEN_FILE on every side.',
    isBesideFile: true,
  },
  ERR_DYAD_CERTIFICATE: {
    rc: -2004,
    errno: 'EACCES',
    retryable: false,
    summary: 'the certificate of the other side is not trusted',
    remedy:
      'Set DYAD_TLS_CA to the certificate that signed it, and use an address that it names. If it has expired, renew it.',
    isBesideFile: true,
  },
  ERR_DYAD_BIND: {
    rc: -1007,
    errno: 'EADDRINUSE',
    retryable: false,
    summary: 'cannot listen at that address',
    remedy: 'Choose another address, or end the process that listens there.',
    isOfHost: true,
  },
  ERR_DYAD_NODE_TAKEN: {
    rc: -1000,
    errno: 'EBUSY',
    retryable: false,
    summary: 'another service has registered this node',
    remedy:
      'Give each node its own DYAD_NODE, or stop the other service. `dyad start --takeover` takes the node over from it.',
  },
  ERR_DYAD_LOG: {
    rc: -1,
    errno: 'EIO',
    retryable: false,
    summary: "the store's records cannot be read",
    remedy:
      'Restore a copy of the directory, or run `dyad broker repair DIRECTORY`, which keeps its files and all readable records. A log of another version of DYAD needs that version.',
    isOfHost: true,
  },
  ERR_DYAD_SILENT: {
    rc: -1000,
    errno: 'ETIMEDOUT',
    retryable: true,
    summary: 'a service of this host does not answer',
    remedy: 'Its process is stopped or overloaded: let it continue, or end it.',
    isOfHost: true,
  },
  ERR_DYAD_AGENT: {
    rc: -1000,
    errno: 'ENOTCONN',
    retryable: true,
    summary: 'an unmodified program cannot reach the agent of its node',
    remedy:
      'Start the node (`dyad start`), or start the program with `dyad run`. DYAD_AGENT is the path of the socket.',
    isOfHost: true,
  },
  ERR_DYAD_ADDON: {
    rc: -1000,
    errno: 'ENOSYS',
    retryable: false,
    summary: 'a synchronous call of a Node program on a managed path needs the native addon, which is missing',
    remedy: 'Build it with `npm run build:native`, which needs cargo, or use the asynchronous form of the call.',
    isOfHost: true,
  },
  ERR_DYAD_CLOSED: {
    rc: -1000,
    errno: 'ENOTCONN',
    retryable: false,
    summary: 'the session is closed',
    remedy: 'Open a new session with connect().',
    isBesideFile: true,
  },
} as const satisfies Record<string, ErrorRow>

/** The code of a {@link DyadError}: stable, and the thing to match. */
export type ErrorCode = keyof typeof ERRORS

/** What an error is about; whatever is known goes into its message. */
export interface ErrorContext {
  /** Managed path, or the path as the caller gave it. */
  path?: string | undefined
  /** Id of the node where it happened, or that owns the file. */
  node?: string | undefined
  /** The host where it happened. @default this host for an error of a host, if no node is named */
  host?: string | undefined
  /** Where else it happened, as a phrase: 'at the store ws://…'. No host is named then. */
  at?: string | undefined
  /** The namespace that the call names. */
  namespace?: string | undefined
  /** The option at fault, by its name and its variable. */
  option?: string | undefined
  /** What exactly was wrong, in words. */
  detail?: string | undefined
  /** What to do, where more is known than the table says. */
  remedy?: string | undefined
  cause?: unknown
}

/** The longest part of a message that may come from elsewhere, in characters. */
const MAX_SHOWN = 4_096

/**
 * A part of a message: it may come from elsewhere, and must not forge another line or take the rest
 * out of sight.
 */
function shown(text: string): string {
  return visible(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)
}

/**
 * The one class of errors that DYAD raises; match on {@link DyadError.code}. Its message is one
 * line that a terminal can show.
 */
export class DyadError extends Error {
  readonly code: ErrorCode
  /** DYAD's return code for this failure. */
  readonly rc: number
  /**
   * Name of the system's error that a call of a program fails with for this one: that of the code,
   * or, where that is EIO, that of the system's error among the causes. Never ENOENT for a file
   * that is published.
   */
  readonly errno: ErrnoName
  /** Whether the same call may succeed later with nothing changed by the caller. */
  readonly retryable: boolean
  readonly path: string | undefined
  readonly node: string | undefined
  /** The host where it happened; undefined if that is not known, or a node is named. */
  readonly host: string | undefined
  readonly namespace: string | undefined
  /** The option at fault. */
  readonly option: string | undefined
  /** What exactly was wrong, in words; '' if nothing more is known than the code says. */
  readonly detail: string
  /** Where else it happened, as a phrase, and what to do about this very failure. */
  readonly #hints: Pick<ErrorContext, 'at' | 'remedy'>

  constructor(code: ErrorCode, context: ErrorContext = {}) {
    const row: ErrorRow = ERRORS[code]
    const isElsewhere = context.node !== undefined || context.at !== undefined
    const isHere = !isElsewhere && (row.isOfHost === 'with path' ? context.path !== undefined : row.isOfHost)
    const host = context.host ?? (isHere ? hostname() : undefined)
    const about = subject(row, { ...context, host })
    const detail = context.detail ?? causeText(context.cause, context.path)
    const remedy = context.remedy ?? remedyFor(code, row, context.cause)
    super(
      `${row.summary}${about === '' ? '' : `: ${about}`}${detail === '' ? '' : ` (${shown(detail)})`}. ${remedy}`,
      context.cause === undefined ? undefined : { cause: context.cause },
    )
    this.code = code
    this.rc = row.rc
    this.errno = row.errno === 'EIO' ? (errnoOfCause(context.cause) ?? row.errno) : row.errno
    this.retryable = row.retryable
    this.path = context.path
    this.node = context.node
    this.host = host
    this.namespace = context.namespace
    this.option = context.option
    this.detail = detail
    this.#hints = { at: context.at, remedy: context.remedy }
  }

  /** The same error with what is known farther out; what it knows itself stays. It is the cause. */
  within(context: ErrorContext): DyadError {
    // An error of this host is not another node's.
    const isHere = this.host === hostname()
    return new DyadError(this.code, {
      // An error of an option is not one of the file that is at hand.
      path: this.path ?? (this.option === undefined ? context.path : undefined),
      node: this.node ?? (isHere ? undefined : context.node),
      host: this.host ?? context.host,
      at: this.#hints.at ?? context.at,
      namespace: this.namespace ?? context.namespace,
      option: this.option ?? context.option,
      detail: context.detail ?? this.detail,
      remedy: this.#hints.remedy ?? context.remedy,
      cause: this,
    })
  }

  override get name(): string {
    return 'DyadError'
  }
}

/** What a message is about: the option, the namespace, the path and the place, as far as known. */
function subject(row: ErrorRow, { option, namespace, path, node, host, at }: ErrorContext): string {
  const parts = [
    option === undefined ? '' : shown(option),
    namespace === undefined ? '' : `namespace '${shown(namespace)}'`,
    at === undefined || node !== undefined ? '' : shown(at),
    path === undefined ? '' : `${row.isBesideFile ? 'for ' : ''}'${shown(path)}'`,
    node === undefined ? '' : `on node '${shown(node)}'`,
    node === undefined && host !== undefined ? `${row.isBesideFile ? 'from' : 'on'} host '${shown(host)}'` : '',
  ]
  return parts.filter((part) => part !== '').join(' ')
}

/** What to do about an error of the system depends on what the system says. */
function remedyFor(code: ErrorCode, row: ErrorRow, cause: unknown): string {
  if (code !== 'ERR_DYAD_SYSTEM' && code !== 'ERR_DYAD_STORE') return row.remedy
  const remedy = systemRemedy(systemCode(cause))
  if (remedy === undefined) return row.remedy
  return code === 'ERR_DYAD_STORE' ? `${remedy} No partial file remains.` : remedy
}

/**
 * Whether `error` is a {@link DyadError}, of this code when one is named; works across copies of
 * the package.
 */
export function isDyadError(error: unknown, code?: ErrorCode): error is DyadError {
  return (
    error instanceof Error &&
    error.name === 'DyadError' &&
    'code' in error &&
    (code === undefined || error.code === code)
  )
}

/** What failed, as a clause for a person, without what to do about it. */
export function reasonOf(error: unknown): string {
  if (!isDyadError(error)) return causeText(error)
  const reason = error.detail || ERRORS[error.code].summary
  if (error.option === undefined) return reason
  return `${[error.option, error.path === undefined ? '' : ` '${error.path}'`].join('')}: ${reason}`
}

/** A name is a name on this host only if the host has a number for it. */
function isErrnoName(name: unknown): name is ErrnoName {
  return typeof name === 'string' && Object.hasOwn(constants.errno, name)
}

/**
 * The system's error among the causes of a failure. That something is missing there says nothing of
 * the published file.
 */
function errnoOfCause(failure: unknown): ErrnoName | undefined {
  const code = systemCode(failure)
  return code === 'ENOENT' ? undefined : code
}

/** The code of the first error of the system among a failure and its causes. */
function systemCode(failure: unknown): ErrnoName | undefined {
  for (let cause = failure; cause instanceof Error; cause = cause.cause) {
    const code: unknown = 'code' in cause ? cause.code : undefined
    if (isErrnoName(code)) return code
  }
  return undefined
}

/**
 * Number, on this host, of the system's error that a call of a program fails with for `error`: that
 * of its `errno`, that of the system's own error, or EIO.
 */
export function errnoOf(error: unknown): number {
  const name: unknown = isDyadError(error) ? error.errno : errnoOfCause(error)
  return constants.errno[isErrnoName(name) ? name : 'EIO']
}

/** What failed; of a DyadError without what to do, which the outer error says. */
function causeText(cause: unknown, path?: string): string {
  if (cause === undefined) return ''
  if (isDyadError(cause)) return reasonOf(cause)
  if (!(cause instanceof Error)) return String(cause)
  // The message names the path already.
  const end = ` '${path}'`
  const { message } = cause
  return message.endsWith(end) ? message.slice(0, -end.length) : message
}

/**
 * The same failure with what is known of it farther out: a DyadError keeps its code, any other
 * error gets `code`. The original is the cause. What an abort threw is returned as it is.
 */
export function withContext(error: unknown, code: ErrorCode, context: ErrorContext): unknown {
  if (isDyadError(error)) return error.within(context)
  return isAbort(error) ? error : new DyadError(code, { ...context, cause: error })
}

/** Whether an error is what an AbortSignal throws of itself. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}
