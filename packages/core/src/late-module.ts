import { statSync } from 'node:fs'

/**
 * Prepares this process to load a module after its start; call it directly before `require` or
 * `import`. Until version 22 Node leaves the symlinks of a module's path alone where the last
 * synchronous stat of the process met a socket or a pipe (nodejs/node#51142), and a package does
 * not find its dependencies there. A stat of a directory takes the place of that one.
 */
export function prepareLateModule(): void {
  statSync('/')
}
