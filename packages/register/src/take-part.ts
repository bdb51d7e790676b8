import { isMainThread } from 'node:worker_threads'
import { type ClientSettings, letSessionsStandAside } from '@dyad-ts/core/internal/client-settings'
import { adoptInherited } from './adopt.js'
import { AgentClient } from './agent/client.js'
import { replaceDescriptorCalls } from './descriptors.js'
import { bySession } from './drive.js'
import { publishAtExit } from './exit.js'
import { adoptHandle } from './file-handles.js'
import { letInherit } from './inherit.js'
import { loadAddon, nativeOf } from './native.js'
import { writes } from './open-flags.js'
import { ManagedPlaces } from './places.js'
import { Program } from './program.js'
import { replaceAll } from './replace.js'
import { endWaitsOfDestroyedStreams, openerSignals } from './streams.js'

/** Makes the preload library ignore this process. */
export function standAside(): void {
  loadAddon()?.standAside()
}

/**
 * Replaces the functions of node:fs that concern managed directories.
 * @param url the module that children load to take part
 */
export function takePart(settings: ClientSettings, url: string): void {
  const { producerPath, consumerPath, run, variables, stat, noWait, debug } = settings
  const places = new ManagedPlaces({ producer: producerPath, consumer: consumerPath })
  const place = { path: settings.agent, run, variables, passes: settings.agentMissing === 'pass' }
  const addon = loadAddon()
  // Without the addon the preload library would manage the calls of this process as well.
  if (addon === undefined && settings.isPreloaded) return
  const isPreloaded = addon?.letNodePass() === true
  const native = addon && nativeOf(addon, place)
  const program = new Program({ places, agent: new AgentClient(place), native, stat, noWait, debug })
  letInherit(url)
  letSessionsStandAside(bySession)
  // The preload library has adopted them, and finishes that.
  if (isMainThread && !isPreloaded) adoptInherited(program)
  publishAtExit(program)
  endWaitsOfDestroyedStreams()
  replaceDescriptorCalls(program)
  replaceAll({
    program,
    opener: openerSignals,
    opened: (value, path, flags) => {
      if (typeof value === 'number' && writes(flags)) program.written.add(value, path)
      else if (typeof value === 'object' && value !== null) adoptHandle(program, value, path, flags)
    },
  })
}
