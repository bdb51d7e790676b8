/**
 * Installs those of Debian's packages that are missing on the host.
 *
 * @param say is given what takes time, a line each
 * @throws Error if packages are missing and the user is not root, with the command to run; if the
 *   host is not Debian; if apt-get fails
 */
export function installPackages(names: readonly string[], say: (line: string) => void): void
