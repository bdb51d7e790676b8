import type { ErrorCode } from '@dyad-ts/core'

/** One row of the table of exit codes. */
export interface ExitCodeRow {
  readonly code: number
  /** What it means, for people, as a clause. */
  readonly meaning: string
  /** The errors of DYAD that end a command with it. */
  readonly errors: readonly ErrorCode[]
  /** The errors of the system that do, where no code of DYAD says more. */
  readonly system?: readonly string[]
}

/**
 * What the command exits with. The help of `dyad` and docs/exit-codes.md are generated from this
 * table. Errors that no row names exit with 1.
 */
export const EXIT_CODES = {
  success: { code: 0, meaning: 'success; a service or store ended because it was asked to', errors: [] },
  failure: { code: 1, meaning: 'a failure that no other code names', errors: [] },
  usage: {
    code: 2,
    meaning: 'the command line or a variable is wrong',
    errors: [
      'ERR_DYAD_OPTION',
      'ERR_DYAD_DTL_MODE',
      'ERR_DYAD_PATH',
      'ERR_DYAD_UNTRACKED',
      'ERR_DYAD_KEY',
      'ERR_DYAD_NAMESPACE_NAME',
    ],
  },
  notFound: {
    code: 3,
    meaning: 'a file is not published or missing, a namespace is missing, or no such service runs',
    errors: ['ERR_DYAD_NOT_FOUND', 'ERR_DYAD_GONE', 'ERR_DYAD_NAMESPACE_MISSING'],
    system: ['ENOENT', 'ENOTDIR'],
  },
  timedOut: {
    code: 4,
    meaning: 'nobody published the file in time, or a service did not answer in time',
    errors: ['ERR_DYAD_TIMEOUT', 'ERR_DYAD_SILENT'],
  },
  storeUnreachable: { code: 5, meaning: 'the store does not answer', errors: ['ERR_DYAD_KVS_UNREACHABLE'] },
  notFetched: {
    code: 6,
    meaning: 'the owner of the file cannot be reached, or no transport leads to it',
    errors: ['ERR_DYAD_OWNER_UNREACHABLE', 'ERR_DYAD_TRANSFER', 'ERR_DYAD_NO_TRANSPORT', 'ERR_DYAD_RDMA_UNAVAILABLE'],
  },
  denied: {
    code: 7,
    meaning: 'access is denied: another token, a refusal of the owner, or permissions of a file',
    errors: ['ERR_DYAD_DENIED', 'ERR_DYAD_CERTIFICATE', 'ERR_DYAD_REFUSED'],
    system: ['EACCES', 'EPERM'],
  },
  noSpace: {
    code: 8,
    meaning: 'no space is left on a disk, or a quota is used up',
    errors: [],
    system: ['ENOSPC', 'EDQUOT'],
  },
  taken: {
    code: 9,
    meaning: 'a node or a namespace is taken already, or the service cannot listen at an address',
    errors: ['ERR_DYAD_NODE_TAKEN', 'ERR_DYAD_BIND', 'ERR_DYAD_NAMESPACE_EXISTS'],
  },
  damaged: {
    code: 10,
    meaning: 'data is damaged, or a file changed after it was published',
    errors: ['ERR_DYAD_CORRUPT', 'ERR_DYAD_CHANGED', 'ERR_DYAD_METADATA', 'ERR_DYAD_LOG'],
  },
  notExecutable: { code: 126, meaning: 'dyad run: the program cannot be executed', errors: [] },
  noProgram: { code: 127, meaning: 'dyad run: the program is missing', errors: [] },
  hungUp: { code: 129, meaning: 'interrupted by SIGHUP', errors: [] },
  interrupted: { code: 130, meaning: 'interrupted by SIGINT', errors: [] },
  terminated: { code: 143, meaning: 'interrupted by SIGTERM', errors: [] },
} as const satisfies Record<string, ExitCodeRow>

const ROWS: readonly ExitCodeRow[] = Object.values(EXIT_CODES)

/** Returns the exit code for an error: that of the first row that names it or one of its causes. */
export function exitCodeOf(error: unknown): number {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code: unknown = 'code' in cause ? cause.code : undefined
    const row = ROWS.find(({ errors, system = [] }) => [...errors, ...system].some((each) => each === code))
    if (row !== undefined) return row.code
  }
  return EXIT_CODES.failure.code
}
