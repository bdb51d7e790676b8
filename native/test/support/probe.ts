import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCES = fileURLToPath(new URL('../../probes', import.meta.url))
const BUILT = fileURLToPath(new URL('../../target/probes', import.meta.url))

/** The library as it was built. */
export const LIBRARY = fileURLToPath(new URL('../../target/release/libdyad_preload.so', import.meta.url))

/** The names of all probes that produce and consume. */
export function probeNames(): string[] {
  return readdirSync(SOURCES)
    .filter((name) => /\.(c|cc)$/.test(name) && !name.startsWith('bench-') && !name.startsWith('case-'))
    .map((name) => basename(name).replace(/\.cc?$/, ''))
}

/** Compiles a probe if it changed; its path. */
export function probe(name: string): string {
  const header = join(SOURCES, 'probe.h')
  const source = [`${name}.c`, `${name}.cc`].map((file) => join(SOURCES, file)).find(exists)
  if (source === undefined) throw new Error(`there is no probe ${name}`)
  const built = join(BUILT, name)
  if (exists(built) && changed(built) > Math.max(changed(source), changed(header))) return built
  mkdirSync(BUILT, { recursive: true })
  const compiler = source.endsWith('.cc') ? 'c++' : 'cc'
  const made = `${built}.${process.pid}`
  const args = ['-O1', '-w', '-pthread', '-I', SOURCES, '-o', made, source]
  const compiled = spawnSync(compiler, args, { encoding: 'utf8' })
  if (compiled.status !== 0) throw new Error(`${compiler} ${source}: ${compiled.error?.message ?? compiled.stderr}`)
  spawnSync('mv', [made, built])
  return built
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function changed(path: string): number {
  return statSync(path).mtimeMs
}
