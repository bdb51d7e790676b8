import { DyadError } from '@dyad-ts/core'

/** Codes of Node and OpenSSL that say that a certificate is not trusted for its address. */
const REFUSALS =
  /^(CERT_|ERR_TLS_CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|HOSTNAME_MISMATCH$|INVALID_(CA|PURPOSE)$)/

/**
 * ERR_DYAD_CERTIFICATE if an attempt to connect to `url` failed since the certificate there is not
 * trusted, which trying again does not mend; else the error itself.
 */
export function orUntrusted(error: unknown, url: string): unknown {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code !== 'string' || !REFUSALS.test(code)) return error
  return new DyadError('ERR_DYAD_CERTIFICATE', { at: `at ${url}`, detail: (error as Error).message, cause: error })
}
