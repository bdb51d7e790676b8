/** Prints `ready`, then each signal that it gets; ends with its input. */
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT']) {
  process.on(name, () => console.log(name))
}
process.stdin.on('end', () => process.exit(3)).resume()
console.log('ready')
