import { COMMAND, type Sandbox } from '../../../packages/dyad/test/cli/command.js'

export const DYAD = [process.execPath, COMMAND]
/** The command as a word of a shell script. */
export const WORDS = DYAD.map((word) => `'${word}'`).join(' ')

/** Words that run a program on a node of a sandbox with two. */
export const producing = (sandbox: Sandbox) => ['run', '--node', 'n1', '--producer', sandbox.at('n1')]
export const consuming = (sandbox: Sandbox) => ['run', '--node', 'n2', '--consumer', sandbox.at('n2')]

/** Resolves once somebody waits in the store. */
export async function waits(sandbox: Sandbox): Promise<void> {
  for (;;) {
    const { stdout } = await sandbox.run(['status', '--json'])
    if (JSON.parse(stdout).store.counts.waiters > 0) return
  }
}
