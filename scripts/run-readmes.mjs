// Runs the examples of READMEs as a reader would: in a fresh folder where the packages can be
// imported, it saves each JavaScript block in a file and types each shell block, in their order.
//
//     node scripts/run-readmes.mjs [--modules FOLDER] [--native] [README.md ...]
//
// - A JavaScript block is saved under the name in its first line (`// hello.mjs`). It runs at once,
//   unless a shell block runs it by that name.
// - A shell block that begins with `# terminal 2` is typed in a terminal of that name, and nothing
//   waits for its end before the next block without such a line.
// - A `text` block has the lines that were printed by then.
// - `/tmp/` stands for a folder of this run, and the port 4610 for a free one.
//
// `--modules` names a folder with installed packages, by default the clone itself. `--native` fails
// where the native library is missing; without it the programs that need that are left out there.
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { blocksOf, readmes } from './readme-blocks.mjs'
import { Terminal } from './terminal.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const LIMIT = 240_000

/** Commands that are not run, and why. */
const NOT_RUN = [
  [/^git clone |^cd dyad$/, 'this clone stands for the one that the reader makes'],
  [/^npm install @dyad-ts\//, 'the packages are not in the registry yet'],
  [/^npm (run pack|install .*\.tgz)$/, 'scripts/check-packed.mjs packs and installs'],
  [/^npm (test|run (setup|demo|bench|guest|test:rdma|build:native)\b)/, '.ci/run builds, tests and measures the clone'],
]
const NEEDS_NATIVE = /^cc |\bdyad run /

const { values, positionals } = parseArgs({
  options: { modules: { type: 'string' }, native: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const hasNative = existsSync(`${root}packages/native/npm/${process.platform}-${process.arch}-gnu/libdyad_preload.so`)
if (values.native && !hasNative) throw new Error('the native library is not built: npm run build:native')

/**
 * Resolves with a port that is free, and that the system gives to no connection of another program
 * before the page uses it: it lies below those that the system chooses from.
 */
async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 16_000)
    const isFree = await new Promise((done) => {
      const server = createServer().once('error', () => done(false))
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
    })
    if (isFree) return port
  }
}

/** A folder with the packages as a project of the reader has them, and what the clone has. */
function makeProject(folder) {
  const project = join(folder, 'project')
  for (const name of ['home', 'run', 'tmp', 'project']) mkdirSync(join(folder, name), { mode: 0o700 })
  symlinkSync(`${root}examples`, join(project, 'examples'))
  if (values.modules !== undefined) symlinkSync(join(values.modules, 'node_modules'), join(project, 'node_modules'))
  else {
    mkdirSync(join(project, 'node_modules/.bin'), { recursive: true })
    symlinkSync(`${root}test/node_modules/@dyad-ts`, join(project, 'node_modules/@dyad-ts'))
    symlinkSync(`${root}packages/dyad/bin/dyad.js`, join(project, 'node_modules/.bin/dyad'))
  }
  return project
}

/** Why a command is not run; undefined if it is. */
function whyNot(command) {
  const [, why] = NOT_RUN.find(([pattern]) => pattern.test(command)) ?? []
  if (why !== undefined) return why
  return NEEDS_NATIVE.test(command) && !hasNative ? 'the native library is not built here' : undefined
}

/** The commands of a shell block; a command can go on over lines that end in a backslash. */
function commandsOf(text) {
  const commands = text.replace(/^# terminal \d+\n/, '').match(/(.*\\\n)*.*\n/g) ?? []
  return commands.filter((command) => {
    const why = whyNot(command.trim())
    if (why !== undefined) console.log(`   not run: ${command.trim()}: ${why}`)
    return why === undefined && command.trim() !== ''
  })
}

/** One README in one folder. */
class Reader {
  #folder
  #port
  #options
  #terminals = new Map()
  #printed = ''

  constructor(folder, port) {
    this.#folder = folder
    this.#port = port
    const env = {
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: join(folder, 'home'),
      DYAD_STATE_DIR: join(folder, 'run'),
      npm_config_update_notifier: 'false',
      ...(process.env.NODE_DEBUG && { NODE_DEBUG: process.env.NODE_DEBUG }),
      DYAD_KVS: `ws://127.0.0.1:${port}`,
    }
    this.#options = { cwd: makeProject(folder), env }
  }

  async read(file) {
    const blocks = blocksOf(root, file)
    for (const [i, block] of blocks.entries()) {
      const later = blocks.slice(i + 1)
      try {
        await this.#take(block, later)
      } catch (error) {
        throw new Error(`${file}:${block.line}: ${error.message}`)
      }
    }
    await this.#idle()
  }

  async #take(block, later) {
    const text = this.#own(block.text)
    if (block.language === 'js') {
      const named = /^\/\/ (\S+\.m?js)\n/.exec(text)?.[1]
      const name = named ?? `example-${block.line}.mjs`
      writeFileSync(join(this.#options.cwd, name), text)
      const isRunLater = named !== undefined && later.some((each) => each.text.includes(named))
      if (!isRunLater) await this.#type(`node ${name}`)
    } else if (block.language === 'sh') {
      const terminal = /^# terminal (\d+)\n/.exec(text)?.[1]
      for (const command of commandsOf(text)) await this.#type(command.trimEnd(), terminal)
    } else if (block.language === 'text') await this.#expect(text)
    else if (block.language !== '') throw new Error(`nothing runs a block in ${block.language}: make it js or sh`)
  }

  #own(text) {
    return text.replaceAll('/tmp/', `${this.#folder}/tmp/`).replaceAll('4610', String(this.#port))
  }

  /** Types a command, and waits for its end unless it is typed in another terminal by name. */
  async #type(command, name) {
    if (name === undefined) await this.#idle()
    const terminal = this.#terminals.get(name) ?? new Terminal(this.#options, (said) => this.#say(said))
    this.#terminals.set(name, terminal)
    console.log(`${name ?? ''}$ ${command}`)
    terminal.type(command)
    if (name === undefined) await terminal.idle()
  }

  #say(text) {
    this.#printed += text
    process.stdout.write(text)
  }

  async #idle() {
    await Promise.all([...this.#terminals.values()].map((terminal) => terminal.idle()))
  }

  /** What a reader is shown must have been printed, line by line in this order. */
  async #expect(text) {
    await this.#idle()
    let rest = this.#printed.split('\n')
    for (const line of text.trimEnd().split('\n')) {
      const at = rest.indexOf(line)
      if (at < 0) throw new Error(`nothing printed: ${line}`)
      rest = rest.slice(at + 1)
    }
  }

  /** Ends what runs; throws if the README leaves a service to its reader. */
  async close() {
    for (const terminal of this.#terminals.values()) await terminal.close()
    this.#printed = ''
    const last = new Terminal(this.#options, (text) => this.#say(text))
    try {
      last.type('node_modules/.bin/dyad stop --all')
      await last.idle()
    } finally {
      await last.close()
    }
    if (this.#printed !== '') throw new Error(`its last command leaves running: ${this.#printed.trim()}`)
  }
}

async function run(file) {
  console.log(`== ${file}`)
  const folder = mkdtempSync(join(tmpdir(), 'dyad-readme-'))
  const reader = new Reader(folder, await freePort())
  let limit
  try {
    const late = new Promise((_, reject) => {
      limit = setTimeout(() => reject(new Error(`${file} takes longer than ${LIMIT / 1000} s`)), LIMIT)
    })
    await Promise.race([reader.read(file), late])
    await reader.close()
  } catch (error) {
    // The first failure is the one to report.
    await reader.close().catch(() => {})
    throw error
  } finally {
    clearTimeout(limit)
    rmSync(folder, { recursive: true, force: true })
  }
}

for (const file of positionals.length > 0 ? positionals : readmes(root)) {
  try {
    await run(file)
  } catch (error) {
    console.log(`not ok ${error.message}`)
    process.exitCode = 1
  }
}
