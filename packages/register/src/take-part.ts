import type { ClientSettings } from '@dyad/core/client-settings'
import { AgentClient } from './agent/client.js'
import { replaceDescriptorCalls } from './descriptors.js'
import { adoptHandle } from './file-handles.js'
import { loadAddon, nativeOf } from './native.js'
import { ManagedPlaces } from './places.js'
import { Program } from './program.js'
import { replaceAll } from './replace.js'
import { endWaitsOfDestroyedStreams, openerSignals } from './streams.js'

/** Replaces the functions of node:fs that concern managed directories. */
export function takePart(settings: ClientSettings): void {
  const { producerPath, consumerPath, run, variables, stat, noWait } = settings
  const places = new ManagedPlaces({ producer: producerPath, consumer: consumerPath })
  const place = { path: settings.agent, run, variables, passes: settings.agentMissing === 'pass' }
  const addon = loadAddon()
  addon?.standAside()
  const native = addon && nativeOf(addon, place)
  const program = new Program({ places, agent: new AgentClient(place), native, stat, noWait })
  endWaitsOfDestroyedStreams()
  replaceDescriptorCalls(program)
  replaceAll({
    program,
    opener: openerSignals,
    opened: (value, path) => {
      if (typeof value === 'number') program.written.add(value, path)
      else if (typeof value === 'object' && value !== null) adoptHandle(program, value, path)
    },
  })
}
