import { readConfig } from '@dyad-ts/core'
import { controlPath, listControls } from '@dyad-ts/service'
import type { Command } from 'commander'
import { portOf } from '../host-store.js'
import type { NodeStatus } from '../start.js'
import { type AloneStatus, storeControlName } from '../start-store.js'
import { askAll } from './ask-all.js'
import { addExamples } from './examples.js'
import { EXIT_CODES } from './exit-codes.js'
import { RowError, tellOneFailure } from './failure.js'
import { addAnswerTimeout, addFlags, askingOptions } from './flags.js'
import { print, printJson } from './output.js'
import { stateDirectories } from './state-directories.js'

export function addStop(program: Command, signal: AbortSignal): void {
  const command = program
    .command('stop')
    .description("end this node's service on this host, and return when it has ended")
    .option('--broker', 'end the store that `dyad broker` runs at the port of --kvs instead')
    .option('--all', 'end every service and store of yours on this host')
    .option('--json', 'print one JSON object: the nodes and stores that ended, and the failures of those that did not')
    .action(async ({ broker, all, json }: { broker?: true; all?: true; json?: true }) => {
      const { options, limit } = askingOptions(command)
      const { node, kvs } = readConfig(options)
      const name = broker ? storeControlName(portOf(new URL(kvs))) : node
      const paths = (directory: string) => (all ? listControls(directory) : [controlPath(directory, name)])
      const places = (await Promise.all(stateDirectories(options).map(paths))).flat()
      const { answers, failures } = await askAll(places, 'stop', { untilClosed: true, timeout: limit, signal })
      if (answers.length + failures.length === 0 && !all) {
        throw new RowError(
          EXIT_CODES.notFound,
          broker ? `no store of yours runs for ${kvs} on this host` : `no service of node '${node}' runs on this host`,
        )
      }
      // A service that answers null had just begun.
      const ended = answers.map((answer) => nameOf(answer) ?? node).sort()
      if (json) printJson({ ended, failures })
      else for (const name of ended) print(name)
      for (const failure of failures) tellOneFailure(failure)
    })
  addAnswerTimeout(addFlags(command, ['node', 'kvs', 'stateDir']))
  addExamples(command, 'dyad stop', 'dyad stop --node n2')
}

function nameOf(status: NodeStatus | AloneStatus | null): string | undefined {
  if (status === null) return undefined
  return 'node' in status ? status.node : status.kvs
}
