import { hostname } from 'node:os'
import {
  type Config,
  decodeNodeEntry,
  isDyadError,
  isNodeKey,
  type NodeEntry,
  readConfig,
  type Transport,
} from '@dyad/core'
import type { BrokerClient } from '@dyad/kvs-client'
import { askControl, listControls } from '@dyad/service'
import type { Command } from 'commander'
import { openTransports } from '../parts.js'
import type { NodeStatus } from '../start.js'
import type { AloneStatus } from '../start-store.js'
import { addExamples } from './examples.js'
import { addFlags, givenOptions } from './flags.js'
import { moment, print, printHeading, printJson } from './output.js'
import { withStore } from './session.js'
import { type Way, waysTo } from './ways.js'

interface NodeReport extends Omit<NodeEntry, 'transports'> {
  readonly alive: boolean
  readonly evidence: string
  readonly transports: readonly Way[]
}

export function addStatus(program: Command, signal: AbortSignal): void {
  const command = program
    .command('status')
    .description('show the services on this host, the store, its namespaces, and the nodes with the ways to them')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: true }) => {
      const options = givenOptions(command)
      const config = readConfig(options)
      const { services, brokers } = await localServices(config.stateDir, signal)
      if (!json) printServices(services, brokers)
      const store = await withStore(options, signal, (kvs) => storeReport(kvs, config, signal))
      if (json) printJson({ services, brokers, store: { address: config.kvs, ...store } })
      else printStore(config.kvs, store)
    })
  addFlags(command, ['kvs', 'kvsTimeout', 'tlsCa', 'dtlMode', 'stateDir'])
  addExamples(command, 'dyad status', 'dyad status --json')
}

/** What runs on this host for its user: services of nodes, and stores that are nobody's node. */
async function localServices(
  stateDir: string,
  signal: AbortSignal,
): Promise<{ services: NodeStatus[]; brokers: AloneStatus[] }> {
  const paths = await listControls(stateDir)
  const answers = await Promise.all(paths.map((path) => askControl(path, 'status', { signal })))
  const running = answers.filter((answer) => answer !== undefined && answer !== null) as (NodeStatus | AloneStatus)[]
  const services = running.filter((status): status is NodeStatus => 'node' in status)
  return { services, brokers: running.filter((status): status is AloneStatus => !('node' in status)) }
}

async function storeReport(kvs: BrokerClient, config: Config, signal: AbortSignal) {
  const [counts, namespaces] = await Promise.all([kvs.stats({ signal }), kvs.listNamespaces({ signal })])
  const transports = openTransports(config)
  try {
    const nodes: NodeReport[] = []
    const unreadable: string[] = []
    for await (const entry of kvs.registry.list('', { signal })) {
      if (!isNodeKey(entry.key)) continue
      try {
        nodes.push(await nodeReport(decodeNodeEntry(entry), transports, config.dtlMode))
      } catch (error) {
        // One entry that cannot be read must not hide the others.
        if (!isDyadError(error, 'ERR_DYAD_METADATA')) throw error
        unreadable.push(error.message)
      }
    }
    nodes.sort((a, b) => (a.node < b.node ? -1 : 1))
    return { durable: kvs.capabilities.durable, counts, namespaces, nodes, unreadable }
  } finally {
    await Promise.all(transports.map((transport) => transport.close()))
  }
}

async function nodeReport(entry: NodeEntry, transports: readonly Transport[], mode: string): Promise<NodeReport> {
  return { ...entry, ...lifeOf(entry), transports: await waysTo(entry, transports, mode) }
}

/** A process on this host can be asked for; of any other the lease tells, which expires soon after its death. */
function lifeOf({ host, pid }: NodeEntry): { alive: boolean; evidence: string } {
  if (host !== hostname()) return { alive: true, evidence: 'its lease holds' }
  try {
    process.kill(pid, 0)
    return { alive: true, evidence: 'its process runs' }
  } catch (error) {
    const alive = (error as NodeJS.ErrnoException).code === 'EPERM'
    return { alive, evidence: alive ? 'its process runs' : 'its process is gone; its lease expires soon' }
  }
}

function printServices(services: readonly NodeStatus[], brokers: readonly AloneStatus[]): void {
  printHeading('services of yours on this host')
  if (services.length + brokers.length === 0) print('  none')
  for (const { node, pid, broker, kvs, unavailable, lost } of services) {
    const store =
      broker === undefined ? `store ${kvs}` : `hosts the store ${kvs}, ${broker.durable ? 'durable' : 'in memory'}`
    print(`  ${node}  process ${pid}, ${store}`)
    if (lost !== undefined) print(`    its service has ended, the node is another's: ${lost}`)
    for (const { transport, reason } of unavailable) print(`    not offered ${transport}: ${reason}`)
  }
  for (const { pid, kvs, broker } of brokers) {
    print(`  store ${kvs}  process ${pid}, nobody's node, ${broker.durable ? 'durable' : 'in memory'}`)
  }
}

function printStore(
  address: string,
  { durable, counts, namespaces, nodes, unreadable }: Awaited<ReturnType<typeof storeReport>>,
): void {
  printHeading('store')
  print(`  ${address}, ${durable ? 'durable' : 'in memory'}`)
  print(
    `  ${Object.entries(counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ')}`,
  )
  printHeading('namespaces')
  for (const name of namespaces.length === 0 ? ['none'] : namespaces) print(`  ${name}`)
  printHeading('nodes')
  if (nodes.length === 0) print('  none')
  for (const message of unreadable) print(`  left out: ${message}`)
  for (const { node, host, pid, startedAt, alive, evidence, directories, transports } of nodes) {
    print(
      `  ${node}  ${alive ? 'alive' : 'dead'}: ${evidence}; process ${pid} on ${host} since ${moment(startedAt)} UTC`,
    )
    for (const directory of directories) print(`    serves ${directory}`)
    for (const { transport, isUsed, reason } of transports) {
      print(`    ${isUsed ? 'would use' : 'not'} ${transport}: ${reason}`)
    }
  }
}
