/**
 * Returns the id of the user of this process, or -1 where users have no numbers. The user needs no
 * entry in the system's list, as in many containers.
 */
export function userId(): number {
  return process.getuid?.() ?? -1
}
