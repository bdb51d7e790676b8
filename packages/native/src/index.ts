/** The native library and the addon: where they are, or why they are not here. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

/** The name of a build as @napi-rs/cli writes it; builds for Linux are for glibc. */
const PLATFORM = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`
const PACKAGE = `@dyad-ts/native-${PLATFORM}`

/** The path of the library for LD_PRELOAD; undefined where it is not here. */
export function preloadLibrary(): string | undefined {
  return built('libdyad_preload.so')
}

/**
 * The path of the addon for Node, without which the asynchronous calls alone take part; undefined
 * where it is not here.
 */
export function addonFile(): string | undefined {
  return built(`dyad.${PLATFORM}.node`)
}

/** Why a native file is not here, and what to do, in one sentence. */
export function whyMissing(): string {
  const folder = platformFolder()
  if (folder === undefined) {
    return `the package ${PACKAGE} is not installed: install dyad with optional packages on Linux with glibc, x64 or arm64`
  }
  return `${folder} is empty: \`npm run build:native\` builds it, and needs Rust (https://rustup.rs)`
}

function built(file: string): string | undefined {
  const folder = platformFolder()
  if (folder === undefined) return undefined
  const path = join(folder, file)
  return existsSync(path) ? path : undefined
}

/**
 * The folder of this platform's package: in the workspace that of the repository, into which
 * `npm run build:native` builds.
 */
function platformFolder(): string | undefined {
  try {
    return dirname(require.resolve(`${PACKAGE}/package.json`))
  } catch {
    return undefined
  }
}
