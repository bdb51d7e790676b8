import { DyadError } from '../../errors.js'
import { DTL_MODES, isDtlMode } from '../dtl-modes.js'
import { boolean, duration, integer, type OptionRow } from '../option-row.js'

/** How files are published, waited for, fetched ahead and moved. */
export const FILES = {
  asyncPublish: boolean({
    env: 'DYAD_ASYNC_PUBLISH',
    default: false,
    doc: 'Streams finish without waiting for the store; failures surface in flush() and close().',
  }),
  inlineLimit: integer({
    env: 'DYAD_INLINE_LIMIT',
    default: 1024,
    min: 0,
    max: 65_536,
    unit: 'bytes',
    doc: "The bytes of files up to this size travel in their records, which saves consumers the way to the owner and takes the store's memory; 0 for none.",
  }),
  digestAll: boolean({
    env: 'DYAD_DIGEST_ALL',
    default: false,
    doc: 'Publishing reads files that were not written through DYAD from beginning to end, so that every record has a digest that consumers verify; off, it reads only those up to 64 KiB.',
  }),
  fsyncWrite: boolean({
    env: 'DYAD_FSYNC_WRITE',
    default: false,
    doc: 'Files are on stable storage before they are published.',
  }),
  timeout: duration({
    env: 'DYAD_TIMEOUT',
    default: 0,
    min: 0,
    doc: 'How long an open waits for a file that nobody has published yet; 0 waits as long as it takes.',
  }),
  readAhead: integer({
    env: 'DYAD_READ_AHEAD',
    default: 4,
    min: 0,
    max: 65_536,
    unit: 'files',
    doc: 'How many files a reader of a numbered sequence, or of names that come again in the same order, is kept ahead at most; readers side by side share them; 0 for none.',
  }),
  readAheadBytes: integer({
    env: 'DYAD_READ_AHEAD_BYTES',
    default: 256 * 1024 * 1024,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    doc: 'How many bytes of files are fetched before they are asked for, at most; a single file may have more.',
  }),
  dtlMode: {
    env: 'DYAD_DTL_MODE',
    accepts: Object.keys(DTL_MODES).join(', '),
    choices: Object.keys(DTL_MODES),
    type: 'DtlMode',
    doc: 'The transport. `auto` takes the best that both sides have, any other name that one alone. FLUX_RPC means rpc; UCX and MARGO mean auto.',
    fallback: () => 'auto',
    parse: (given: string) => {
      if (!isDtlMode(given)) {
        throw new DyadError('ERR_DYAD_DTL_MODE', {
          detail: `'${given}' is none of ${Object.keys(DTL_MODES).join(', ')}`,
        })
      }
      return DTL_MODES[given]
    },
  },
  rdmaBusyPoll: duration({
    env: 'DYAD_RDMA_BUSY_POLL',
    default: 0,
    min: 0,
    max: 60_000,
    doc: 'How long after a completion of RDMA the next is looked for again and again, which takes a processor and spares the way through the kernel; 0 waits for events.',
  }),
  sharedStorage: boolean({
    env: 'DYAD_SHARED_STORAGE',
    default: false,
    doc: 'Producers and consumers see the same files: synchronize, move nothing.',
  }),
  serveCopies: boolean({
    env: 'DYAD_SERVE_COPIES',
    default: false,
    doc: 'Files of 1 MiB and more are fetched from whichever node has them, and offered to others once they are here; the service of this node must serve the consumer-managed directory.',
  }),
  ownerTimeout: duration({
    env: 'DYAD_OWNER_TIMEOUT',
    default: 30_000,
    min: 1,
    doc: 'How long a consumer tries to reach the owner of a published file without a byte of progress.',
  }),
  progressTimeout: duration({
    env: 'DYAD_PROGRESS_TIMEOUT',
    default: 15_000,
    min: 1,
    doc: 'How long a transfer may stand still before the consumer begins the next one where it stopped, over another transport if there is one; half of DYAD_OWNER_TIMEOUT at most.',
  }),
  leastRate: integer({
    env: 'DYAD_LEAST_RATE',
    default: 1024,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes a second',
    doc: 'A transfer that brings less than this for as long as DYAD_PROGRESS_TIMEOUT counts as one that stands still; 0 takes any rate for progress.',
  }),
} as const satisfies Record<string, OptionRow<unknown>>
