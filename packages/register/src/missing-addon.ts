/** The error of a synchronous call on a managed path where the addon is not there. */
export function missingAddon(): Error {
  const error = new Error(
    'a synchronous call on a managed path needs the native addon of DYAD, which is not there: build it with `npm run build:native`, which needs cargo, or use the asynchronous form of the call.',
  )
  Object.defineProperty(error, 'name', { value: 'DyadError', configurable: true, writable: true })
  return Object.assign(error, { code: 'ERR_DYAD_ADDON' })
}
