import { z } from "zod";

import { backupSettings } from "./backup.ts";
import { environmentNames, imageDemand } from "./environment.ts";
import { group, imageReference, oneOf, text } from "./fields.ts";
import { valueAt } from "./path.ts";
import type { Report } from "./remedy.ts";
import { upgradeSettings } from "./upgrade.ts";
import { imageChoices, systemNames, systems, type SystemName } from "./systems.ts";

const stackGroup = group({
  environment: oneOf(environmentNames).meta({
    description:
      "Kind of the stack. Without it: the stack's name, when that is one of these. dev builds images; staging pulls " +
      "them by exact tag; prod pulls them by digest and warns of a self-signed certificate.",
    examples: ["dev"],
  }),
  host: text(
    "a Docker host: unix:///path/to/docker.sock, tcp://host:port or ssh://user@host",
    /^(?:unix:\/\/\/.+|(?:tcp|ssh):\/\/[^\s/]+)$/,
  )
    .default("unix:///var/run/docker.sock")
    .meta({ description: "The Docker engine that the stack runs on." }),
  imageRevision: text("a text of at most 64 letters, digits, '.', :, - and _", /^[A-Za-z0-9.:_-]{1,64}$/)
    .optional()
    .meta({
      description: "Builds the images anew when it changes. Set by `slipway up --rebuild`.",
      examples: ["20260131T120000Z"],
    }),
  backup: backupSettings.optional().meta({ description: "How `slipway backup` keeps the stack's data." }),
  upgrade: upgradeSettings.optional().meta({ description: "How `slipway upgrade` and `slipway up` work." }),
  camcops: systems.camcops.settings
    .optional()
    .meta({ description: "CamCOPS. When this key is there, CamCOPS is deployed." }),
  ...systems.camcops.secrets,
  coped: systems.coped.settings.optional().meta({ description: "COPED. When this key is there, COPED is deployed." }),
  ...systems.coped.secrets,
  ocs: systems.ocs.settings.optional().meta({ description: "OCS. When this key is there, OCS is deployed." }),
  ...systems.ocs.secrets,
  siddata: systems.siddata.settings
    .optional()
    .meta({ description: "Siddata. When this key is there, Siddata is deployed." }),
  ...systems.siddata.secrets,
});

/** All keys of a stack, the secret ones included. */
export const stackSchema = stackGroup.superRefine(stackRules, { when: () => true });

type StackValues = z.output<typeof stackGroup>;

/** What a user says about a stack, with every default filled in, without its secrets. */
export type StackSettings = Pick<
  StackValues,
  "environment" | "host" | "imageRevision" | "backup" | "upgrade" | SystemName
>;

/** The secrets that a user chose. */
export type StackSecretValues = Omit<StackValues, keyof StackSettings>;

/** The rules that a stack's keys keep among each other; like a system's own, each is silent where its part is invalid. */
function stackRules(stack: unknown, context: z.core.$RefinementCtx): void {
  const report: Report = (path, message, ...remedy) => {
    context.addIssue({ code: "custom", path, message, params: { remedy } });
  };
  if (systemNames.every((system) => valueAt(stack, [system]) === undefined)) {
    report(
      ["camcops"],
      `must be set: a stack needs at least one system, and the systems are: ${systemNames.join(", ")}`,
      {
        set: "camcops.name",
        value: "camcops",
      },
    );
    return;
  }
  for (const name of systemNames) {
    if (valueAt(stack, [name]) !== undefined) systems[name].rules(stack, report);
  }
  scheduleRules(stack, report);
  const environment = oneOf(environmentNames).safeParse(valueAt(stack, ["environment"])).data;
  if (environment === undefined) return;
  for (const { path, name, source } of imageChoices(stack)) {
    const reference = imageReference()
      .optional()
      .safeParse("pull" in source ? source.pull : undefined);
    const demand = reference.success ? imageDemand(environment, reference.data) : undefined;
    if (demand !== undefined) {
      const { leftOutBy } = source;
      report(
        path,
        demand,
        { set: path.join("."), value: `<your registry>/${name}@sha256:<digest>` },
        ...(leftOutBy === undefined ? [] : [{ set: leftOutBy, value: "false" }]),
      );
    }
  }
}

/** What backups by schedule need besides. */
function scheduleRules(stack: unknown, report: Report): void {
  if (valueAt(stack, ["backup", "schedule"]) === undefined) return;
  if (valueAt(stack, ["backup", "folder"]) === undefined) {
    report(["backup", "folder"], "must be set, because backup.schedule puts backups there", {
      set: "backup.folder",
      value: "/srv/backups",
    });
  }
}
