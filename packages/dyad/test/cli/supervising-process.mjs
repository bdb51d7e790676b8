// Runs the program of its arguments as `dyad run` does, without the library. It is what was built:
// tsx would open descriptors before the inherited ones are looked for.
const { endAs, inheritedDescriptors, supervise } = await import(
  new URL('../../dist/cli/supervise.js', import.meta.url).href
)

const descriptors = inheritedDescriptors()
const [file = '', ...args] = process.argv.slice(2)
endAs(await supervise({ command: file, file, args, env: process.env, descriptors }))
