import { z } from "zod";

import { camcopsConfigRule } from "./camcops-config-rule.ts";
import { camcopsSecretConfig, camcopsSettings } from "./camcops.ts";
import { environmentNames, imageDemand } from "./environment.ts";
import { flag, group, imageReference, oneOf, text } from "./fields.ts";
import { valueAt } from "./path.ts";
import type { Report } from "./remedy.ts";

/** A secret that the user may choose; encrypted, one key each. */
function password(description: string, variable: string) {
  return text("one line of text that is not empty", /^.+$/).optional().meta({ description, variable });
}

/** The secrets of a stack: flat keys of their own, because one encrypted value makes all of its key secret. */
const secrets = {
  camcopsSuperuserPassword: password(
    "Password of the first user. Without it the stack generates one; a deployment never resets it.",
    "CAMCOPS_INSTALLER_SUPERUSER_PASSWORD",
  ),
  camcopsMysqlUserPassword: password(
    "Password of CamCOPS's user in the database. Without it the stack generates one; an external database needs it.",
    "CAMCOPS_DOCKER_MYSQL_USER_PASSWORD",
  ),
  camcopsMysqlRootPassword: password(
    "Password of root in the stack's own database. Without it the stack generates one.",
    "CAMCOPS_DOCKER_MYSQL_ROOT_PASSWORD",
  ),
  camcopsFlowerPassword: text("one line of text that is not empty", /^.+$/)
    .optional()
    .meta({ description: "Password for the login at the monitor. Without it the stack generates one." }),
  camcopsSecretConfig: camcopsSecretConfig.optional().meta({
    description:
      "Secret keys of camcops.conf by section, as in `camcops.config`, but none of `export`: mail, SMS and export " +
      "recipients' passwords.",
    examples: [{ site: { EMAIL_HOST_PASSWORD: { secure: "…" } } }],
  }),
};

/** The names of the keys whose values must be encrypted. */
export const secretNames: ReadonlySet<string> = new Set(Object.keys(secrets));

/** The keys that hold a group of settings rather than one value. */
export const groupNames: ReadonlySet<string> = new Set(["camcops", "camcopsSecretConfig"]);

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
  camcops: camcopsSettings.optional().meta({ description: "CamCOPS. When this key is there, CamCOPS is deployed." }),
  ...secrets,
});

/** The systems that a stack can hold. */
const systemNames = ["camcops"] as const;

/** All keys of a stack, the secret ones included. */
export const stackSchema = stackGroup.superRefine(stackRules, { when: () => true });

/** What a user says about a stack, with every default filled in, without its secrets. */
export type StackSettings = Omit<z.output<typeof stackSchema>, keyof typeof secrets>;

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
  const ownDatabase = flag().safeParse(valueAt(stack, ["camcops", "mysql", "container"])).data;
  if (ownDatabase === false && valueAt(stack, ["camcopsMysqlUserPassword"]) === undefined) {
    report(
      ["camcopsMysqlUserPassword"],
      "must be set, because camcops.mysql.container is false and only you know the external database's password",
      { setSecret: "camcopsMysqlUserPassword" },
    );
  }
  camcopsConfigRule(stack, report);
  const environment = oneOf(environmentNames).safeParse(valueAt(stack, ["environment"])).data;
  if (environment === undefined) return;
  for (const image of ["camcops", "mysql", "rabbitmq"]) {
    if (image === "mysql" && ownDatabase === false) continue;
    const path = ["camcops", "images", image];
    const reference = imageReference().optional().safeParse(valueAt(stack, path));
    const demand = reference.success ? imageDemand(environment, reference.data) : undefined;
    if (demand !== undefined) {
      report(path, demand, { set: path.join("."), value: `<your registry>/${image}@sha256:<digest>` });
    }
  }
}
