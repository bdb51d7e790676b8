// A broker under a limit on the size of its files, as on a disk that is full: a write beyond it is
// an error instead of a signal.
process.on('SIGXFSZ', () => {})
await import('./broker.mjs')
