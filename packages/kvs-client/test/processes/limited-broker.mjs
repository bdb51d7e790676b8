// A broker with a limit on the size of its files, like a full disk: a write beyond it fails instead
// of raising a signal.
process.on('SIGXFSZ', () => {})
await import('./broker.mjs')
