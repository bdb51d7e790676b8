import { randomUUID } from 'node:crypto'
import { type OptionName, readConfig } from '@dyad-ts/core'
import { environment, makeTrustedDirectory } from '@dyad-ts/core/internal'
import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { UsageError } from './failure.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { say } from './output.js'
import { requiredLibrary } from './preloaded.js'
import { programAgent } from './program-agent.js'
import { environmentOfProgram, programVariables } from './program-environment.js'
import { programFile, unreachable } from './program-file.js'
import { publishInherited } from './publish-inherited.js'
import { RunNews } from './run-news.js'
import { tellOfRun } from './run-report.js'
import { endAs, inheritedDescriptors, supervise } from './supervise.js'

const FLAGS = [
  ...STORE_FLAGS,
  ...([
    'node',
    'timeout',
    'ownerTimeout',
    'dtlMode',
    'sharedStorage',
    'fsyncWrite',
    'readAhead',
    'serveCopies',
  ] as const),
  'stateDir',
] as const satisfies readonly OptionName[]

interface Flags {
  report?: string | true
}

/**
 * Runs the program that a command line names: it and its children take part without being changed.
 */
export function addRun(program: Command): void {
  const command = program
    .command('run')
    .description('run an unmodified program: its opens wait for files, and its closes publish them')
    .argument('<command>', 'the program')
    .argument('[arguments...]', 'its arguments')
    .option(
      '--report [file]',
      'report at the end what the program waited for and moved, as JSON in the file; default: on stderr as text',
    )
    .passThroughOptions()
    .action(async (name: string, args: string[], { report }: Flags) => {
      const descriptors = inheritedDescriptors()
      const options = givenOptions(command)
      const config = readConfig(options)
      const managed = [config.producerPath, config.consumerPath].filter((path) => path !== undefined)
      if (managed.length === 0) throw new UsageError('no directory is managed: give --producer or --consumer')
      if (config.namespace === undefined)
        throw new UsageError('no namespace: give --namespace, or set DYAD_KVS_NAMESPACE')
      const library = requiredLibrary()
      const outer = environment()
      const path = outer['PATH'] ?? ''
      const file = programFile(name, path)
      const why = unreachable(file, path)
      if (why !== undefined) say(`warning: ${why}. It takes no part; see docs/unmodified.md`)
      for (const directory of managed) makeTrustedDirectory(directory)
      // The outer run says what fails in a run within it, unless that has a report of its own.
      const id = report === undefined && outer['DYAD_RUN'] !== undefined ? undefined : randomUUID()
      await using agent = await programAgent(config, outer['DYAD_AGENT'])
      const env = environmentOfProgram({
        outer,
        options,
        library,
        agent: agent.isOfNode ? undefined : agent.path,
        run: id,
      })
      const program = { command: name, file, args, env, descriptors }
      const began = performance.now()
      const news = id === undefined ? undefined : new RunNews({ id, agent, variables: programVariables(env) })
      const ending = await supervise(program)
      const ms = performance.now() - began
      const isPublished =
        'signal' in ending ||
        config.producerPath === undefined ||
        (await publishInherited(program, config.producerPath, outer['DYAD_RUN'] !== undefined))
      await news?.[Symbol.asyncDispose]()
      if (id !== undefined && report !== undefined) {
        await tellOfRun({ id, agent: agent.path, variables: programVariables(env), ending, ms }, report)
      }
      await agent[Symbol.asyncDispose]()
      endAs(isPublished || ('code' in ending && ending.code !== 0) ? ending : { code: 1 })
    })
  addFlags(command, ['producerPath', 'consumerPath', ...FLAGS])
  addExamples(
    command,
    'dyad run --namespace demo --producer /tmp/prod -- ./simulate 10',
    'dyad run --namespace demo --consumer /tmp/cons -- python3 analyze.py',
  ).addHelpText(
    'after',
    '\nWrite nohup behind `--`, as in `dyad run … -- nohup COMMAND`: before `dyad run` it has no effect.',
  )
}
