import { Argument, type Command } from 'commander'
import { candidates } from './candidates.js'
import { addExamples } from './examples.js'
import { printExactly } from './output.js'

/** The hidden command by which a shell asks for candidates. */
const ASKING = '__complete'

const BASH = `_dyad() {
  local IFS=$'\\n'
  COMPREPLY=($("$1" ${ASKING} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _dyad dyad`

const ZSH = `_dyad() {
  local -a found
  found=("\${(@f)$("$words[1]" ${ASKING} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then compadd -a found; else _files; fi
}
compdef _dyad dyad`

const FISH = `function __dyad_complete
  set -l typed (commandline -opc)
  $typed[1] ${ASKING} -- $typed[2..-1] (commandline -ct) 2>/dev/null
end
complete -c dyad -a '(__dyad_complete)'`

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH }

/**
 * Adds `dyad completion`. The shells ask the command itself for candidates, so that these come from
 * its own tables, and are the same in each shell.
 */
export function addCompletion(program: Command, signal: AbortSignal): void {
  const command = program
    .command('completion')
    .description('print a script that completes commands, flags and names in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
    .action((shell: string) => printExactly(SCRIPTS[shell] ?? ''))
  addExamples(
    command,
    "echo 'source <(dyad completion bash)' >> ~/.bashrc",
    "echo 'source <(dyad completion zsh)' >> ~/.zshrc    # after compinit",
    'dyad completion fish > ~/.config/fish/completions/dyad.fish',
  )
  program
    .command(ASKING, { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      for (const each of await candidates(program, words, signal)) printExactly(each)
    })
}
