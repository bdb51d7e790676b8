import { boolean, integer, type OptionRow, text } from '../option-row.js'

/** What a program shows of its work; options of DYAD's C library without effect come last. */
export const DIAGNOSIS = {
  syncDebug: boolean({ env: 'DYAD_SYNC_DEBUG', default: false, doc: 'Tell on stderr what happens, line by line.' }),
  syncCheck: boolean({
    env: 'DYAD_SYNC_CHECK',
    default: false,
    doc: 'Set DYAD_SYNC_HEALTH=ok in the environment of the process after each successful synchronization.',
  }),
  serviceMux: integer({
    env: 'DYAD_SERVICE_MUX',
    default: 1,
    min: 1,
    max: 1_000_000,
    doc: "Accepted for DYAD's sake, without effect: DYAD_NODE says which processes share a node's storage.",
  }),
  reinit: boolean({
    env: 'DYAD_REINIT',
    default: false,
    doc: "Accepted for DYAD's sake, without effect: each connect() is a session of its own.",
  }),
  margoProto: text({
    env: 'DYAD_MARGO_PROTO',
    accepts: 'anything',
    doc: "Accepted for DYAD's sake, without effect: there is no Margo here.",
  }),
} as const satisfies Record<string, OptionRow<unknown>>
