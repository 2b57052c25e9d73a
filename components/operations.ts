import { z } from "zod";

const command = z.array(z.string()).min(1);

/** How a service tells the command line to work with it. Plain data in a label: never a secret, never a path of the host. */
export const serviceOperationsSchema = z.strictObject({
  version: z.literal(1),
  /** Whether it is the one of its system that is meant where none is named. @default no */
  main: z.literal(true).optional(),
  /** The shell that `slipway shell` opens. */
  shell: command,
  /** What a database service offers besides. */
  database: z
    .strictObject({
      /**
       * Opens the database's own client in the container. Without a terminal, the client runs the statements from standard
       * input, and ends with another exit code than 0 at the first that fails.
       */
      shell: command,
      /** Writes a dump to standard output. */
      dump: command,
      /** Reads a dump from standard input. */
      load: command,
    })
    .optional(),
  /** Commands by name, such as creating a superuser. */
  actions: z.record(z.string(), command).optional(),
});

export type ServiceOperations = z.infer<typeof serviceOperationsSchema>;

/** The text of the label `slipway.operations`. */
export function operationsLabel(operations: ServiceOperations): string {
  return JSON.stringify(serviceOperationsSchema.parse(operations));
}
