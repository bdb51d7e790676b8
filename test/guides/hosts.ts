import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endOf, outputFrom, unlessEnded } from '../harness/child.js'
import type { Teardown } from '../harness/teardown.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Moves what a host needs out of the way of what it hides: the clone and Node may lie below the
 * home of root, or where else a host has a directory of its own.
 */
const ENTER = `
  set -e
  mount -t tmpfs none /mnt
  mkdir /mnt/clone /mnt/node /mnt/host
  mount --bind "$CLONE" /mnt/clone
  mount --bind "$NODE" /mnt/node
  mount --bind "$OWN" /mnt/host
  mount --bind /mnt/host/home "$HOME"
  mkdir -p "$HOME/dyad"
  mount --bind /mnt/clone "$HOME/dyad"
  mount --bind /mnt/host/hosts /etc/hosts
  hostname "$NAME"
  ip link set lo up
  umount -R /sys/fs/cgroup 2> /dev/null || true
  mount -t cgroup2 none /sys/fs/cgroup
  mkdir "/sys/fs/cgroup/$SPACE"
  echo $$ > "/sys/fs/cgroup/$SPACE/cgroup.procs"
  mount -t tmpfs none /run
  mkdir -p -m 700 "/tmp/dyad-$(id -u)"
  mount -t tmpfs -o mode=700 none "/tmp/dyad-$(id -u)"
  mkdir -p -m 755 /run/sshd /run/systemd/system
  env -i HOME="$HOME" PATH="/mnt/node:$PATH" XDG_RUNTIME_DIR=/mnt/host/run \
    /lib/systemd/systemd --user --unit=basic.target 2> /mnt/host/systemd.log &
  /usr/sbin/sshd -f /mnt/host/sshd_config -E /mnt/host/sshd.log
  echo ready
  exec sleep infinity`

/**
 * A host of a test: a network namespace with a name, a home, an SSH server and a user manager of
 * systemd of its own.
 */
export class Host {
  readonly name: string
  readonly #process: number

  /** @param process a process of the host */
  constructor(name: string, process: number) {
    this.name = name
    this.#process = process
  }

  /** Opens a terminal: a shell as after a login. */
  terminal(t: Teardown): Terminal {
    const { HOME, PATH } = { HOME: userInfo().homedir, PATH: `/mnt/node:${process.env['PATH']}` }
    const login = ['env', '-i', `HOME=${HOME}`, `PATH=${PATH}`, 'XDG_RUNTIME_DIR=/mnt/host/run', 'LANG=C.UTF-8']
    const shell = ['sh', '-c', 'cd && exec bash -e']
    return new Terminal(t, spawn('nsenter', ['--target', String(this.#process), '--all', ...login, ...shell]))
  }
}

/** A shell that runs commands one block after another, in one environment. */
export class Terminal {
  readonly #shell: ChildProcess
  #output = ''
  #blocks = 0

  constructor(t: Teardown, shell: ChildProcess) {
    this.#shell = shell
    shell.stdout?.setEncoding('utf8')
    shell.stdout?.on('data', (text) => {
      this.#output += text
    })
    t.teardown(async () => {
      shell.kill('SIGKILL')
      await endOf(shell)
    })
  }

  /**
   * Runs a block; resolves with what it printed on stdout. Rejects with what it said on stderr
   * where one of its commands fails.
   */
  async run(commands: string): Promise<string> {
    const mark = `end of block ${this.#blocks++}`
    this.#output = ''
    // Without their own input, commands such as ssh would read the blocks that follow.
    this.#shell.stdin?.write(`{\n${commands}\n} < /dev/null\necho; echo '${mark}'\n`)
    await unlessEnded(this.#shell, this.#until(`\n${mark}\n`))
    return this.#output.slice(0, this.#output.indexOf(`\n${mark}\n`))
  }

  #until(mark: string): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!this.#output.includes(mark)) return
        this.#shell.stdout?.off('data', look)
        resolve()
      }
      this.#shell.stdout?.on('data', look)
    })
  }
}

/**
 * Makes two hosts on one wire, who know one another by name and whose users can log in to the other
 * by SSH. Needs root. All of it is gone with the test.
 */
export async function makeHosts(t: Teardown, names: readonly [string, string]): Promise<Host[]> {
  const root = mkdtempSync(join(tmpdir(), 'dyad-hosts-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const key = join(root, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const addresses = names.map((name, at) => ({
    name,
    address: `192.0.2.${at + 1}`,
    space: `dyad-${process.pid}-${at}`,
  }))
  const known = addresses.map(({ name, address }) => `${address} ${name}\n`).join('')
  for (const { space } of addresses) {
    execFileSync('ip', ['netns', 'add', space])
    t.teardown(() => {
      execFileSync('ip', ['netns', 'del', space])
      removeControlGroup(space)
    })
  }
  const [one, other] = addresses
  execFileSync('ip', `link add wire netns ${one?.space} type veth peer name wire netns ${other?.space}`.split(' '))
  const hosts = []
  for (const { name, address, space } of addresses) {
    execFileSync('ip', ['-n', space, 'address', 'add', `${address}/24`, 'dev', 'wire'])
    execFileSync('ip', ['-n', space, 'link', 'set', 'wire', 'up'])
    const own = join(root, name)
    layOut(own, key, known)
    const env = {
      PATH: process.env['PATH'],
      CLONE: ROOT,
      NODE: dirname(process.execPath),
      OWN: own,
      NAME: name,
      SPACE: space,
    }
    const spaces = [
      'netns',
      'exec',
      space,
      'unshare',
      '--uts',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
    ]
    const child = spawn('ip', [...spaces, 'sh', '-c', ENTER], {
      env: { ...env, HOME: userInfo().homedir },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await outputFrom(child)
    const first = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
    t.teardown(async () => {
      // With its first process all others of the host are gone, before its parent ends.
      process.kill(first, 'SIGKILL')
      await endOf(child)
    })
    hosts.push(new Host(name, first))
  }
  return hosts
}

/** Removes the control group that a host made for its user manager, with those below. */
function removeControlGroup(name: string): void {
  const mounted = execFileSync('findmnt', ['--noheadings', '--first-only', '--types', 'cgroup2', '--output', 'TARGET'])
  const group = join(String(mounted).trim(), name)
  // A control group has files, and is removed as an empty directory all the same.
  execFileSync('find', [group, '-depth', '-type', 'd', '-delete'])
}

/** The files of a host: a home with its SSH keys, and what its SSH server reads. */
function layOut(own: string, key: string, known: string): void {
  mkdirSync(join(own, 'home/.ssh'), { recursive: true, mode: 0o700 })
  mkdirSync(join(own, 'run'), { mode: 0o700 })
  execFileSync('cp', [key, join(own, 'home/.ssh/id_ed25519')])
  execFileSync('cp', [`${key}.pub`, join(own, 'home/.ssh/authorized_keys')])
  writeFileSync(
    join(own, 'home/.ssh/config'),
    'StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n',
  )
  writeFileSync(join(own, 'hosts'), `127.0.0.1 localhost\n${known}`)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(own, 'host-key')])
  const options = ['HostKey /mnt/host/host-key', 'PidFile none', 'UsePAM no', 'PermitRootLogin prohibit-password']
  writeFileSync(
    join(own, 'sshd_config'),
    `${[...options, 'Subsystem sftp internal-sftp', 'StrictModes no'].join('\n')}\n`,
  )
}
