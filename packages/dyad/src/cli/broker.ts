import { readConfig } from '@dyad-ts/core'
import { repairLog } from '@dyad-ts/kvs-client'
import { type Command, Option } from 'commander'
import { type AloneStatus, type StartStoreOptions, startStore } from '../start-store.js'
import { detach, REPORT_FLAG, reportBack } from './detach.js'
import { addExamples } from './examples.js'
import { failureOf } from './failure.js'
import { addFlags, givenOptions } from './flags.js'
import { print, printJson, say } from './output.js'
import { plural } from './plural.js'
import { beginLog, type Level } from './service-log.js'

const FLAGS = ['kvs', 'namespace', 'host', 'advertise', 'stateDir', 'logLevel', 'tlsCa', 'tlsCert', 'tlsKey'] as const

interface Flags {
  data?: string
  detach?: true
  reportReady?: true
  json?: true
}

export function addBroker(program: Command, signal: AbortSignal): void {
  const command = program
    .command('broker')
    .description('run a key-value store that belongs to no node, until it is interrupted or stopped')
    // Words after a subcommand belong to the subcommand.
    .enablePositionalOptions()
    .option('--data <directory>', 'keep the records there, so that they survive; default: in memory')
    .option('-d, --detach', 'return once it runs; it continues in the background')
    .option('--json', 'print what runs as JSON')
    .addOption(new Option(REPORT_FLAG).hideHelp())
    .action(async ({ data, detach: isDetached, reportReady, json }: Flags) => {
      const options: StartStoreOptions = { ...givenOptions(command), data, signal }
      const tell = (status: AloneStatus) => {
        for (const notice of status.broker.notices) say(notice)
        if (json) printJson(status)
        else print(readyLine(status))
      }
      const { stateDir, logLevel } = readConfig(givenOptions(command))
      if (isDetached) return tell(await detach<AloneStatus>(stateDir, 'broker', signal))
      if (!reportReady) return serve(options, logLevel, signal, tell)
      await serve(options, logLevel, signal, (status) => reportBack({ ready: status })).catch((error) => {
        reportBack({ failed: failureOf(error) })
        throw error
      })
    })
  addFlags(command, FLAGS)
  addExamples(command, 'dyad broker --namespace demo --data /var/lib/dyad', 'dyad broker repair /var/lib/dyad')
  addRepair(command)
}

function addRepair(broker: Command): void {
  const command = broker
    .command('repair')
    .description('repair a directory of records whose log is damaged, and keep its former files')
    .argument('<directory>', 'what --data named')
    .option('--json', 'print what came of it as JSON')
    .action(async (directory: string, { json }: { json?: true }) => {
      const repair = await repairLog(directory)
      if (json) return printJson(repair)
      const { records, namespaces, unreadableBytes, missing, renamed, formerFiles } = repair
      if (formerFiles === undefined)
        return print(`nothing to repair: ${plural(records, 'record')} in ${plural(namespaces, 'namespace')}`)
      print(
        `kept ${plural(records, 'record')} in ${plural(namespaces, 'namespace')}; ${plural(unreadableBytes, 'byte')} could not be read`,
      )
      if (missing !== undefined) print(`${missing} was missing`)
      for (const name of renamed) print(`the name of a namespace could not be read: its records are in ${name}`)
      print(`the former files are in ${formerFiles}`)
    })
  addExamples(command, 'dyad broker repair /var/lib/dyad')
}

async function serve(
  options: StartStoreOptions,
  level: Level,
  signal: AbortSignal,
  tell: (status: AloneStatus) => void,
): Promise<void> {
  await using store = await startStore(options)
  tell(store.status)
  beginLog(level)
  say(`started: ${summary(store.status)}; process ${process.pid}`)
  await new Promise<void>((resolve, reject) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (signal.aborted) resolve()
    store.stopped.then(resolve, reject)
  })
  say(`ends: ${signal.aborted ? signal.reason.message : '`dyad stop` asked for it'}`)
}

function readyLine(status: AloneStatus): string {
  return `ready: ${summary(status)}`
}

function summary({ kvs, broker, open }: AloneStatus): string {
  return `store ${kvs}, ${broker.durable ? 'durable' : 'in memory'}${open ? '; open to every user of this host' : ''}`
}
