import { constants } from 'node:os'

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))

/** The failure of a verb, with the name of the function and the system's error number. */
export class VerbError extends Error {
  override readonly name = 'VerbError'
  /** Name of the function of libibverbs or librdmacm. */
  readonly verb: string
  /** The system's error number, positive. */
  readonly errno: number
  /** Name of the error number, such as ENOMEM. */
  readonly code: string

  constructor(verb: string, errno: number, hint?: string) {
    const code = ERRNO_NAMES.get(errno) ?? `errno ${errno}`
    super(`${verb}: ${code}${hint === undefined ? '' : `: ${hint}`}`)
    this.verb = verb
    this.errno = errno
    this.code = code
  }
}

/** Names of ibv_wc_status by number. */
export const WC_STATUS = [
  'SUCCESS',
  'LOC_LEN_ERR',
  'LOC_QP_OP_ERR',
  'LOC_EEC_OP_ERR',
  'LOC_PROT_ERR',
  'WR_FLUSH_ERR',
  'MW_BIND_ERR',
  'BAD_RESP_ERR',
  'LOC_ACCESS_ERR',
  'REM_INV_REQ_ERR',
  'REM_ACCESS_ERR',
  'REM_OP_ERR',
  'RETRY_EXC_ERR',
  'RNR_RETRY_EXC_ERR',
  'LOC_RDD_VIOL_ERR',
  'REM_INV_RD_REQ_ERR',
  'REM_ABORT_ERR',
  'INV_EECN_ERR',
  'INV_EEC_STATE_ERR',
  'FATAL_ERR',
  'RESP_TIMEOUT_ERR',
  'GENERAL_ERR',
  'TM_ERR',
  'TM_RNDV_INCOMPLETE',
] as const

/** The failure of a completion, in words for a person. */
export class CompletionError extends Error {
  override readonly name = 'CompletionError'
  /** ibv_wc_status. */
  readonly status: number

  constructor(status: number) {
    super(`a work request ended with ${WC_STATUS[status] ?? `status ${status}`}`)
    this.status = status
  }
}
