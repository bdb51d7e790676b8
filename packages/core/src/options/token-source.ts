import { DyadError } from '../errors.js'
import { ownTokenPath } from '../user/places.js'
import { readOwnToken, readTokenFile } from '../user/token-file.js'
import { type Config, environment, type OptionOrigin, readConfig, readOption } from './config.js'
import type { ConfigOptions } from './config-options.js'

/** A shorter token causes a warning, in characters. */
const SHORT_TOKEN = 16
/** Whether this process has warned of a short token. */
let hasWarned = false

/** Where a token comes from. */
export type TokenSource =
  | { readonly kind: 'given'; readonly token: string; readonly origin: OptionOrigin }
  | { readonly kind: 'file'; readonly path: string; readonly origin: OptionOrigin }
  | { readonly kind: 'own'; readonly path: string | undefined }
  | { readonly kind: 'open' }

/**
 * Finds the source of the token, without reading it: the options token, tokenFile and open of the
 * program, else those of the environment, else this user's own file. ERR_DYAD_OPTION where one of
 * them both gives a token and asks to run without.
 */
export function tokenSource(given: ConfigOptions = {}, env: NodeJS.ProcessEnv = environment()): TokenSource {
  for (const origin of ['program', 'environment'] as const) {
    const [token, path, open] = (['token', 'tokenFile', 'open'] as const).map((name) => {
      const read = readOption(name, given, env)
      return read.origin === origin ? read.value : undefined
    })
    const isGiven = typeof token === 'string' || typeof path === 'string'
    if (open === true && isGiven) {
      throw new DyadError('ERR_DYAD_OPTION', {
        option: 'open (DYAD_OPEN)',
        detail: `the ${origin} gives a token, and asks to run without one`,
      })
    }
    if (typeof token === 'string') return { kind: 'given', token, origin }
    if (typeof path === 'string') return { kind: 'file', path, origin }
    if (open === true) return { kind: 'open' }
    // The program refuses to run open, whatever the environment says.
    if (open === false && origin === 'program')
      return tokenSource({ ...given, open: undefined }, { ...env, DYAD_OPEN: '' })
  }
  return { kind: 'own', path: ownTokenPath(env) }
}

/**
 * As `readConfig`, with the token in force; undefined where the caller runs open. Reads a file only
 * where nobody gives the token itself. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE.
 */
export function readConfigWithToken(given: ConfigOptions = {}, env: NodeJS.ProcessEnv = environment()): Config {
  return { ...readConfig(given, env), token: tokenOf(tokenSource(given, env)) }
}

function tokenOf(source: TokenSource): string | undefined {
  if (source.kind === 'open') return undefined
  if (source.kind === 'own') return readOwnToken(source.path)
  const token = source.kind === 'given' ? source.token : readTokenFile(source.path)
  if (token.length < SHORT_TOKEN && !hasWarned) {
    hasWarned = true
    process.emitWarning(
      `the token has fewer than ${SHORT_TOKEN} characters: an attacker that records a connection can guess it`,
      {
        type: 'DyadWarning',
        code: 'DYAD_SHORT_TOKEN',
      },
    )
  }
  return token
}
