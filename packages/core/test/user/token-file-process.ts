import { readOwnToken } from '../../src/user/token-file.js'

process.once('message', () => process.send?.(readOwnToken(process.argv[2]), () => process.disconnect()))
process.send?.('ready')
