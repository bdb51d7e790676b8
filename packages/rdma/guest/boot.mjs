// Boots a guest and runs one command in it. The guest has the host's files, a scratch layer above
// them, and an RDMA device in software.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { forward } from './forward.mjs'
import { quote } from './quote.mjs'

const INSIDE = fileURLToPath(new URL('inside.sh', import.meta.url))

// The guest ends with this process, however that ends.
const GUARD = ['--pdeathsig', 'KILL', '--']

// The ports of the guest, each at the other end of a descriptor of ours. They are sockets that stay
// open: where a port is fed from something that ends, such as /dev/null, QEMU stops taking what the
// guest writes to it.
const CONSOLE = 3
const OUT = 4
const ERR = 5
const EXIT = 6
const WIRE = 7
const PEER = 8

/**
 * @typedef {object} GuestNetwork gives a guest a network card, and a port `peer`
 * @property {string} address
 * @property {string} mac
 * @property {(wire: import('node:stream').Duplex, peer: import('node:stream').Duplex) => void} plug
 *   gets the other ends of cable and port
 * @property {(code: number) => Promise<void>} stay is called at the end of the command; until it
 *   resolves, the guest stays where it is, as a host does whose program ended
 */

/**
 * @typedef {object} GuestOptions
 * @property {string} [cwd] directory of the host; @default that of this process
 * @property {Record<string, string>} [env] environment of the command, besides HOME, TMPDIR, LANG;
 *   @default PATH alone
 * @property {string} [layer] folder of the host whose files lie above those of the host, each at
 *   its path below it
 * @property {number} [memory] MiB; @default 2048
 * @property {number} [cpus] @default 2
 * @property {number} [seconds] time limit, from the start of the boot; @default 600
 * @property {import('node:stream').Writable} [stdout] @default that of this process
 * @property {import('node:stream').Writable} [stderr] @default that of this process
 * @property {AbortSignal} [signal] ends the guest; rejects with its reason
 * @property {GuestNetwork} [network] @default none
 */

/**
 * Boots a guest, runs a line of shell in it, and resolves with its exit code. Output arrives while
 * the command runs. Throws with the end of the console if the guest ends without an exit code, or
 * is not done in time.
 * @param {{ kernel: string, initrd: string }} image what `prepareGuest` returns
 * @param {string} command
 * @param {GuestOptions} [options]
 * @returns {Promise<number>}
 */
export async function bootGuest(image, command, options = {}) {
  const { seconds = 600, signal, stdout = process.stdout, stderr = process.stderr, network } = options
  signal?.throwIfAborted()
  const folder = await mkdtemp(join(tmpdir(), 'dyad-guest-'))
  try {
    const job = join(folder, 'job.sh')
    await writeFile(job, jobOf(command, options))
    const stdio = ['ignore', 'pipe', 'pipe', ...new Array(network === undefined ? 4 : 6).fill('pipe')]
    const guest = spawn('setpriv', [...GUARD, 'qemu-system-x86_64', ...qemuArguments(image, job, options)], { stdio })
    // Errors of these sockets tell only that QEMU ended, which its end says better.
    for (const socket of guest.stdio) socket?.on('error', () => {})
    const kill = () => guest.kill('SIGKILL')
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      kill()
    }, seconds * 1000)
    signal?.addEventListener('abort', kill, { once: true })
    const closed = once(guest, 'close')
    try {
      const console = tailOf(guest.stdio[CONSOLE])
      const said = [tailOf(guest.stdout), tailOf(guest.stderr)]
      network?.plug(guest.stdio[WIRE], guest.stdio[PEER])
      const outputs = [forward(guest.stdio[OUT], stdout), forward(guest.stdio[ERR], stderr)].map(endOf)
      const code = await Promise.race([codeOf(guest.stdio[EXIT], outputs), closed.then(() => undefined)])
      if (code !== undefined) {
        await Promise.race([network?.stay(code), closed])
        return code
      }
      const [status, killedBy] = await closed
      signal?.throwIfAborted()
      const how = isLate ? `was not done in ${seconds} s` : `ended without an exit code (QEMU: ${killedBy ?? status})`
      throw new Error(`the guest ${how}; the end of its console:\n${console()}${said.map((tail) => tail()).join('')}`)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
      kill()
      await endOf(closed)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * The exit code of the command, once all that it wrote was handed on; never, if the guest ends
 * before.
 */
async function codeOf(stream, outputs) {
  const line = await new Promise((resolve) => stream.setEncoding('utf8').once('data', resolve))
  await Promise.all(outputs)
  return Number(line)
}

/** What the guest's first shell runs. */
function jobOf(command, { cwd = process.cwd(), env = { PATH: process.env.PATH ?? '' }, network }) {
  const address = network?.address ?? '10.99.0.1'
  const lines = [
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    `address=${address}`,
    `. ${quote(INSIDE)}`,
    ...Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}`),
    'PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin',
    `cd ${quote(cwd)} || exit 125`,
    `exec /bin/sh -c ${quote(command)}`,
  ]
  return `${lines.join('\n')}\n`
}

function qemuArguments({ kernel, initrd }, job, { layer, memory = 2048, cpus = 2, network }) {
  const socket = (id, fd) => ['-chardev', `socket,id=${id},fd=${fd}`]
  const port = (name, fd) => [...socket(name, fd), '-device', `virtserialport,chardev=${name},name=${name}`]
  const places = [`dyad.job=${job}`, ...(layer === undefined ? [] : [`dyad.layer=${layer}`])]
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    // Emulated even where KVM is there: so that it is the same everywhere.
    ...['-accel', 'tcg', '-m', String(memory), '-smp', String(cpus)],
    // Where a CPU has fast `rep movsb`, Linux copies memory with it, and QEMU emulates it byte by
    // byte: without, copies take a fraction.
    ...['-cpu', 'max,erms=off,fsrm=off'],
    ...['-kernel', kernel, '-initrd', initrd],
    // On a busy host the timer of an emulated machine is late, which the kernel would take for one
    // that does not work. And it changes its own code as it boots, which an emulated CPU may miss
    // that runs it meanwhile (before QEMU 8.1), and dies: so it boots with one, and has the others
    // later; see inside.sh.
    ...['-append', ['console=ttyS0 no_timer_check maxcpus=1 quiet panic=-1 mitigations=off', ...places].join(' ')],
    ...[...socket('console', CONSOLE), '-serial', 'chardev:console', '-device', 'virtio-serial-pci'],
    ...[...port('out', OUT), ...port('err', ERR), ...port('exit', EXIT)],
    ...['-fsdev', 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=host,mount_tag=host'],
    ...(network === undefined ? [] : cardArguments(network, port)),
  ]
}

function cardArguments({ mac }, port) {
  const card = `virtio-net-pci,netdev=wire,host_mtu=9000,mac=${mac}`
  return ['-netdev', `socket,id=wire,fd=${WIRE}`, '-device', card, ...port('peer', PEER)]
}

/** The end of what a stream says, when asked. */
function tailOf(stream) {
  let tail = ''
  stream.setEncoding('utf8').on('data', (text) => {
    tail = (tail + text).slice(-8192)
  })
  return () => tail
}

/** The end of work whose failure is told elsewhere. */
function endOf(work) {
  return work.then(
    () => {},
    () => {},
  )
}
