import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { installPackages } from '../../scripts/debian.mjs'
import { missingFrom, type Step, stepsOf } from './guide.js'
import { type Host, makeHosts, type Terminal } from './hosts.js'

const GUIDES = fileURLToPath(new URL('../../docs/guides/', import.meta.url))
const NAMES = ['alpha', 'beta'] as const

/** Why this machine can play no hosts; false if it can. */
function cannot(): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces and SSH servers need root'
  installPackages(['iproute2', 'openssh-server', 'openssh-client', 'openssl', 'systemd', 'util-linux'], console.error)
  const isPossible = spawnSync('unshare', ['--net', '--uts', '--mount', '--pid', '--fork', 'true']).status === 0
  return isPossible ? false : 'this machine allows no namespaces'
}

test('two hosts exchange files by the guides as they are written, started by hand and by systemd', {
  skip: cannot(),
}, async (t) => {
  const [install, ...steps] = stepsOf(`${GUIDES}two-hosts.md`, NAMES)
  t.match(
    install?.commands,
    /^git clone .* ~\/dyad\n.*npm run setup\n$/,
    'the clone, which is this one, is all that is not run',
  )
  t.ok(steps.length > 15, 'the guide has steps')

  const hosts = await makeHosts(t, NAMES)
  const terminals = new Map<Host, Terminal>(hosts.map((host) => [host, host.terminal(t)]))
  const waiting: Promise<void>[] = []
  const run = async (terminal: Terminal, { place, commands, expected }: Step, host: string) => {
    const output = await terminal.run(commands)
    t.same(missingFrom(output, expected), [], `${place} on ${host} prints what the guide says`, { output })
  }
  for (const step of [...steps, ...stepsOf(`${GUIDES}systemd.md`, NAMES)]) {
    for (const host of hosts.filter(({ name }) => step.hosts.includes(name))) {
      if (step.waits) waiting.push(run(host.terminal(t), step, host.name))
      else await run(terminals.get(host) ?? host.terminal(t), step, host.name)
    }
  }
  await Promise.all(waiting)
})
