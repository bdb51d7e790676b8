import { OPTIONS, type OptionRow } from '@dyad-ts/core/internal'
import type { Command, Option } from 'commander'
import t from 'tap'
import { program } from '../../src/cli/program.js'
import { Sandbox } from './command.js'

const ROWS: readonly OptionRow<unknown>[] = Object.values(OPTIONS)
const commands = commandsBelow(program(new AbortController().signal))

function commandsBelow(
  command: Command,
  words: readonly string[] = [],
): { words: readonly string[]; command: Command }[] {
  const below = command.commands.flatMap((each) => commandsBelow(each, [...words, each.name()]))
  return [{ words, command }, ...below]
}

function shownFlags(command: Command): Option[] {
  return command.createHelp().visibleOptions(command)
}

t.test('the help of every flag says what it does, accepts, and is without it', (t) => {
  let fromTable = 0
  for (const { words, command } of commands) {
    for (const { long, description, required, optional } of shownFlags(command)) {
      const flag = `dyad ${words.join(' ')} ${long}`
      t.ok(description.length > 5, `${flag} has a description`)
      const row = ROWS.find(({ env }) => description.includes(`Variable: ${env}.`))
      if (row !== undefined) {
        fromTable++
        t.ok(description.startsWith(row.doc), `${flag} has the text of the table`)
        if (typeof row.fallback({}) !== 'boolean') t.match(description, `Accepts: ${row.accepts}. `, flag)
        t.match(description, / Default: \S.*\. Variable: /, flag)
      } else if (required || optional) t.match(description, /default: \S/i, `${flag} has a default`)
      t.notMatch(description, /preset/, flag)
    }
  }
  t.ok(fromTable > 50, `${fromTable} flags come from the table`)
  t.end()
})

t.test('an option has the same flag in every command', (t) => {
  const flags = new Map<string, Set<string | undefined>>()
  for (const { command } of commands) {
    for (const { long, description } of shownFlags(command)) {
      const variable = /Variable: (\w+)\.$/.exec(description)?.[1]
      if (variable !== undefined) flags.set(variable, (flags.get(variable) ?? new Set()).add(long))
    }
  }
  for (const [variable, names] of flags) t.equal(names.size, 1, `${variable}: ${[...names].join(', ')}`)
  t.same(flags.get('DYAD_PATH_PRODUCER'), new Set(['--producer']))
  t.end()
})

t.test('times are given with units, directories by either name, switches with or without a word', async (t) => {
  await using sandbox = await Sandbox.make()
  const rows = async (...args: string[]) => {
    const { code, stdout, stderr } = await sandbox.run(['env', '--json', ...args], { DYAD_OWNER_TIMEOUT: '1.5h' })
    t.equal(code, 0, stderr)
    const found = JSON.parse(stdout) as { option: string; value: unknown }[]
    return Object.fromEntries(found.map(({ option, value }) => [option, value]))
  }
  t.match(await rows('--timeout', '5m', '--producer', '/p', '--consumer-path', '/c', '--shared-storage'), {
    ...{ timeout: 300_000, ownerTimeout: 5_400_000, producerPath: '/p', consumerPath: '/c', sharedStorage: true },
  })
  t.match(await rows('--shared-storage', 'off', '--timeout', '7'), { sharedStorage: false, timeout: 7 })
  const wrong = await sandbox.run(['wait', 'x', '--timeout', '30x'])
  t.match(wrong, {
    code: 2,
    stderr: /^error: option '--timeout <duration>' argument '30x' is invalid\. no duration such as/,
  })
})
