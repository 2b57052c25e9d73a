import { z } from "zod";
import type { Mount } from "./container.ts";

const command = z.array(z.string()).min(1);

/**
 * The names of the actions that make a superuser and set a user's password. Each gets the user's name as one more argument,
 * and the password with a line break after it on standard input. It says what it did; where it did nothing, because the
 * user exists already or does not exist, or the password is not accepted, its exit code is not 0.
 */
export const superuserActions = { create: "superuser-create", password: "superuser-password" } as const;

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
      /** Writes a dump to standard output, while others go on using the database: all of it as at one moment. */
      dump: command,
      /** Replaces everything in the database by a dump from standard input. Caution: what was in it is lost. */
      load: command,
      /**
       * Prints software and version, such as `MariaDB 10.11`: as long as it prints the same, two dumps of equal data are
       * equal, but for what `cli/backup/dump-checksum.ts` leaves out. Without it, dumps are not compared.
       */
      version: command.optional(),
      /** Prints a line for each table: its name, a tab, and how many rows it has. */
      rows: command.optional(),
    })
    .optional(),
  /**
   * Folders in the container at which volumes are mounted whose files a backup saves. Those of a database are not among
   * them: its files are no good without its dump.
   */
  savedFolders: z.array(z.string().startsWith("/")).min(1).optional(),
  /** Who renews the certificate that its system serves. @default nobody knows, or there is none */
  certificate: z
    .strictObject({
      /** How many days before its end a deployment renews it. Without it: the user does. */
      renewalDays: z.int().positive().optional(),
    })
    .optional(),
  /** Whether its health check prints what `cli/backup/scheduled/schedule-report.ts` reads. @default no */
  reportsBackups: z.literal(true).optional(),
  /** Commands by name, such as those of `superuserActions`. */
  actions: z.record(z.string(), command).optional(),
});

export type ServiceOperations = z.infer<typeof serviceOperationsSchema>;

/** What of these mounts a backup saves: the files of volumes. A folder of the host is its owner's to save. */
export function savedMounts(mounts: readonly Mount[]): Pick<ServiceOperations, "savedFolders"> {
  const savedFolders = mounts.flatMap(({ source, target }) => (typeof source === "string" ? [] : [target]));
  return savedFolders.length === 0 ? {} : { savedFolders };
}

/** The text of the label `slipway.operations`. */
export function operationsLabel(operations: ServiceOperations): string {
  return JSON.stringify(serviceOperationsSchema.parse(operations));
}
