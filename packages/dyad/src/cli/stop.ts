import { readConfig } from '@dyad/core'
import { askControl, controlPath, listControls } from '@dyad/service'
import type { Command } from 'commander'
import { portOf } from '../host-store.js'
import type { NodeStatus } from '../start.js'
import { type AloneStatus, storeControlName } from '../start-store.js'
import { addExamples } from './examples.js'
import { addFlags, givenOptions } from './flags.js'
import { print, printJson } from './output.js'

export function addStop(program: Command, signal: AbortSignal): void {
  const command = program
    .command('stop')
    .description("end this node's service on this host, and return when it has ended")
    .option('--broker', 'end the store that `dyad broker` runs at the port of --kvs instead')
    .option('--all', 'end every service and store of yours on this host')
    .option('--json', 'print one JSON array of the nodes, and the addresses of the stores, that ended')
    .action(async ({ broker, all, json }: { broker?: true; all?: true; json?: true }) => {
      const { stateDir, node, kvs } = readConfig(givenOptions(command))
      const name = broker ? storeControlName(portOf(new URL(kvs))) : node
      const paths = all ? await listControls(stateDir) : [controlPath(stateDir, name)]
      const answers = await Promise.all(paths.map((path) => askControl(path, 'stop', { untilClosed: true, signal })))
      // What does not answer was left behind by a service that was killed; what answers null had just begun.
      const ended = answers.filter((answer) => answer !== undefined)
      if (ended.length === 0 && !all) {
        throw new Error(
          broker ? `no store of yours runs for ${kvs} on this host` : `no service of node '${node}' runs on this host`,
        )
      }
      const nodes = ended.map((answer) => nameOf(answer as NodeStatus | AloneStatus | null) ?? node).sort()
      if (json) printJson(nodes)
      else for (const name of nodes) print(name)
    })
  addFlags(command, ['node', 'kvs', 'stateDir'])
  addExamples(command, 'dyad stop', 'dyad stop --all')
}

function nameOf(status: NodeStatus | AloneStatus | null): string | undefined {
  if (status === null) return undefined
  return 'node' in status ? status.node : status.kvs
}
