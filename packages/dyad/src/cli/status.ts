import { readlinkSync, statSync } from 'node:fs'
import { type Config, type DyadError, isDyadError, type NodeEntry, readConfig, type Transport } from '@dyad-ts/core'
import { decodeNodeEntry, isNodeKey, keyOf } from '@dyad-ts/core/internal'
import type { BrokerClient } from '@dyad-ts/kvs-client'
import { isRunning, listControls } from '@dyad-ts/service'
import type { Command } from 'commander'
import { openTransports } from '../parts.js'
import type { NodeStatus } from '../start.js'
import type { AloneStatus } from '../start-store.js'
import { askAll } from './ask-all.js'
import { addExamples } from './examples.js'
import { tellOneFailure } from './failure.js'
import { addAnswerTimeout, addFlags, askingOptions } from './flags.js'
import { moment, print, printHeading, printJson } from './output.js'
import { plural } from './plural.js'
import { withStore } from './session.js'
import { stateDirectories } from './state-directories.js'
import { type Way, waysTo } from './ways.js'

interface NodeReport extends Omit<NodeEntry, 'transports'> {
  readonly alive: boolean
  readonly evidence: string
  readonly transports: readonly Way[]
}

export function addStatus(program: Command, signal: AbortSignal): void {
  const command = program
    .command('status')
    .description('show the services on this host, the store, its namespaces, and the nodes with the transports to them')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: true }) => {
      const { options, limit } = askingOptions(command)
      const config = readConfig(options)
      const asking = Promise.all(stateDirectories(options).map(listControls)).then((paths) =>
        askAll(paths.flat(), 'status', { timeout: limit, signal }),
      )
      const store = withStore(options, signal, (kvs) => storeReport(kvs, config, signal)).catch((error: unknown) => {
        signal.throwIfAborted()
        if (!isDyadError(error)) throw error
        return error
      })
      store.catch(() => {})
      const { answers, failures } = await asking
      const running = answers.filter((answer) => answer !== null)
      const services = running.filter((status): status is NodeStatus => 'node' in status).map(withLog)
      services.sort((a, b) => (a.node < b.node ? -1 : 1))
      const brokers = running.filter((status): status is AloneStatus => !('node' in status)).map(withLog)
      if (!json) printServices(services, brokers, failures)
      const report = await store
      if (json) printJson({ services, brokers, failures, store: { address: config.kvs, ...storeJson(report) } })
      else if (!isDyadError(report)) printStore(config.kvs, report)
      else printNoStore(report)
      const all = isDyadError(report) ? [...failures, report] : failures
      for (const failure of all) tellOneFailure(failure)
    })
  addAnswerTimeout(addFlags(command, ['kvs', 'kvsTimeout', 'tlsCa', 'dtlMode', 'stateDir']))
  addExamples(command, 'dyad status', 'dyad status --json')
}

type StoreReport = Awaited<ReturnType<typeof storeReport>>

function storeJson(report: StoreReport | DyadError): object {
  return isDyadError(report) ? { failure: report } : report
}

async function storeReport(kvs: BrokerClient, config: Config, signal: AbortSignal) {
  const [{ stats: counts, awaited }, names] = await Promise.all([
    kvs.inspect({ signal }),
    kvs.listNamespaces({ signal }),
  ])
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
    return {
      durable: kvs.capabilities.durable,
      counts,
      namespaces: [...names].sort(),
      awaited: awaited
        .map(([namespace, key, waiters]) => ({ namespace, path: pathOf(key, config), waiters }))
        .sort(byPath),
      nodes,
      unreadable,
    }
  } finally {
    await Promise.all(transports.map((transport) => transport.close()))
  }
}

/** The path of a key, where the options have the hash bins of its waiters; else the key. */
function pathOf(key: string, { keyDepth, keyBins }: Config): string {
  const path = key.split('.').slice(keyDepth).join('.')
  return keyOf(path, keyDepth, keyBins) === key ? path : key
}

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : 1
}

