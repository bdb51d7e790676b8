import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { addFlags, givenOptions } from './flags.js'
import { print, printJson } from './output.js'
import { withStore } from './session.js'

const FLAGS = ['kvs', 'kvsTimeout', 'tlsCa'] as const

export function addNamespace(program: Command, signal: AbortSignal): void {
  const namespace = program.command('namespace').description('create, list and remove namespaces')
  addExamples(namespace, 'dyad namespace create demo', 'dyad namespace list --json')
  const add = (name: string, description: string, example: string) =>
    addExamples(addFlags(namespace.command(name).description(description), FLAGS), example).option(
      '--json',
      'print JSON',
    )

  add('create', 'create a namespace', 'dyad namespace create demo')
    .argument('<name>', 'letters, digits and . _ - : @ + /')
    .action(async (name: string, _options, command: Command) => {
      await withStore(givenOptions(command), signal, (kvs) => kvs.createNamespace(name, { signal }))
      tell(command, { namespace: name }, name)
    })
  add('list', 'list the namespaces', 'dyad namespace list').action(async (_options, command: Command) => {
    const names = await withStore(givenOptions(command), signal, (kvs) => kvs.listNamespaces({ signal }))
    tell(command, names, ...names)
  })
  add('remove', 'remove a namespace with all records in it; files stay', 'dyad namespace remove demo')
    .argument('<name>', 'namespace to remove')
    .action(async (name: string, _options, command: Command) => {
      await withStore(givenOptions(command), signal, (kvs) => kvs.removeNamespace(name, { signal }))
      tell(command, { namespace: name }, name)
    })
}

function tell(command: Command, json: unknown, ...lines: readonly string[]): void {
  if (command.opts<{ json?: true }>().json) printJson(json)
  else for (const line of lines) print(line)
}
