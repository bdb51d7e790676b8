/**
 * Id of the user of this process, who needs no entry in the system's list of users, as in many
 * containers; -1 where users have no numbers.
 */
export function userId(): number {
  return process.getuid?.() ?? -1
}