async function nodeReport(entry: NodeEntry, transports: readonly Transport[], mode: string): Promise<NodeReport> {
  return { ...entry, ...lifeOf(entry), transports: await waysTo(entry, transports, mode) }
}

/**
 * Where this process cannot see that of the service, the lease tells: it expires soon after its
 * death.
 */
function lifeOf(entry: NodeEntry): { alive: boolean; evidence: string } {
  const alive = isRunning(entry)
  if (alive === undefined) return { alive: true, evidence: 'its lease holds' }
  return { alive, evidence: alive ? 'its process runs' : 'its process is gone; its lease expires soon' }
}

/** `log` is the file to which the service writes its log, if it is one. */
type Logged<Status> = Status & { readonly log?: string }

function withLog<Status extends { readonly pid: number }>(status: Status): Logged<Status> {
  const log = logFileOf(status.pid)
  return log === undefined ? status : { ...status, log }
}

/** The file to which a process writes its messages; undefined for a terminal or a pipe. */
function logFileOf(pid: number): string | undefined {
  try {
    const path = readlinkSync(`/proc/${pid}/fd/2`)
    return statSync(path).isFile() ? path : undefined
  } catch {
    return undefined
  }
}

const OPEN_LINE = '    open: it runs without a token, and every user of this host can read, publish and take nodes over'

function printServices(
  services: readonly Logged<NodeStatus>[],
  brokers: readonly Logged<AloneStatus>[],
  failures: readonly DyadError[],
): void {
  printHeading('services of yours on this host')
  if (services.length + brokers.length + failures.length === 0) print('  none')
  for (const { node = 'unknown', detail } of failures) print(`  ${node}  does not answer: ${detail}`)
  for (const { node, pid, broker, kvs, unavailable, warnings = [], lost, open, log } of services) {
    const store =
      broker === undefined ? `store ${kvs}` : `hosts the store ${kvs}, ${broker.durable ? 'durable' : 'in memory'}`
    print(`  ${node}  process ${pid}, ${store}`)
    if (log !== undefined) print(`    log ${log}`)
    if (lost !== undefined) print(`    its service has ended: ${lost}`)
    if (open) print(OPEN_LINE)
    for (const warning of warnings) print(`    warning: ${warning}`)
    for (const { transport, reason } of unavailable) print(`    not offered ${transport}: ${reason}`)
  }
  for (const { pid, kvs, broker, open, log } of brokers) {
    print(`  store ${kvs}  process ${pid}, nobody's node, ${broker.durable ? 'durable' : 'in memory'}`)
    if (log !== undefined) print(`    log ${log}`)
    if (open) print(OPEN_LINE)
  }
}

function printNoStore({ detail }: DyadError): void {
  printHeading('store')
  print(`  does not answer: ${detail}`)
}

function printStore(address: string, { durable, counts, namespaces, awaited, nodes, unreadable }: StoreReport): void {
  printHeading('store')
  print(`  ${address}, ${durable ? 'durable' : 'in memory'}`)
  const amounts = [
    plural(counts.namespaces, 'namespace'),
    plural(counts.records, 'record'),
    plural(counts.waiters, 'waiter'),
    plural(counts.watches, 'watcher'),
    plural(counts.links, 'link'),
    plural(counts.leases, 'lease'),
  ]
  print(`  ${amounts.join(', ')}`)
  printHeading('namespaces')
  for (const name of namespaces.length === 0 ? ['none'] : namespaces) print(`  ${name}`)
  printHeading('waited for')
  if (awaited.length === 0) print('  nothing')
  for (const { namespace, path, waiters } of awaited) print(`  ${path}  in ${namespace}, ${plural(waiters, 'waiter')}`)
  const others = counts.waiters - awaited.reduce((sum, { waiters }) => sum + waiters, 0)
  if (others > 0) print(`  and ${plural(others, 'other waiter')}`)
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
