import { tmpdir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * Where programs keep what lasts as long as the system runs. A relative place is none: processes in
 * different working directories must find each other.
 */
export function runtimeDirectory(env: NodeJS.ProcessEnv): string {
  return absolute(env['XDG_RUNTIME_DIR']) ?? absolute(tmpdir()) ?? '/tmp'
}

function absolute(place: string | undefined): string | undefined {
  return place !== undefined && isAbsolute(place) ? place : undefined
}

/** Where this user's own token lies; undefined where they have no home. */
export function ownTokenPath(env: NodeJS.ProcessEnv): string | undefined {
  const given = absolute(env['XDG_CONFIG_HOME'])
  if (given !== undefined) return join(given, 'dyad', 'token')
  // A relative home would make a token for each working directory.
  const home = absolute(env['HOME']) ?? absolute(listedHome())
  return home === undefined ? undefined : join(home, '.config', 'dyad', 'token')
}

/** The home of this user in the system's list of users, which need not have it. */
function listedHome(): string | undefined {
  try {
    return userInfo().homedir
  } catch {
    return undefined
  }
}
