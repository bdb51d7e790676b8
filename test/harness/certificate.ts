import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Makes a key and a certificate for an IP address in `directory`, which nobody trusts unless told
 * to; as options of a session.
 */
export function makeCertificate(directory: string, address: string): { tlsKey: string; tlsCert: string } {
  const tlsKey = join(directory, 'key.pem')
  const tlsCert = join(directory, 'cert.pem')
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=dyad', '-addext', `subjectAltName=DNS:localhost,IP:${address}`],
      ...['-keyout', tlsKey, '-out', tlsCert],
    ],
    { stdio: 'ignore' },
  )
  return { tlsKey, tlsCert }
}

/** A key and a certificate for the loopback of this host, in memory. */
export function loopbackCertificate(): { key: Buffer; cert: Buffer } {
  const directory = mkdtempSync(join(tmpdir(), 'dyad-tls-'))
  try {
    const { tlsKey, tlsCert } = makeCertificate(directory, '127.0.0.1')
    return { key: readFileSync(tlsKey), cert: readFileSync(tlsCert) }
  } finally {
    rmSync(directory, { recursive: true })
  }
}
