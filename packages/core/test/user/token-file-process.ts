import { readOwnToken } from '../../src/user/token-file.js'

process.once('message', () => {
  const token = readOwnToken(process.argv[2])
  process.send?.({ token, placed: Reflect.get(process, 'placed') }, () => process.disconnect())
})
process.send?.('ready')
