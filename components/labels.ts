/** Docker labels by which the command line finds what belongs to a stack, as Compose does with its own. */
export const label = {
  state: "slipway.state",
  stack: "slipway.stack",
  system: "slipway.system",
  service: "slipway.service",
  task: "slipway.task",
  standby: "slipway.standby",
  image: "slipway.image",
  files: "slipway.files",
  operations: "slipway.operations",
  /** What was made for the drill with a backup, and is thrown away after it. */
  drill: "slipway.drill",
} as const;
