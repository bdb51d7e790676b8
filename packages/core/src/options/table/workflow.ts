import { hostname } from 'node:os'
import { nodeIdFault } from '../../node-id.js'
import { boolean, directory, duration, integer, type OptionRow, text } from '../option-row.js'

/** Where a program belongs: its namespace, store, node, directories and keys. */
export const WORKFLOW = {
  namespace: text({
    env: 'DYAD_KVS_NAMESPACE',
    accepts: 'a namespace that exists',
    doc: 'The namespace that producers and consumers of one workflow share. Required by everything that publishes or looks up.',
  }),
  kvs: {
    env: 'DYAD_KVS',
    accepts: 'ws://HOST:PORT, wss://HOST:PORT, or memory: for one process alone',
    doc: 'The key-value store.',
    fallback: () => 'ws://127.0.0.1:4610',
    parse: (given: string) => {
      if (!/^(wss?:\/\/[^/\s]+:\d+\/?|memory:)$/.test(given) || !URL.canParse(given))
        throw new RangeError('not the address of a store')
      return given
    },
  },
  kvsTimeout: duration({
    env: 'DYAD_KVS_TIMEOUT',
    default: 10_000,
    min: 1,
    doc: 'How long the store may take to answer, or to be reached.',
  }),
  node: {
    env: 'DYAD_NODE',
    accepts: '1 to 255 bytes without control characters',
    defaultText: 'the name of the host',
    doc: 'Id of this node: one storage domain with one service. Programs and their service must agree on it.',
    fallback: () => hostname(),
    parse: (given: string) => {
      const fault = nodeIdFault(given)
      if (fault !== undefined) throw new RangeError(fault)
      return given
    },
  },
  producerPath: directory({
    env: 'DYAD_PATH_PRODUCER',
    accepts: 'a directory; it is made if it is missing',
    doc: 'The producer-managed directory: files written here are published.',
  }),
  consumerPath: directory({
    env: 'DYAD_PATH_CONSUMER',
    accepts: 'a directory; it is made if it is missing',
    doc: 'The consumer-managed directory: files read here are waited for and brought here.',
  }),
  relative: boolean({
    env: 'DYAD_PATH_RELATIVE',
    default: true,
    doc: 'Relative paths are relative to the managed directory; off, to the working directory.',
  }),
  keyDepth: integer({
    env: 'DYAD_KEY_DEPTH',
    default: 3,
    min: 0,
    max: 20,
    doc: 'Levels of hash bins in front of a key. The same on every side.',
  }),
  keyBins: integer({
    env: 'DYAD_KEY_BINS',
    default: 1024,
    min: 1,
    max: 2 ** 32 - 1,
    doc: 'Hash bins at each level. The same on every side.',
  }),
} as const satisfies Record<string, OptionRow<unknown>>
