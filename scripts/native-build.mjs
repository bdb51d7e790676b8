import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
export const workspace = `${root}native`
const platform = `${process.platform}-${process.arch}-gnu`
/** The folder of this platform's package, where @dyad-ts/native looks. */
const place = `${root}packages/native/npm/${platform}`

// Rust's toolchains lie in the home in which rustup was installed, which need not be this one.
const toolchains = process.env.RUSTUP_HOME ?? toolchainsBesideCargo()
if (toolchains !== undefined) process.env.RUSTUP_HOME = toolchains

/** Runs a command whose output is seen as it comes; whether it ended well. */
export function runs(command, args, cwd = workspace) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error !== undefined) console.error(`native: ${command} cannot be run: ${error.message}`)
  return status === 0
}

/** What is missing for a build, in one line; undefined where nothing is. */
export function missing() {
  if (process.platform !== 'linux' || !existsSync(`${place}/package.json`))
    return `there is no native build for ${process.platform} on ${process.arch}: it needs Linux with glibc, on x64 or arm64`
  const cargo = spawnSync('cargo', ['--version'], { encoding: 'utf8' })
  if (cargo.error !== undefined)
    return 'cargo is missing: install Rust (https://rustup.rs) for the native library; without it only `dyad run` does not work'
  if (cargo.status !== 0) return `cargo does not work; install Rust anew: ${cargo.stderr.trim().split('\n', 1)[0]}`
  if (spawnSync('cc', ['--version']).status !== 0) return 'cc is missing: install a C compiler, with which cargo links'
  return undefined
}

/**
 * Builds the cargo workspace, each part only where something changed, and puts the library and the
 * addon into this platform's package. Whether that went well.
 */
export function build() {
  if (!runs('cargo', ['build', '--release', '--locked'])) return false
  put('libdyad_preload.so', 'libdyad_preload.so')
  put('libdyad_addon.so', `dyad.${platform}.node`)
  return true
}

/** `.rustup` beside the `.cargo` of the cargo in PATH, where this home has none. */
function toolchainsBesideCargo() {
  if (existsSync(join(homedir(), '.rustup/toolchains'))) return undefined
  const folder = (process.env.PATH ?? '').split(delimiter).find((each) => existsSync(join(each, 'cargo')))
  const beside = folder && join(folder, '../../.rustup')
  return beside && existsSync(beside) ? beside : undefined
}

/** Programs may have the former one mapped: it is replaced, not written over. */
function put(library, name) {
  const built = `${workspace}/target/release/${library}`
  const target = `${place}/${name}`
  if (existsSync(target) && readFileSync(target).equals(readFileSync(built))) return
  copyFileSync(built, `${target}.new`)
  renameSync(`${target}.new`, target)
  console.log(`native: built ${name}`)
}
