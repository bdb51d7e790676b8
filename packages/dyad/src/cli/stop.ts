import { readConfig } from '@dyad/core'
import { askControl, controlPath, listControls } from '@dyad/service'
import type { Command } from 'commander'
import type { NodeStatus } from '../start.js'
import { addExamples } from './examples.js'
import { addFlags, givenOptions } from './flags.js'
import { print, printJson } from './output.js'

export function addStop(program: Command, signal: AbortSignal): void {
  const command = program
    .command('stop')
    .description("end this node's service on this host, and return when it has ended")
    .option('--all', 'end every service of yours on this host')
    .option('--json', 'print one JSON array of the nodes that ended')
    .action(async ({ all, json }: { all?: true; json?: true }) => {
      const { stateDir, node } = readConfig(givenOptions(command))
      const paths = all ? await listControls(stateDir) : [controlPath(stateDir, node)]
      const answers = await Promise.all(paths.map((path) => askControl(path, 'stop', { untilClosed: true, signal })))
      // What does not answer was left behind by a service that was killed; what answers null had just begun.
      const ended = answers.filter((answer) => answer !== undefined)
      if (ended.length === 0 && !all) throw new Error(`no service of node '${node}' runs on this host`)
      const nodes = ended.map((answer) => (answer as NodeStatus | null)?.node ?? node).sort()
      if (json) printJson(nodes)
      else for (const name of nodes) print(name)
    })
  addFlags(command, ['node', 'stateDir'])
  addExamples(command, 'dyad stop', 'dyad stop --all')
}
