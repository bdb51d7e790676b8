/** The beginning that all variables of DYAD share. */
export const PREFIX = 'DYAD_'

/** Variables that this process has warned of. */
const warned = new Set<string>()

/**
 * Warns once a process of each variable that begins with DYAD_ and is not in `known`: it is most
 * likely misspelt, and its option is not set.
 */
export function warnOfUnknownVariables(env: NodeJS.ProcessEnv, known: ReadonlySet<string>): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith(PREFIX) || known.has(name) || warned.has(name)) continue
    warned.add(name)
    process.emitWarning(`no option reads the variable ${JSON.stringify(name)}; \`dyad env\` lists those there are`, {
      type: 'DyadWarning',
      code: 'DYAD_UNKNOWN_VARIABLE',
    })
  }
}
