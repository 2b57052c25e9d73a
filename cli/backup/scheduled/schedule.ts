import { z } from "zod";
import { partSchema } from "../archive-format.ts";

/** The variable of the service that takes backups by schedule which tells it what to do, as JSON. */
export const scheduleVariable = "SLIPWAY_SCHEDULE";

/** What the service is told. Nothing of it is secret. */
export const scheduleSchema = z.strictObject({
  stack: z.string().min(1),
  /** A line of cron. */
  cron: z.string(),
  timeZone: z.string(),
  /** Public key of age. @default not encrypted */
  recipient: z.string().optional(),
  keep: z.strictObject({ daily: z.int().min(0), weekly: z.int().min(0), monthly: z.int().min(0) }),
  /** The images of the stack's services, by system and service, such as `clinic/mysql`. */
  images: z.record(z.string(), z.string()),
  /** What is saved, each with the folder in which its container hands it over. */
  parts: z.array(
    z.strictObject({
      part: partSchema,
      folder: z.string().startsWith("/"),
      /** Whether it can be asked for the rows of a database's tables, and for its version. */
      countsRows: z.boolean(),
      tellsVersion: z.boolean(),
    }),
  ),
});

export type Schedule = z.infer<typeof scheduleSchema>;
