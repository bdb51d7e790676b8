// The peer of the conformance suite, with a client of the broker in the arguments.
import { serveKvsPeer } from '@dyad-ts/core/conformance'
import { brokerKvs } from '@dyad-ts/kvs-client'

serveKvsPeer(() => brokerKvs({ url: process.argv[2] }))
