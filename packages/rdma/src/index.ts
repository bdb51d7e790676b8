/** The transport over RDMA verbs, and the report of a host that `dyad doctor` prints. */
export { type DeviceTrial, type TrialOptions, tryDevices } from './device-trial.js'
export { type Finding, type HostReport, reportHost } from './host-report.js'
export { type RdmaTransportOptions, rdmaTransport } from './transport/transport.js'
export type { DeviceReport, GidReport, PortReport } from './verbs/devices.js'
