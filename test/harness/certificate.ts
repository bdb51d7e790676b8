import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Makes a key and a certificate for an IP address in `directory`, which nobody trusts unless told to; as options of a session. */
export function makeCertificate(directory: string, address: string): { tlsKey: string; tlsCert: string } {
  const tlsKey = join(directory, 'key.pem')
  const tlsCert = join(directory, 'cert.pem')
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=dyad', '-addext', `subjectAltName=IP:${address}`, '-keyout', tlsKey, '-out', tlsCert],
  ])
  return { tlsKey, tlsCert }
}
