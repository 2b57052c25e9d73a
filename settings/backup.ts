import { absolutePath, group, imageReference, text } from "./fields.ts";

/** The public key that the examples of stack files name, from age's own documentation. */
export const exampleRecipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/** How a stack's data are backed up. Read by the commands `backup` and `restore` only. */
export const backupSettings = group({
  folder: absolutePath()
    .optional()
    .meta({
      description:
        "Folder of this machine in which `slipway backup` puts backups. It has to exist. Without it: `backups` beside " +
        "the state.",
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
      description: "Image with the tools, as `images/backup` makes it. Without it, that is built.",
      examples: ["registry.example.org/slipway/backup:1.1.1-0123456789ab"],
    }),
});
