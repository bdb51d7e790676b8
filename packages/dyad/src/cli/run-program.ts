import { environment, makeTrustedDirectory, type OptionName, readConfig } from '@dyad/core'
import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { exported } from './exported.js'
import { UsageError } from './failure.js'
import { addFlags, givenOptions, STORE_FLAGS } from './flags.js'
import { say } from './output.js'
import { preloadedBy, requiredLibrary } from './preloaded.js'
import { programAgent } from './program-agent.js'
import { programFile, unreachable } from './program-file.js'
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
  producer?: string
  consumer?: string
}

/** Runs the program that a command line names: it and its children take part without being changed. */
export function addRun(program: Command): void {
  const command = program
    .command('run')
    .description('run a program that nobody changed: what it opens is waited for, what it closes is published')
    .argument('<command>', 'the program')
    .argument('[arguments...]', 'its arguments')
    .option('--producer <directory>', 'The producer-managed directory (DYAD_PATH_PRODUCER)')
    .option('--consumer <directory>', 'The consumer-managed directory (DYAD_PATH_CONSUMER)')
    .passThroughOptions()
    .action(async (name: string, args: string[], { producer, consumer }: Flags) => {
      const descriptors = inheritedDescriptors()
      const options = { ...givenOptions(command), producerPath: producer, consumerPath: consumer }
      const config = readConfig(options)
      const { namespace, stateDir, producerPath, consumerPath } = config
      const managed = [producerPath, consumerPath].filter((path) => path !== undefined)
      if (managed.length === 0) throw new UsageError('no directory is managed: give --producer or --consumer')
      if (namespace === undefined) throw new UsageError('no namespace: give --namespace, or set DYAD_KVS_NAMESPACE')
      const library = requiredLibrary()
      const outer = environment()
      const file = programFile(name, outer['PATH'] ?? '')
      const why = unreachable(file, outer['PATH'] ?? '')
      if (why !== undefined) say(`warning: ${why}. It takes no part; see docs/unmodified.md`)
      for (const path of managed) makeTrustedDirectory(path)
      await using agent = await programAgent(config, outer['DYAD_AGENT'])
      const env: NodeJS.ProcessEnv = { ...outer }
      for (const [variable, value] of exported({ ...options, stateDir })) {
        if (value === undefined) delete env[variable]
        else env[variable] = value
      }
      env['DYAD_AGENT'] = agent.path
      env['LD_PRELOAD'] = preloadedBy(library, outer['LD_PRELOAD'])
      const ending = await supervise({ command: name, file, args, env, descriptors })
      await agent[Symbol.asyncDispose]()
      endAs(ending)
    })
  addFlags(command, FLAGS)
  addExamples(
    command,
    'dyad run --namespace demo --producer /tmp/prod -- ./simulate 10',
    'dyad run --namespace demo --consumer /tmp/cons -- python3 analyze.py',
  )
}
