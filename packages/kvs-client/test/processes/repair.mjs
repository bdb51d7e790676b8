// Repairs a directory, after it has told that it begins.
import { repairLog } from '@dyad-ts/kvs-client'

process.send('begins')
await repairLog(process.argv[2])
process.disconnect()
