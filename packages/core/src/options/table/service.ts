import { resolve } from 'node:path'
import { stateDirectory } from '../../user/places.js'
import { boolean, choice, duration, type OptionRow, text } from '../option-row.js'

/** The secret, the certificates and the addresses of services, and the state of their node. */
export const SERVICE = {
  token: text({
    env: 'DYAD_TOKEN',
    accepts: 'a secret, long and random',
    doc: 'The secret that services, the broker and their clients share: peers without it get nothing. Both ends prove that they know it, and never send it. An attacker that records a connection can try out short ones: a token below 16 characters causes a warning.',
  }),
  tokenFile: text({
    env: 'DYAD_TOKEN_FILE',
    accepts: 'a file of yours that nobody else can read',
    defaultText:
      'dyad/token in $XDG_CONFIG_HOME, else in .config in $HOME, else in that of the home that the system has listed; relative ones are ignored; made at the first start',
    doc: 'The file of the token, where nobody gives the token itself. `dyad token` says where it lies.',
    isPath: true,
  }),
  open: boolean({
    env: 'DYAD_OPEN',
    default: false,
    doc: 'Runs without a token, on loopback only and alike on every side: every user of this host can then read, publish and take nodes over.',
  }),
  tlsCa: text({
    env: 'DYAD_TLS_CA',
    accepts: 'a PEM file',
    doc: 'Certificates to trust for wss: addresses.',
    isPath: true,
  }),
  tlsCert: text({
    env: 'DYAD_TLS_CERT',
    accepts: 'a PEM file',
    doc: 'Certificate of the service; with it, it speaks TLS only.',
    isPath: true,
  }),
  tlsKey: text({ env: 'DYAD_TLS_KEY', accepts: 'a PEM file', doc: 'Private key of the service.', isPath: true }),
  host: {
    env: 'DYAD_HOST',
    accepts: 'an address or a name of this host',
    doc: 'Where the service and its broker listen. Beyond loopback they need a token.',
    fallback: () => '127.0.0.1',
    parse: (given: string) => {
      if (given === '') throw new RangeError('empty')
      return given
    },
  },
  advertise: text({
    env: 'DYAD_ADVERTISE',
    accepts: 'a name or an address of this host',
    doc: 'Under which name other nodes reach this service. Without it, the address that it listens at, or the name of the host where that is every address.',
  }),
  leaseTtl: duration({
    env: 'DYAD_LEASE_TTL',
    default: 10_000,
    min: 100,
    doc: "How long a node stays registered after its service's last sign of life.",
  }),
  logLevel: choice({
    env: 'DYAD_LOG_LEVEL',
    default: 'info',
    choices: ['error', 'warn', 'info', 'debug'],
    doc: 'How important an event must be for the log of `dyad start` and `dyad broker`. Each line has the time in UTC and the level.',
  }),
  stateDir: {
    env: 'DYAD_STATE_DIR',
    accepts: 'a directory that only you can write to; it is made if it is missing',
    defaultText: '/tmp/dyad-UID, in every login of a user',
    doc: 'Where this node notes which version of a file its consumers hold, and which services run. Only programs of one user with the same directory move files by the transport `local`. A relative one lies below the working directory that the program starts in.',
    isPath: true,
    fallback: stateDirectory,
    parse: (given: string) => {
      if (given === '') throw new RangeError('empty')
      return resolve(given)
    },
  },
} as const satisfies Record<string, OptionRow<unknown>>
