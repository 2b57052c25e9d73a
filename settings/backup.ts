import { z } from "zod";
import { nextTime } from "./cron.ts";
import { absolutePath, group, imageReference, numericId, text, wholeNumber } from "./fields.ts";

/** The public key that the examples of stack files name, from age's own documentation. */
export const exampleRecipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

const cronAllowed =
  "a line of cron for a time that comes: minute hour day month weekday, such as 30 2 * * * for half past two every night; " +
  "six fields begin with the second";

function isDueEver(line: string): boolean {
  return nextTime(line, new Date(0), "UTC") !== undefined;
}

/** The service that takes backups by itself. */
const scheduleSettings = group({
  cron: z.string(`must be ${cronAllowed}`).refine(isDueEver, `must be ${cronAllowed}`).default("30 2 * * *").meta({
    allowed: cronAllowed,
    description: "When a backup is taken, by the clocks of the system's time zone.",
  }),
  keepDaily: wholeNumber(0, 10_000, "days").default(7).meta({
    description:
      "For how many days the newest scheduled backup of each is kept. The newest of all is kept in any case.",
    unit: "days",
  }),
  keepWeekly: wholeNumber(0, 10_000, "weeks").default(4).meta({
    description: "Likewise for weeks.",
    unit: "weeks",
  }),
  keepMonthly: wholeNumber(0, 10_000, "months").default(12).meta({
    description: "Likewise for months.",
    unit: "months",
  }),
  userId: numericId().default(1000).meta({
    description: "User id of the service and of the backups that it makes. The folder has to belong to it.",
  }),
  memory: wholeNumber(64, 1_048_576, "MiB").default(256).meta({
    description:
      "Memory limit of the service, and of each container beside it that hands a database's or a volume's data over.",
    unit: "MiB",
    caution: "A process that needs more is killed by the kernel.",
  }),
});

/** How a stack's data are backed up: by hand, and by schedule. */
export const backupSettings = group({
  folder: absolutePath()
    .optional()
    .meta({
      description:
        "Folder of this machine in which `slipway backup` puts backups. It has to exist. Without it: `backups` beside " +
        "the state. The schedule needs one, and it is a folder of the Docker host then.",
      examples: ["/srv/backups"],
    }),
  recipient: text("a public key of age: age1 and 58 letters and digits", /^age1[02-9ac-hj-np-z]{58}$/)
    .optional()
    .meta({
      description:
        "Public key for which backups are encrypted; whoever has the private one can restore them. `age-keygen` makes " +
        "both. Without it, backups are not encrypted.",
      examples: [exampleRecipient],
      caution: "Without the private key nobody can restore what was encrypted.",
    }),
  image: imageReference()
    .optional()
    .meta({
      description:
        "Image with the tools, as `images/backup` makes it. Without it, that is built. Where images are pulled, the schedule " +
        "needs one.",
      examples: ["registry.example.org/slipway/backup:1.1.1-0123456789ab"],
    }),
  schedule: scheduleSettings.optional().meta({
    description:
      "Backups by schedule. When this key is there, a service takes them, and `slipway status` tells of them.",
  }),
});
