import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Program } from '../program.js'
import type { Site } from '../site.js'
import type { Place, World } from './world.js'

/** A way of DYAD in C to move bytes. */
export interface DyadMode {
  readonly name: string
  readonly dtlMode: 'FLUX_RPC' | 'UCX'
  /** For the brokers and the programs. */
  readonly env: NodeJS.ProcessEnv
}

const FLUX_RPC: DyadMode = { name: 'FLUX_RPC', dtlMode: 'FLUX_RPC', env: {} }
/** On one host it moves bytes through shared memory. */
export const UCX: DyadMode = { name: 'UCX', dtlMode: 'UCX', env: {} }
/** As between two hosts without verbs. */
export const UCX_SOCKETS: DyadMode = { name: 'UCX over sockets', dtlMode: 'UCX', env: { UCX_TLS: 'tcp,self' } }

const SIDES = ['producer', 'consumer']
const MODES = [FLUX_RPC, UCX, UCX_SOCKETS]

/** DYAD in C in every mode; see dyadInC. */
export function everyDyadInC(site: Site, prefix: string): Promise<World[]> {
  return Promise.all(MODES.map((mode) => dyadInC(site, prefix, mode)))
}

/**
 * What runs inside the Flux instance, with the prefix, the mode and both directories as arguments.
 * It makes a namespace for each line of its input, and has the consumer's broker learn of it: a
 * broker that learns of it while the first record comes may miss that record for ever. Flux ends
 * with status 1 where the module stays loaded.
 */
const SCRIPT = `set -e
load() { flux exec -r "$1" flux module load "$PREFIX/lib/dyad.so" -m "$MODE" "$2"; }
PREFIX=$1 MODE=$2
load 0 "$3" >&2
load 1 "$4" >&2
echo ready
flux exec -r 0 flux getattr local-uri
flux exec -r 1 flux getattr local-uri
number=0
while read -r line; do
  number=$((number + 1))
  flux kvs namespace create "bench$number" >&2
  flux exec -r 1 flux kvs version -N "bench$number" >&2
  echo "bench$number"
done
flux exec -r all flux module remove dyad`

/**
 * DYAD in C: a Flux instance of two brokers, each with a directory of its own, and programs under
 * DYAD's own wrapper. Each time it begins it makes a namespace, since publishing slows down with
 * the number of keys.
 * @param prefix where DYAD is installed; `flux` comes from its `bin`, else from PATH
 */
export async function dyadInC(site: Site, prefix: string, mode: DyadMode): Promise<World> {
  const name = (side: string) => `${mode.name.toLowerCase().replaceAll(' ', '-')}-${side}`
  const directories = SIDES.map((side) => site.empty(name(side)))
  const own = join(prefix, 'bin', 'flux')
  const flux = await Program.start(
    existsSync(own) ? own : 'flux',
    ['start', '--test-size=2', 'sh', '-c', SCRIPT, 'sh', prefix, mode.dtlMode, ...directories],
    { env: mode.env, signal: site.signal, endsItself: true },
  ).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new Error(`there is no ${own}, and no \`flux\` in PATH`)
  })
  site.defer(() => flux[Symbol.asyncDispose]())
  const uris = [await flux.line(), await flux.line()]
  let namespace = ''
  const place = (rank: 0 | 1, variable: string): Place => {
    const directory = directories[rank] as string
    return {
      directory,
      get env() {
        return {
          ...mode.env,
          FLUX_URI: uris[rank],
          DYAD_KVS_NAMESPACE: namespace,
          DYAD_DTL_MODE: mode.dtlMode,
          [variable]: directory,
          LD_PRELOAD: join(prefix, 'lib', 'libdyad_wrapper.so'),
        }
      },
    }
  }
  return {
    name: mode.name,
    producer: place(0, 'DYAD_PATH_PRODUCER'),
    consumer: place(1, 'DYAD_PATH_CONSUMER'),
    async begin() {
      flux.go()
      namespace = await flux.line()
    },
    clear() {
      for (const side of SIDES) site.empty(name(side))
    },
  }
}
