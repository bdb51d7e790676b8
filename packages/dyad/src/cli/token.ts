import { statSync } from 'node:fs'
import { readConfigWithToken, type TokenSource, tokenSource } from '@dyad-ts/core/internal'
import type { Command } from 'commander'
import { addExamples } from './examples.js'
import { addFlags, givenOptions } from './flags.js'
import { print, printJson, say } from './output.js'
import { quoted } from './quoted.js'

export function addToken(program: Command): void {
  const command = program
    .command('token')
    .description('print the place of your token, and how to copy it to a host with another home directory')
    .option('--json', 'print one JSON object')
    .action(({ json }: { json?: true }) => {
      const options = givenOptions(command)
      // This creates the token if it is missing, so that there is one to copy.
      readConfigWithToken(options)
      const source = tokenSource(options)
      if (json) return printJson(described(source))
      if (source.kind === 'open')
        return say('there is no token: this user runs open (DYAD_OPEN), to every user of this host')
      if (source.kind === 'given')
        return say(`the token is given by the ${source.origin} (DYAD_TOKEN), and lies in no file`)
      print(source.path ?? '')
      say('to copy it to a host with another home:')
      say(`  ssh HOST 'mkdir -p -m 700 ~/.config/dyad' && scp -p ${quoted(source.path ?? '')} HOST:.config/dyad/token`)
    })
  addFlags(command, [])
  addExamples(command, 'dyad token', 'dyad token --json')
}

/** Describes the source of the token, without the token. */
function described(source: TokenSource): object {
  switch (source.kind) {
    case 'open':
      return { source: 'open' }
    case 'given':
      return { source: source.origin }
    default:
      return { source: 'file', path: source.path, modified: statSync(source.path ?? '').mtime }
  }
}
