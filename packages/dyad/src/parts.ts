import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { type Config, DyadError, type OptionName, type Transport } from '@dyad-ts/core'
import { optionText, reasonOf } from '@dyad-ts/core/internal'
import { type BrokerClient, brokerKvs, memoryKvs } from '@dyad-ts/kvs-client'
import { rdmaTransport } from '@dyad-ts/rdma'
import { localTransport, rpcTransport, tcpTransport } from '@dyad-ts/transport'

/**
 * Opens the client of the store that the configuration names. ERR_DYAD_OPTION if a certificate
 * cannot be read.
 */
export function openKvs(config: Config): BrokerClient {
  if (config.kvs === 'memory:') return memoryKvs()
  return brokerKvs({
    url: config.kvs,
    token: config.token,
    ca: readTrusted(config.tlsCa),
    connectTimeout: config.kvsTimeout,
    callTimeout: config.kvsTimeout,
  })
}

/** Opens all transports, best first. ERR_DYAD_OPTION if a certificate cannot be read. */
export function openTransports(config: Config): Transport[] {
  const { token, host, advertise, dtlMode, rdmaBusyPoll, stateDir } = config
  const tls = readTls(config)
  const network = { token, tls, ca: readTrusted(config.tlsCa), host, advertise }
  // Verbs do not encrypt. With a certificate, only DYAD_DTL_MODE=rdma offers them.
  const mustEncrypt = tls !== undefined && dtlMode !== 'rdma'
  return [
    localTransport({ stateDir }),
    rdmaTransport({ token, host, busyPollMs: rdmaBusyPoll, mustEncrypt }),
    tcpTransport(network),
    rpcTransport(network),
  ]
}

/**
 * Throws if the transport of the option `dtlMode` cannot be used here: ERR_DYAD_DTL_MODE if it is
 * none of these, ERR_DYAD_RDMA_UNAVAILABLE.
 */
export function checkMode(mode: string, transports: readonly Transport[]): void {
  if (mode === 'auto') return
  const transport = transports.find(({ name }) => name === mode)
  if (transport === undefined) {
    const names = transports.map(({ name }) => name).join(', ')
    throw new DyadError('ERR_DYAD_DTL_MODE', { detail: `'${mode}' is none of ${names}` })
  }
  if (transport.unavailable !== undefined) throw transport.unavailable
}

/** Reads the certificate and the key of a service that speaks TLS. ERR_DYAD_OPTION. */
export function readTls({ tlsCert, tlsKey }: Config): { cert: Buffer; key: Buffer } | undefined {
  const cert = readPem('tlsCert', tlsCert)
  const key = readPem('tlsKey', tlsKey)
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    const missing = optionText(cert === undefined ? 'tlsCert' : 'tlsKey')
    const remedy = 'Set both: the certificate of the service and its private key.'
    throw new DyadError('ERR_DYAD_OPTION', { option: missing, detail: 'not set, but the other one is', remedy })
  }
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    const option = `${optionText('tlsCert')} '${tlsCert}' and ${optionText('tlsKey')} '${tlsKey}'`
    const detail = `they are no certificate and its key in PEM: ${reasonOf(cause)}`
    const remedy = 'Name the PEM file of the certificate and the PEM file of its private key.'
    throw new DyadError('ERR_DYAD_OPTION', { option, detail, remedy, cause })
  }
  return { cert, key }
}

/** Reads the certificates to trust. OpenSSL accepts a file without any, so this checks. */
function readTrusted(path: string | undefined): Buffer | undefined {
  const pem = readPem('tlsCa', path)
  if (pem === undefined) return undefined
  try {
    new X509Certificate(pem)
    return pem
  } catch (cause) {
    throw new DyadError('ERR_DYAD_OPTION', {
      option: optionText('tlsCa'),
      path,
      detail: 'it has no certificate in PEM',
      cause,
    })
  }
}

function readPem(name: OptionName, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new DyadError('ERR_DYAD_OPTION', { option: optionText(name), path, cause })
  }
}
