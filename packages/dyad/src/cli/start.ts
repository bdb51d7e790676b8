import { readConfig } from '@dyad-ts/core'
import { describeHolder, type SilentHolder } from '@dyad-ts/service'
import { type Command, Option } from 'commander'
import { type NodeStatus, type RunningNode, type StartOptions, start } from '../start.js'
import { detach, REPORT_FLAG, reportBack } from './detach.js'
import { addExamples } from './examples.js'
import { failureOf, tellFailure, UsageError } from './failure.js'
import { addFlags, givenOptions } from './flags.js'
import { print, printJson, say } from './output.js'
import { beginLog, type Level } from './service-log.js'
import { assertSharedStore } from './shared-store.js'

const FLAGS = [
  ...(['node', 'kvs', 'kvsTimeout', 'namespace', 'host', 'advertise', 'leaseTtl', 'stateDir', 'logLevel'] as const),
  ...(['tlsCa', 'tlsCert', 'tlsKey'] as const),
]

interface Flags {
  broker?: true
  data?: string
  takeover?: true
  detach?: true
  reportReady?: true
  json?: true
}

export function addStart(program: Command, signal: AbortSignal): void {
  const command = program
    .command('start')
    .description("run this node's service until it is interrupted or stopped")
    .argument('[directories...]', 'managed directories to serve; default: DYAD_PATH_PRODUCER and DYAD_PATH_CONSUMER')
    .option('--broker', 'host the key-value store as well, and create the namespace if one is named and missing')
    .option('--data <directory>', 'with --broker: keep the records there, so that they survive; default: in memory')
    .option('--takeover', 'take the node over from a service that runs, which ends')
    .option('-d, --detach', 'return once it runs; it continues in the background')
    .option('--json', 'print what runs as JSON')
    .addOption(new Option(REPORT_FLAG).hideHelp())
    .action(async (directories: string[], flags: Flags) => {
      if (flags.data !== undefined && !flags.broker) {
        throw new UsageError('--data keeps the records of a store: it needs --broker')
      }
      assertSharedStore(givenOptions(command))
      const options: StartOptions = {
        ...givenOptions(command),
        broker: flags.broker,
        data: flags.data,
        takeover: flags.takeover,
        directories: directories.length === 0 ? undefined : directories,
        signal,
      }
      const tell = (status: NodeStatus) => {
        for (const notice of status.broker?.notices ?? []) say(notice)
        if (flags.json) printJson(status)
        else print(readyLine(status))
        for (const warning of status.warnings) say(`warning: ${warning}`)
      }
      const { stateDir, node, logLevel: level } = readConfig(givenOptions(command))
      if (flags.detach) return tell(await detach<NodeStatus>(stateDir, node, signal))
      if (!flags.reportReady) return serve({ ...options, level, onWaiting: sayThatItWaits }, signal, tell)
      const onWaiting = (silent: SilentHolder) => reportBack({ told: waitingLine(silent) })
      await serve({ ...options, level, onWaiting }, signal, (status) => reportBack({ ready: status })).catch(
        (error) => {
          reportBack({ failed: failureOf(error) })
          throw error
        },
      )
    })
  addFlags(command, FLAGS)
  addExamples(command, 'dyad start --broker --namespace demo /tmp/prod', 'dyad start --node n2 --detach /tmp/cons')
}

async function serve(
  { level, ...options }: StartOptions & { level: Level },
  signal: AbortSignal,
  tell: (status: NodeStatus) => void,
): Promise<void> {
  await using node = await start(options)
  tell(node.status)
  beginLog(level)
  say(`started: ${summary(node.status)}; process ${process.pid}`)
  await ended(node, signal)
  say(`ends: ${signal.aborted ? signal.reason.message : '`dyad stop` asked for it'}`)
}

/**
 * Resolves when the node is asked to end; rejects if it lost its place, and hosts no store that
 * others need.
 */
function ended(node: RunningNode, signal: AbortSignal): Promise<void> {
  const { lost, stopped } = node
  return new Promise((resolve, reject) => {
    const interrupted = () => resolve()
    const taken = () => {
      if (node.status.broker === undefined) return reject(lost.reason)
      tellFailure(lost.reason)
      say('the service of this node has ended; the store goes on', 'warn')
    }
    signal.addEventListener('abort', interrupted, { once: true })
    lost.addEventListener('abort', taken, { once: true })
    if (signal.aborted) interrupted()
    if (lost.aborted) taken()
    stopped.then(resolve, reject)
  })
}

function sayThatItWaits(silent: SilentHolder): void {
  say(waitingLine(silent))
}

function waitingLine({ holder, ms }: SilentHolder): string {
  const who = holder === undefined ? 'another service holds the node' : `the node is taken: ${describeHolder(holder)}`
  return `${who}, and gives no sign of life; waiting up to ${Math.ceil(ms / 1000)} s for its lease to end …`
}

function readyLine(status: NodeStatus): string {
  return `ready: ${summary(status)}`
}

function summary({ node, directories, transports, kvs, broker, open }: NodeStatus): string {
  const served = directories.length === 0 ? 'no directory' : directories.join(', ')
  const ways = transports.map(({ name }) => name).join(', ')
  const store = broker === undefined ? '' : broker.durable ? ' (hosted here, durable)' : ' (hosted here, in memory)'
  return `node ${node} serves ${served} over ${ways}; store ${kvs}${store}${open ? '; open to every user of this host' : ''}`
}
