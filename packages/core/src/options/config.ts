import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { DyadError } from '../errors.js'
import { nodeIdFault } from '../node-id.js'
import { stateDirectory } from '../user/places.js'
import { CLIENT_OPTIONS } from './client-options.js'
import type { ConfigOptions } from './config-options.js'
import { DTL_MODES, isDtlMode } from './dtl-modes.js'
import { boolean, choice, directory, duration, integer, type OptionRow, text } from './option-row.js'
import { warnOfUnknownVariables } from './unknown-variables.js'

/**
 * Every option, by the name it has in a program. `docs/configuration.md` is generated from this
 * table.
 */
export const OPTIONS = {
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
  serveCopies: boolean({
    env: 'DYAD_SERVE_COPIES',
    default: false,
    doc: 'Files of 1 MiB and more are fetched from whichever node has them, and offered to others once they are here; the service of this node must serve the consumer-managed directory.',
  }),
  fsyncWrite: boolean({
    env: 'DYAD_FSYNC_WRITE',
    default: false,
    doc: 'Files are on stable storage before they are published.',
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
  timeout: duration({
    env: 'DYAD_TIMEOUT',
    default: 0,
    min: 0,
    doc: 'How long an open waits for a file that nobody has published yet; 0 waits as long as it takes.',
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
  kvsTimeout: duration({
    env: 'DYAD_KVS_TIMEOUT',
    default: 10_000,
    min: 1,
    doc: 'How long the store may take to answer, or to be reached.',
  }),
  token: text({
    env: 'DYAD_TOKEN',
    accepts: 'a secret, long and random',
    doc: 'The secret that services, the broker and their clients share: peers without it get nothing. Both ends prove that they know it, and never send it. An attacker that records a connection can try out short ones: a token below 16 characters causes a warning.',
  }),
  tokenFile: text({
    env: 'DYAD_TOKEN_FILE',
    accepts: 'a file of yours that nobody else can read',
    defaultText:
      'dyad/token in $XDG_CONFIG_HOME, else in .config in $HOME, else in that of the home that the system has listed; relative ones are ignored; made at the first start',
    doc: 'The file of the token, where nobody gives the token itself. `dyad token` says where it lies.',
    isPath: true,
  }),
  open: boolean({
    env: 'DYAD_OPEN',
    default: false,
    doc: 'Runs without a token, on loopback only and alike on every side: every user of this host can then read, publish and take nodes over.',
  }),
  tlsCa: text({
    env: 'DYAD_TLS_CA',
    accepts: 'a PEM file',
    doc: 'Certificates to trust for wss: addresses.',
    isPath: true,
  }),
  tlsCert: text({
    env: 'DYAD_TLS_CERT',
    accepts: 'a PEM file',
    doc: 'Certificate of the service; with it, it speaks TLS only.',
    isPath: true,
  }),
  tlsKey: text({ env: 'DYAD_TLS_KEY', accepts: 'a PEM file', doc: 'Private key of the service.', isPath: true }),
  host: {
    env: 'DYAD_HOST',
    accepts: 'an address or a name of this host',
    doc: 'Where the service and its broker listen. Beyond loopback they need a token.',
    fallback: () => '127.0.0.1',
    parse: (given: string) => {
      if (given === '') throw new RangeError('empty')
      return given
    },
  },
  advertise: text({
    env: 'DYAD_ADVERTISE',
    accepts: 'a name or an address of this host',
    doc: 'Under which name other nodes reach this service. Without it, the address that it listens at, or the name of the host where that is every address.',
  }),
  leaseTtl: duration({
    env: 'DYAD_LEASE_TTL',
    default: 10_000,
    min: 100,
    doc: "How long a node stays registered after its service's last sign of life.",
  }),
  logLevel: choice({
    env: 'DYAD_LOG_LEVEL',
    default: 'info',
    choices: ['error', 'warn', 'info', 'debug'],
    doc: 'How important an event must be for the log of `dyad start` and `dyad broker`. Each line has the time in UTC and the level.',
  }),
  stateDir: {
    env: 'DYAD_STATE_DIR',
    accepts: 'a directory that only you can write to; it is made if it is missing',
    defaultText: '/tmp/dyad-UID, in every login of a user',
    doc: 'Where this node notes which version of a file its consumers hold, and which services run. Only programs of one user with the same directory move files by the transport `local`. A relative one lies below the working directory that the program starts in.',
    isPath: true,
    fallback: stateDirectory,
    parse: (given: string) => {
      if (given === '') throw new RangeError('empty')
      return resolve(given)
    },
  },
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

type Table = typeof OPTIONS
/** The name of an option in a program. */
export type OptionName = keyof Table
/** Every option with its value. */
export type Config = { readonly [Name in OptionName]: ReturnType<Table[Name]['parse']> }

/** The variable that a session writes with the option `syncCheck`. */
const HEALTH_VARIABLE = 'DYAD_SYNC_HEALTH'
const KNOWN_VARIABLES = new Set([
  ...[...Object.values(OPTIONS), ...CLIENT_OPTIONS].map(({ env }) => env),
  HEALTH_VARIABLE,
])

/** The environment of this process, which nothing else reads. */
export function environment(): NodeJS.ProcessEnv {
  return process.env
}

/** An option in an error: its name, and its variable. */
export function optionText(name: OptionName): string {
  return `${name} (${OPTIONS[name].env})`
}

/** Where the value of an option came from. */
export type OptionOrigin = 'program' | 'environment' | 'default'

/**
 * The value of every option: the program's, else the environment's, else the default. A variable
 * that is set but empty counts as not set, except that it turns a boolean off. Warns once of each
 * variable DYAD_* that is no option. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE.
 */
export function readConfig(given: ConfigOptions = {}, env: NodeJS.ProcessEnv = environment()): Config {
  const config: Record<string, unknown> = {}
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(OPTIONS, name))
      throw new DyadError('ERR_DYAD_OPTION', { option: name, detail: 'there is no such option' })
  }
  for (const name of Object.keys(OPTIONS) as OptionName[]) config[name] = readOption(name, given, env).value
  warnOfVariables(env)
  return config as unknown as Config
}

/**
 * Warns once a process of each variable DYAD_* that neither an option nor a client of the agent
 * reads.
 */
export function warnOfVariables(env: NodeJS.ProcessEnv = environment()): void {
  warnOfUnknownVariables(env, KNOWN_VARIABLES)
}

/** The value of one option, and where it came from. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE. */
export function readOption(
  name: OptionName,
  given: ConfigOptions = {},
  env: NodeJS.ProcessEnv = environment(),
): { value: unknown; origin: OptionOrigin } {
  const row: OptionRow<unknown> = OPTIONS[name]
  const value = given[name]
  if (value !== undefined) return { value: checked(name, row, value), origin: 'program' }
  const text = env[row.env]
  const isBoolean = typeof row.fallback(env) === 'boolean'
  if (text !== undefined && (text !== '' || isBoolean)) {
    return { value: parsed(row.env, row, text), origin: 'environment' }
  }
  return { value: row.fallback(env), origin: 'default' }
}

/**
 * A program's value goes through the same parser as a variable's, so that there is one meaning; its
 * type must be right as well.
 */
function checked(name: OptionName, row: OptionRow<unknown>, value: unknown): unknown {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new DyadError('ERR_DYAD_OPTION', {
      option: name,
      detail: `a value of type ${typeof value}; accepted: ${row.accepts}`,
    })
  }
  const read = parsed(name, row, String(value))
  const isDuration = row.unit === 'duration' && typeof value === 'string' && Number.isNaN(Number(value))
  if (read !== undefined && typeof read !== typeof value && !isDuration) {
    throw new DyadError('ERR_DYAD_OPTION', {
      option: name,
      detail: `${shown(row, value)} is a ${typeof value}, not a ${typeof read}`,
    })
  }
  return read
}

function parsed(name: string, row: OptionRow<unknown>, text: string): unknown {
  try {
    return row.parse(text)
  } catch (cause) {
    if (cause instanceof DyadError) throw cause
    throw new DyadError('ERR_DYAD_OPTION', {
      option: name,
      detail: `${shown(row, text)} is ${(cause as Error).message}; accepted: ${row.accepts}`,
      cause,
    })
  }
}

/** A value in an error; a secret is not shown. */
function shown(row: OptionRow<unknown>, value: unknown): string {
  return row.env === OPTIONS.token.env ? 'the value' : JSON.stringify(value)
}

/**
 * Tells programs that watch DYAD_SYNC_HEALTH that a synchronization succeeded: the one variable
 * that is written.
 */
export function noteHealth(): void {
  process.env[HEALTH_VARIABLE] = 'ok'
}
