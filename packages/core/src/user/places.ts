import { tmpdir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { userId } from './user-id.js'

/** The directory that every login of every user has, whatever its environment. */
const COMMON = process.platform === 'win32' ? tmpdir() : '/tmp'

/**
 * Returns the directory for the state of this user on this host: `/tmp/dyad-UID`. It depends on no
 * variable, so that a service and `dyad stop` meet in it from any login. XDG_RUNTIME_DIR would not
 * do: logins by cron and `sudo -u` have none, and the system removes it at the last logout although
 * services go on. TMPDIR differs between logins, too, as in the jobs of a scheduler. A home may lie
 * on a disk that several hosts share, where locks and sockets do not work. Everybody may write to
 * `/tmp`, but nobody can replace a directory of another user there; `prepareStateDirectory` refuses
 * one that another user made first.
 */
export function stateDirectory(): string {
  return join(COMMON, `dyad-${userId()}`)
}

/** Returns the directories in which earlier versions kept this user's state on this host. */
export function formerStateDirectories(env: NodeJS.ProcessEnv): string[] {
  const places = [absolute(env['XDG_RUNTIME_DIR']), `/run/user/${userId()}`, absolute(tmpdir())]
  const former = places.filter((place) => place !== undefined).map((place) => join(place, `dyad-${userId()}`))
  return [...new Set(former)].filter((directory) => directory !== stateDirectory())
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
