import { group, oneOf } from "./fields.ts";

/** How a stack is upgraded. Read by the commands `up` and `upgrade` only. */
export const upgradeSettings = group({
  migrate: oneOf(["automatic", "by-hand"])
    .default("automatic")
    .meta({
      description:
        "Whether `slipway up` and `slipway upgrade` run tasks on data that are there, such as a migration. by-hand: they " +
        "make the images ready, stop before anything is changed, and say what to type, which is --migrate.",
      examples: ["by-hand"],
    }),
});
