/**
 * The service of a node: serves the files of its managed directories and keeps the node registered.
 */
export { type AskOptions, askControl, type Control, controlPath, listControls, openControl } from './control.js'
export { isRunning } from './processes.js'
export { describeHolder, type RegisterNodeOptions, type SilentHolder } from './register-node.js'
export { type LeftOut, Service, type ServiceOptions } from './service.js'
